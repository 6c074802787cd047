"""``facefatigue explain`` as a user runs it."""

from __future__ import annotations

import csv
import json
import sys

import av
import numpy as np
import pytest
from PIL import Image

from facefatigue.cli import main
from facefatigue.explain import REGIONS, video
from facefatigue.explain.drawing import drawn_face


def frames_of(path):
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def map_of(path, number, what):
    with np.load(path) as arrays:
        return arrays[f"{number:04d}.{what}"]


def test_one_window_gives_every_file_and_a_sentence(sample, tmp_path, capsys):
    assert main(["explain", str(sample), "--duration", "4", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "drowsy.mp4, 0.0 to 3.2 s: score 0." in out
    ends = ("explain.html", "explain.png", "explain.gif", "explain.mp4", "explain.csv", "explain.json", "explain.npz")
    assert {path.name for path in tmp_path.iterdir()} == {f"drowsy.{end}" for end in ends}
    told = json.loads((tmp_path / "drowsy.explain.json").read_text())
    assert told["schema"] == "facefatigue.explanation/1"
    assert told["source"] == str(sample)
    (window,) = told["windows"]
    assert window["text"] in out
    assert [method["method"] for method in window["methods"]] == ["hires-cam@read", "attention"]
    first = window["methods"][0]
    values = map_of(tmp_path / "drowsy.explain.npz", 0, "hires-cam@read")
    assert values.shape == (32, 112, 112)
    assert first["scale"] == pytest.approx(float(values.max()))
    with (tmp_path / "drowsy.explain.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 32
    for name in REGIONS:
        total = sum(float(row[name]) for row in rows if row["method"] == "hires-cam@read")
        assert total == pytest.approx(first["shares"][name], abs=1e-4)
    page = (tmp_path / "drowsy.explain.html").read_text(encoding="utf-8")
    assert window["text"] in page
    assert f"<td>{100 * first['shares']['eyes']:.0f} %</td>" in page
    assert "http:" not in page
    with Image.open(tmp_path / "drowsy.explain.gif") as gif:
        assert (gif.n_frames, gif.size) == (32, (512, 224))
    frames = frames_of(tmp_path / "drowsy.explain.mp4")
    assert [time for time, _ in frames] == pytest.approx(np.arange(80) / 25, abs=1e-3)
    assert frames[0][1].shape == (360, 480, 3)


def test_all_windows_on_a_drawn_face_show_nobody(sample, tmp_path, capsys):
    arguments = ["--window", "all", "--hide-identity", "--method", "grad-cam@stage4", "--target", "class"]
    assert main(["explain", str(sample), "--duration", "7", *arguments, "--out", str(tmp_path)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("drowsy.mp4, ")]
    assert [line.partition(" to ")[0] for line in lines] == ["drowsy.mp4, 0.0", "drowsy.mp4, 3.2"]
    assert (tmp_path / "drowsy.shares.png").exists()
    for end in ("html", "json", "csv"):
        assert "drowsy" not in (tmp_path / f"drowsy.explain.{end}").read_text(encoding="utf-8")
    with np.load(tmp_path / "drowsy.explain.npz") as arrays:
        names = set(arrays.files)
    assert names == {
        f"000{number}.{what}"
        for number in (0, 1)
        for what in ("time_s", "drawn", "grad-cam@stage4", "grad-cam@stage4.shares")
    }
    drawn = map_of(tmp_path / "drowsy.explain.npz", 1, "drawn")
    frames = frames_of(tmp_path / "drowsy.explain.mp4")
    assert len(frames) == 64
    cold = np.asarray(Image.fromarray(drawn[3]).resize((448, 448))) == 0
    cold[400:] = False  # the line of text
    face = drawn_face(448).astype(int)
    assert np.abs(frames[32 + 3][1].astype(int) - face)[cold].mean() < 4
    with av.open(str(tmp_path / "drowsy.explain.mp4")) as container:
        assert not container.streams.audio


def test_nothing_of_an_earlier_explanation_is_left_and_the_report_leads_to_the_new_one(sample, tmp_path):
    for end in ("explain.mp4", "shares.png"):  # the person may be seen in it
        (tmp_path / f"drowsy.{end}").write_text("of an earlier run")
    (tmp_path / "drowsy.report.html").write_text("<!-- explanation: begin --><!-- explanation: end -->")
    arguments = ["--duration", "4", "--hide-identity", "--no-overlay", "--method", "grad-cam@stage4", "--out", str(tmp_path)]
    assert main(["explain", str(sample), *arguments]) == 0
    assert not (tmp_path / "drowsy.explain.mp4").exists()
    assert not (tmp_path / "drowsy.shares.png").exists()
    assert 'href="drowsy.explain.html"' in (tmp_path / "drowsy.report.html").read_text()
    assert "report.html" not in (tmp_path / "drowsy.explain.html").read_text()  # which names the video and shows the person
    assert main(["explain", str(sample), *arguments[:2], "--no-overlay", *arguments[4:]]) == 0
    assert 'href="drowsy.report.html"' in (tmp_path / "drowsy.explain.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--window", "50"], 2, "no scored window covers 50 s; the nearest one is from 0.0 to 3.2 s"),
        (["--method", "magic"], 6, "there is no method 'magic'; there are grad-cam, "),
        (
            ["--method", "guided", "--hide-identity"],
            2,
            "guided follows the edges of the face, by which it can be recognised",
        ),
        (["--attention-from", "ear"], 2, "--attention-from ear: give all, or PLACE"),
        (["--attention-from", "nose@9"], 2, "a window takes 3.2 seconds"),
        (["--attention-from", "0.5,2"], 2, "X and Y are from 0 to 1"),
        (["--attention-from", "nose", "--method", "hires-cam"], 2, "give --method attention as well"),
        (["--model", "nobody"], 5, "there is no model called 'nobody'"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(sample, tmp_path, capsys, arguments, code, message):
    assert main(["explain", str(sample), "--duration", "4", *arguments, "--out", str(tmp_path / "out")]) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("place", ["mouth@1.2", "0.5,0.7"])
def test_attention_can_be_asked_of_a_place(sample, tmp_path, place):
    arguments = ["--method", "attention", "--attention-from", place, "--no-overlay"]
    assert main(["explain", str(sample), "--duration", "4", *arguments, "--out", str(tmp_path)]) == 0
    assert map_of(tmp_path / "drowsy.explain.npz", 0, "attention").sum() == pytest.approx(1, rel=1e-3)
    assert not (tmp_path / "drowsy.explain.mp4").exists()


def test_an_interrupted_run_leaves_what_was_there_and_nothing_else(sample, tmp_path, monkeypatch):
    for end in ("explain.html", "explain.npz", "shares.png"):
        (tmp_path / f"drowsy.{end}").write_text("of an earlier run")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(video, "write_heat_video", interrupted)
    assert main(["explain", str(sample), "--duration", "4", "--out", str(tmp_path)]) == 130
    left = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert left == {f"drowsy.{end}": "of an earlier run" for end in ("explain.html", "explain.npz", "shares.png")}


def test_a_window_that_is_no_time_is_a_usage_error(sample, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["explain", str(sample), "--window", "yesterday"])
    assert "'yesterday' is neither worst, best or all nor a time in seconds" in capsys.readouterr().err


def test_no_face_is_exit_code_4_and_bad_files_stop_nobody(write_video, tmp_path, capsys):
    room = write_video("room.mp4", [np.full((120, 160, 3), 127, np.uint8)] * 60)
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    out = str(tmp_path / "out")
    assert main(["explain", str(room), "--out", out]) == 4
    out_text = capsys.readouterr().out
    assert "no face could be scored, so there is nothing to explain. No face was found in 2.4 s of video" in out_text
    assert main(["explain", str(text), str(room), "--out", out]) == 3
    assert "2 sources: 0 done, 1 abstained, 1 failed" in capsys.readouterr().out


def test_a_live_source_is_refused(tmp_path, capsys):
    assert main(["explain", "rtsp://127.0.0.1:9/cam", "--out", str(tmp_path)]) == 2
    assert "record it first" in capsys.readouterr().err


def test_without_torch_the_extra_is_named(sample, tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("facefatigue.explain")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["explain", str(sample), "--out", str(tmp_path)]) == 7
    assert "pip install 'facefatigue[train]'" in capsys.readouterr().err
