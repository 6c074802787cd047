"""The figures of the default model: their statistics on made-up numbers, and what happens when something is missing."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

import evaluate_default
from default_model import media as media_module
from default_model.figures import (
    Controls,
    Spread,
    mean_spearman,
    mostly_inside,
    paired_area,
    pooled_area,
    pooled_spearman,
    spearman_by_video,
    window_means,
)
from default_model.scoring import EYE_BAND, Scores, brightness
from default_model.store import Store
from default_model.synthetic import bf16_row_of, rows_of
from default_model.table import BY_KEY, PLANNED, Goal, Row, Table, cells, missing_rows, with_seeds
from default_model.untrained import Untrained
from default_model.windows import Windows
from facefatigue.clips import clip_from_crops
from facefatigue.errors import ConfigurationError
from facefatigue.evaluate import Predictions
from facefatigue.model.config import ModelConfig
from facefatigue.model.network import FatigueNet
from landmarker import LandmarkerError

if TYPE_CHECKING:
    from pathlib import Path

random = np.random.default_rng(5)


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_a_window_is_a_yawn_when_more_than_half_of_it_lies_inside_one() -> None:
    start_s = array(0.0, 0.9, 1.0, 1.1, 3.0, 4.9, 8.0)
    inside = mostly_inside(start_s, start_s + 2, [(2.0, 5.0), (9.2, 20.0)])
    #  0-2 touches; 0.9-2.9 has 0.9 of 2; 1-3 exactly half; 1.1-3.1 more than half; 3-5 whole; 4.9-6.9 0.1; 8-10 has 0.8
    assert inside.tolist() == [False, False, False, True, True, False, False]
    assert not mostly_inside(start_s, start_s + 2, []).any()


def test_two_yawns_that_each_hold_less_than_half_do_not_add_up() -> None:
    assert not mostly_inside(array(0.0), array(2.0), [(0.0, 0.7), (1.3, 2.0)]).any()


def test_areas_are_pooled_over_windows_and_over_pairs_of_one_video() -> None:
    # Within each video the positive is on top; the second video is brighter as a whole.
    scores = {"a": array(0.1, 0.2), "b": array(0.7, 0.8), "c": array(0.5)}
    truth = {"a": np.array([False, True]), "b": np.array([False, True]), "c": np.array([False])}
    assert paired_area(scores, truth) == 1.0
    # Positives 0.2 and 0.8 against 0.1, 0.7, 0.5: four of six pairs.
    assert pooled_area(scores, truth) == pytest.approx(4 / 6)


def test_paired_area_weights_videos_by_their_pairs_and_counts_ties_half() -> None:
    scores = {"a": array(1, 0, 0, 0), "b": array(0.5, 0.5)}
    truth = {"a": np.array([True, False, False, False]), "b": np.array([True, False])}
    assert paired_area(scores, truth) == pytest.approx((3 * 1.0 + 1 * 0.5) / 4)
    assert paired_area({"a": array(1, 2)}, {"a": np.array([True, True])}) is None
    assert pooled_area({}, {}) is None


def test_spearman_within_videos_is_blind_to_differences_between_them() -> None:
    closure = np.linspace(0, 1, 10)
    target = {"a": closure, "b": closure}
    scores = {"a": closure, "b": closure - 5}  # rises with closure in both, on another level
    assert mean_spearman(scores, target, weighted=False) == pytest.approx(1.0)
    pooled = pooled_spearman(scores, target)
    assert pooled is not None
    assert pooled < 0.6


def test_spearman_is_averaged_with_and_without_the_number_of_windows() -> None:
    target = {"long": np.arange(24.0), "short": np.arange(8.0), "too short": np.arange(7.0)}
    scores = {"long": np.arange(24.0), "short": -np.arange(8.0), "too short": np.arange(7.0)}
    assert spearman_by_video(scores, target) == {"long": (1.0, 24), "short": (-1.0, 8)}
    assert mean_spearman(scores, target, weighted=False) == pytest.approx(0.0)
    assert mean_spearman(scores, target, weighted=True) == pytest.approx((24 - 8) / 32)
    assert mean_spearman({"a": np.arange(3.0)}, {"a": np.arange(3.0)}, weighted=True) is None


def test_windows_without_a_reading_are_left_out_of_a_correlation() -> None:
    target = np.arange(10.0)
    scores = target.copy()
    target[3], scores[3] = np.nan, -100.0
    assert pooled_spearman({"a": scores}, {"a": target}) == pytest.approx(1.0)
    assert spearman_by_video({"a": scores}, {"a": target}) == {"a": (pytest.approx(1.0), 9)}


def test_a_window_has_the_mean_of_its_frames_and_none_when_many_were_not_read() -> None:
    time_s = np.arange(30) / 10
    values = np.where(time_s < 0.95, 0.2, 0.6)
    values[20:22] = np.nan
    found = window_means(time_s, values, array(0.0, 0.5, 2.0, 9.0), array(1.0, 1.5, 3.0, 10.0))
    # Frames 0-9: nine or ten of 0.2; 5-14: five of each; 20-29: two of ten are missing; the last holds no frame.
    assert found[:2] == pytest.approx([0.2, 0.4])
    assert np.isnan(found[2:]).all()


def test_a_figure_is_above_its_controls_only_when_it_beats_brightness_in_either_direction() -> None:
    controls = Controls(chance=0.5, middle=0.6, brightness=0.2, eye_band=0.55, untrained=(0.4, 0.7, 0.1))
    assert controls.untrained_best == 0.7
    assert controls.untrained_mean == pytest.approx(0.4)
    assert controls.beaten_by(0.81)
    assert not controls.beaten_by(0.79)  # darkness alone gives 0.8
    assert Controls(chance=0.0, brightness=-0.5).beaten_by(0.4) is False
    assert Controls(chance=0.5).beaten_by(1.0) is None
    assert Controls(chance=0.5, comparable=False, middle=0.1).beaten_by(1.0) is None


def test_a_statistic_is_taken_of_the_model_and_of_every_control() -> None:
    truth = {"a": np.array([True, False, False])}
    scores = Scores(
        model={"a": array(3, 2, 1)}, probability={"a": array(0.9, 0.6, 0.1)}, middle={"a": array(2, 3, 1)},
        middle_probability={"a": array(0.5, 0.5, 0.5)}, brightness={"a": array(1, 2, 3)}, eye_band={"a": array(1, 1, 1)},
        untrained=({"a": array(3, 2, 1)}, {"a": array(1, 2, 3)}),
    )  # fmt: skip
    value, controls = scores.figure(lambda found: pooled_area(found, truth), chance=0.5)
    assert value == 1.0
    assert controls == Controls(chance=0.5, middle=0.5, brightness=0.0, eye_band=0.5, untrained=(1.0, 0.0))
    some = scores.where({"a": np.array([True, False, True])})
    assert some.model["a"].tolist() == [3, 1]
    assert [values["a"].tolist() for values in some.untrained] == [[3, 1], [1, 3]]
    plain = Scores(model=scores.model, probability=scores.probability).figure(lambda _: 0.7, chance=0.5)
    assert plain == (0.7, Controls(chance=0.5))


def test_brightness_is_of_the_crop_or_of_the_band_that_holds_the_eyes() -> None:
    frames = np.zeros((2, 100, 100, 3), np.uint8)
    top, bottom, left, right = (round(100 * share) for share in EYE_BAND)
    frames[1, top:bottom, left:right] = 200
    windows = Windows(
        frames=frames, index=np.array([[0, 0], [0, 1], [1, 1]], np.int32), start_s=array(0, 1, 2), end_s=array(1, 2, 3)
    )
    assert brightness(windows, band=EYE_BAND).tolist() == [0, 100, 200]
    share = (bottom - top) * (right - left) / 100**2
    assert brightness(windows) == pytest.approx([0, 100 * share, 200 * share])


CONFIG = ModelConfig(
    name="small", version="1", licence="CC0-1.0", training_data="none: random weights", metrics={}, first_channel=8,
    frames=8, size_px=112, frame_rate_hz=12.5,
)  # fmt: skip


def some_windows(count: int = 10) -> Windows:
    frames = random.integers(0, 256, (20, 112, 112, 3), np.uint8)
    index = (np.arange(count)[:, None] + np.arange(8)).astype(np.int32)
    return Windows(frames=frames, index=index, start_s=np.arange(count) / 2, end_s=np.arange(count) / 2 + 0.64)


def test_untrained_networks_follow_from_their_seed_and_leave_the_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.rand(3)
    torch.manual_seed(1)
    weights = [Untrained(CONFIG, seed, store=Store(None), threads=1).weights_sha256 for seed in (3, 4, 3)]
    assert torch.equal(torch.rand(3), before)
    assert weights[0] == weights[2] != weights[1]


@pytest.mark.parametrize("backbone", ["resnet3d", "resnet2d_cues"])
def test_untrained_scores_are_those_of_the_network_on_whole_windows(backbone: str) -> None:
    cues = {"non_local_position": 4, "cues": ("turn", "closure")} if backbone == "resnet2d_cues" else {}
    config = dataclasses.replace(CONFIG, backbone=backbone, **cues)
    windows = some_windows()
    outputs = Untrained(config, 3, store=Store(None), threads=1).outputs(windows)
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(3)
        network = FatigueNet(config).eval()
        clips = torch.from_numpy(np.stack([clip_from_crops(windows.frames[row]) for row in windows.index]))
        assert outputs["scores"] == pytest.approx(network(clips)[1].numpy(), abs=1e-5)
        if cues:
            wanted = network.forward_with_cues(clips)[2][:, 4, 3]  # behind the three channels of the turn
            assert outputs["closure"] == pytest.approx(wanted.numpy(), abs=1e-4)
    assert Untrained(config, 3, store=Store(None), threads=1).outputs(some_windows(0))["scores"].shape == (0,)


def test_the_spread_over_training_seeds_is_put_beside_the_first_models_figures() -> None:
    rows = [Row(part="a", key="x", name="x", value=0.9), Row(part="a", key="y", name="y", value=None, state="not given")]
    others = [[Row(part="a", key="x", name="x", value=value)] for value in (0.6, 0.3)]
    merged = with_seeds(rows, others)
    assert merged[0].value == 0.9
    assert merged[0].seeds == Spread(mean=pytest.approx(0.6), deviation=pytest.approx(0.3), low=0.3, high=0.9, count=3)
    assert merged[1].seeds is None
    assert with_seeds(rows, []) == rows
    assert math.isnan(Spread.of([0.5]).deviation)


def test_goals_are_met_or_missed_in_plain_text() -> None:
    assert Goal(sense="at least", border=0.97).met_by(0.97)
    assert not Goal(sense="below", border=0.1).met_by(0.1)
    assert Goal(sense="at most", border=0.08).met_by(0.08)
    row = BY_KEY["franck_share_side"].row(value=0.125, n="16 windows of 1 video")
    assert cells(row)[2:6] == ("12.5 %", "below 10 %", "missed", "16 windows of 1 video")
    met = BY_KEY["closure_mean"].row(value=0.7, controls=Controls(chance=0.0, middle=-0.25, untrained=(0.1, 0.3)))
    assert cells(met)[2:5] == ("0.700", "at least 0.6", "met")
    assert cells(met)[6:13] == ("−0.250", "–", "–", "0.200", "0.300", "yes", "–")


def test_what_is_missing_stays_in_the_table() -> None:
    rows = missing_rows("ad", "no film") + missing_rows("e", "no reader", keys="hand_landmarker")
    assert {row.key for row in rows} == {
        planned.key for planned in PLANNED if planned.part in "ad" or planned.key.startswith("hand_landmarker")
    }
    table = Table(tuple(rows), ("About.",))
    assert not table.complete
    text = table.to_markdown()
    assert text.count("| missing |") == 2 * len(rows)
    assert "no film" in text
    assert "Goals met: 0 of 4. Figures missing: 9." in text
    assert Table((Row(part="a", key="x", name="x", state="not given"),)).complete


def test_the_table_has_one_row_for_each_figure_and_is_json_too() -> None:
    rows = (
        BY_KEY["synthetic_mae"].row(value=0.07, low=0.06, high=0.085, n="600 clips"),
        Row(part="f", key="x", name="a|b", value=1.0),
    )
    table = Table(rows, ("About.",), {"models": ["m"]})
    lines = [line for line in table.to_markdown().splitlines() if line.startswith("| f |")]
    assert len(lines) == 2
    assert "0.070 \\[0.060, 0.085\\]" in lines[0] or "0.070 [0.060, 0.085]" in lines[0]
    assert "a\\|b" in lines[1]
    entries = json.loads(json.dumps(table.to_dict()))
    assert entries["rows"][0]["met"] is True
    assert entries["models"] == ["m"]


def test_synthetic_figures_have_intervals_over_identities_and_parts() -> None:
    people, each = 12, 5
    target = random.random(people * each)
    score = np.clip(target + random.normal(0, 0.05, len(target)), 0, 1)
    found = Predictions.of(
        item=[str(n) for n in range(len(target))],
        subject=[f"rig-{n // each}" for n in range(len(target))],
        target=target,
        score=score,
        fatigue_probability=score,
        groups={"glasses": ["1" if n // each % 2 else "0" for n in range(len(target))]},
    )
    rows = {row.key: row for row in rows_of(found, ["glasses"], note="Known.", draws=200)}
    mae = rows["synthetic_mae"]
    assert mae.value == pytest.approx(np.abs(score - target).mean())
    assert mae.low < mae.value < mae.high
    assert mae.met
    assert mae.n == "60 clips of 12 identities"
    assert mae.note.endswith("Known.")
    assert f"without looking: {np.abs(target - target.mean()).mean():.3f}" in mae.note
    assert rows["synthetic_ccc/glasses/1"].n == "30 clips of 6 identities"
    assert len(rows) == 4 + 2 * 5


def test_what_bf16_costs_is_the_difference_of_the_areas() -> None:
    target = np.tile([0.0, 1.0], 10)
    found, coarse = (
        Predictions.of(
            item=[str(n) for n in range(20)],
            subject=[str(n) for n in range(20)],
            target=target,
            score=score,
            fatigue_probability=score,
        )
        for score in (target / 2 + 0.5, np.where(np.arange(20) == 1, 0.4, target / 2 + 0.5))
    )
    row = bf16_row_of(found, coarse)
    assert row.value == pytest.approx(0.1)  # one of ten lies below all others
    assert not row.met
    assert row.note == "scores differ by 0.6000 at most"
    assert bf16_row_of(found, found).met


def test_the_table_goes_between_the_marks_of_a_document(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("Before\n\n<!-- measured -->\nold\n<!-- end of measured -->\n\nAfter\n", encoding="utf-8")
    evaluate_default.write_between_marks("| new |\n", document)
    text = document.read_text(encoding="utf-8")
    assert text == "Before\n\n<!-- measured -->\n\n| new |\n\n<!-- end of measured -->\n\nAfter\n"
    document.write_text("no marks", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="has no place for the table"):
        evaluate_default.write_between_marks("x", document)


def test_without_media_and_clips_every_figure_is_said_to_be_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = evaluate_default.arguments(["--cache", str(tmp_path), "--json", str(tmp_path / "all.json")])
    assert evaluate_default.run(args) == 1
    rows = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["rows"]
    assert [row["key"] for row in rows] == [planned.key for planned in PLANNED]
    assert {row["state"] for row in rows} == {"missing"}
    printed = capsys.readouterr()
    assert "name it with --media" in printed.out
    assert "name it with --synthetic" in printed.err


def test_an_empty_media_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = evaluate_default.arguments(["--cache", str(tmp_path), "--media", str(tmp_path), "--parts", "b"])
    assert evaluate_default.run(args) == 1
    assert "holds no videos; expected folders yawdd" in capsys.readouterr().err


@pytest.fixture
def made_media(tmp_path: Path, short_film: Path) -> Path:
    """A media folder with the rendered sample as a driver, with a yawn and a few labels of eyes."""
    folder = tmp_path / "media"
    (folder / "yawdd").mkdir(parents=True)
    shutil.copy(short_film, folder / "yawdd" / "1.mp4")
    (folder / "yawdd" / "yawns.csv").write_text("video,start_s,end_s\n1.mp4,3,6\n", encoding="utf-8")
    with (folder / "eyes.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [["video", "time_s", "frame", "eye_closure", "note"]]
        rows += [
            ["yawdd/1.mp4", f"{time_s:.3f}", "", str((n % 5) / 4), ""] for n, time_s in enumerate(np.arange(2, 7.6, 0.5))
        ]
        csv.writer(file).writerows(
            [*rows, ["yawdd/1.mp4", "7.9", "", "", "not visible"], ["yawdd/1.mp4", "0.2", "", "1", ""]]
        )
    return folder


@pytest.mark.slow
def test_a_made_up_media_folder_is_measured_as_far_as_it_goes(
    made_media: Path, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(cache: Path) -> Path:
        raise LandmarkerError("the landmarker's model cannot be fetched")

    monkeypatch.setattr(media_module, "fetch", absent)
    given = [
        str(small_model),
        "--cache",
        str(tmp_path / "cache"),
        "--media",
        str(made_media),
        "--labels",
        str(made_media / "eyes.csv"),
    ]
    given += ["--untrained", "2", "--parts", "abcde", "--json", str(tmp_path / "all.json")]
    assert evaluate_default.run(evaluate_default.arguments(given)) == 1
    entries = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    rows = {row["key"]: row for row in entries["rows"]}
    windows = entries["windows"]["yawdd/1.mp4"]
    assert (
        f"{len(windows)} windows, {sum(window['in_yawn'] for window in windows)} of them in a yawn"
        in rows["yawn_auc_pooled"]["n"]
    )
    yawn = rows["yawn_auc_pooled"]
    assert yawn["state"] == "measured"
    assert rows["yawn_auc/yawdd/1.mp4"]["value"] == pytest.approx(yawn["value"])
    assert len(yawn["controls"]["untrained"]) == 2
    assert yawn["controls"]["middle"] is not None
    assert yawn["controls"]["eye_band"] is not None
    for key in ("franck_share_side", "talkers_share_every", "closure_pooled", "hand_landmarker_pearson"):
        assert rows[key]["state"] == "missing", key
    assert "cannot be fetched" in rows["closure_mean"]["note"]
    assert rows["hand_auc_paired"]["state"] == "measured"
    assert rows["hand_cue_spearman"]["state"] == "measured"
    assert len(rows["hand_cue_spearman"]["controls"]["untrained"]) == 2
    # Labels 0, 0.25, ... around and around: of the 12 in the middle, 4 are shut and 6 open; the one at 0.2 s has no window.
    assert rows["hand_auc_pooled"]["n"].startswith("10 windows, 4 of them around shut eyes")
    capsys.readouterr()


@pytest.mark.slow
def test_lists_that_name_absent_videos_make_their_figures_missing(
    made_media: Path, small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (made_media / "yawdd" / "yawns.csv").open("a", encoding="utf-8") as file:
        file.write("9.avi,1,2\n")
    with (made_media / "eyes.csv").open("a", encoding="utf-8") as file:
        file.write("elsewhere/x.mp4,1,,1,\n")
    given = [str(small_model), "--cache", str(tmp_path / "cache"), "--media", str(made_media), "--fresh"]
    given += ["--labels", str(made_media / "eyes.csv"), "--untrained", "0", "--parts", "ae"]
    given += ["--json", str(tmp_path / "all.json")]
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "face_landmarker.task").write_bytes(b"not the model")
    assert evaluate_default.run(evaluate_default.arguments(given)) == 1
    rows = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["rows"]
    assert {row["state"] for row in rows} == {"missing"}
    notes = {row["part"]: row["note"] for row in rows}
    assert "yawns.csv names videos that are not in the media folder: yawdd/9.avi" in notes["a"]
    assert "hand labels name videos that are not in the media folder: elsewhere/x.mp4" in notes["e"]
    assert "is not the expected model" in capsys.readouterr().err
