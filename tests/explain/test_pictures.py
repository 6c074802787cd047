"""Contact sheet, GIF and shares plot: what they show of a window, and whether they say what it stands for."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from facefatigue.explain import REGIONS, Attribution, Explanation, Listener, RegionShares
from facefatigue.explain.gif import write_gif
from facefatigue.explain.shares_plot import draw_shares
from facefatigue.explain.sheet import ExplainedWindow, stacked_shares, write_sheet
from facefatigue.report.style import COLOURS

FRAMES, SIZE_PX = 32, 32


@pytest.fixture
def figures(monkeypatch):
    """The figures that are written."""
    found = []
    save = Figure.savefig

    def keep(figure, *args, **kwargs):
        save(figure, *args, **kwargs)
        found.append(figure)

    monkeypatch.setattr(Figure, "savefig", keep)
    return found


def texts_of(figure):
    return [text.get_text() for text in figure.findobj(Text)]


def window(*attributions, listener=None, hide_identity=False):
    shares = RegionShares(
        over_time=np.full((FRAMES, len(REGIONS)), 1 / FRAMES / len(REGIONS)), area=np.full(len(REGIONS), 1 / len(REGIONS))
    )
    explanation = Explanation(
        score=0.7,
        fatigue_probability=0.8,
        label="fatigue",
        target="fatigue",
        attributions=attributions,
        shares=(shares,) * len(attributions),
        points=np.zeros((FRAMES, 478, 2), np.float32),
        was_read=np.ones(FRAMES, bool),
        listening=np.eye(4, dtype=np.float32),
        listener=listener,
    )
    return ExplainedWindow(
        title="clip.mp4",
        model="small",
        start_s=16.0,
        end_s=19.2,
        crops=np.full((FRAMES, SIZE_PX, SIZE_PX, 3), np.arange(60, 60 + FRAMES)[:, None, None, None], np.uint8),
        frame_rate_hz=10.0,
        explanation=explanation,
        hide_identity=hide_identity,
    )


def heat(frame, method="hires-cam@read", **given):
    values = np.zeros((FRAMES, SIZE_PX, SIZE_PX), np.float32)
    values[frame, 8, 9] = 0.02
    return Attribution(method=method, values=values, **given)


def test_the_frame_with_the_highest_value_is_on_the_sheet_with_its_number(tmp_path, figures):
    write_sheet(window(heat(14), heat(3, "attention", facts={"change": 0.5})), tmp_path / "sheet.png")
    texts = texts_of(figures[0])
    assert "17.4 s" in texts
    assert "2.0e-02" in texts
    assert any("in log-odds for a pixel" in text for text in texts)
    with Image.open(tmp_path / "sheet.png") as image:
        lightest = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int) - (216, 219, 147)  # 0.8 of inferno's last
        assert np.abs(lightest).sum(axis=1).min() < 25


@pytest.mark.parametrize("hide_identity", [False, True])
def test_whose_attention_is_shown_is_written_and_marked(tmp_path, figures, hide_identity):
    listener = Listener(frame=21, x=9.0, y=8.0, place="right-eye")
    shown = window(heat(20), heat(3, "attention", facts={"change": 0.5}), listener=listener, hide_identity=hide_identity)
    write_sheet(shown, tmp_path / "sheet.png")
    texts = texts_of(figures[0])
    assert "attention\nfrom right-eye\nat 18.1 s" in texts
    assert "18.1 s\nright-eye" in texts  # beside the attention over time
    assert "18.1 s" in texts  # above its frame, which is shown in place of the lightest one
    assert "18.0 s" not in texts
    (matrix,) = [image for image in figures[0].findobj(AxesImage) if image.get_array().shape == (4, 4)]
    assert matrix.get_extent() == pytest.approx([15.6, 18.8, 18.8, 15.6])  # 8 frames a moment, the first centred at 16.0 s
    rings = [line.get_xydata().tolist() for line in figures[0].findobj(Line2D) if line.get_marker() == "o"]
    assert rings == ([] if hide_identity else [[[9, 8]]] * 2)  # white on dark


def test_shares_last_until_the_window_ends():
    axes = Figure().add_axes((0, 0, 1, 1))
    found = window(heat(0))
    stacked_shares(axes, found.time_s, found.explanation.shares[0], (16.0, 19.2))
    for area in axes.collections:
        assert area.get_paths()[0].vertices[:, 0].max() == pytest.approx(19.2)


@pytest.mark.parametrize("colour", [None, np.ones((FRAMES, SIZE_PX, SIZE_PX, 3), np.float32)])
def test_the_gif_shows_the_colours_beside_the_frames(tmp_path, colour):
    write_gif(window(heat(5, colour=colour)), tmp_path / "window.gif")
    with Image.open(tmp_path / "window.gif") as gif:
        assert (gif.n_frames, gif.size, gif.info["duration"]) == (FRAMES, (512, 224), 100)
        key = np.asarray(gif.convert("RGB")).astype(int)[14:210, 456]
    assert (np.diff(key.sum(axis=1)) <= 12).all()  # lighter towards the top, but for the 256 colours
    assert key[0].sum() - key[-1].sum() > 250


def test_windows_without_a_score_are_left_blank_and_all_others_are_one_shape_a_region(tmp_path, figures):
    method = SimpleNamespace(method="hires-cam@read", shares=dict.fromkeys(REGIONS, 1 / len(REGIONS)))
    windows = [
        SimpleNamespace(
            start_s=3.2 * number, end_s=3.2 * (number + 1), score=0.3, label="alert", target="fatigue", methods=(method,)
        )
        for number in range(500)
        if number != 100
    ]
    draw_shares("long.mp4", windows, tmp_path / "shares.png")
    above, below = figures[0].axes
    assert (len(above.patches), len(below.patches)) == (1, len(REGIONS))
    values, edges, _ = above.patches[0].get_data()
    assert above.patches[0].get_facecolor()[:3] == pytest.approx(
        [int(COLOURS["alert"][i : i + 2], 16) / 255 for i in (1, 3, 5)]
    )
    assert (values[99], values[100], values[101]) == (0.3, 0, 0.3)
    assert edges[[100, 101, -1]] == pytest.approx([320.0, 323.2, 1600.0])
    values, _, baseline = below.patches[-1].get_data()
    assert values[99] == pytest.approx(100)
    assert values[100] == baseline[100] == 0
