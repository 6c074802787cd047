"""The command line as a user runs it, on the shipped sample and model and on bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

import facefatigue
from facefatigue.cli import main
from facefatigue.cli.predict import worst
from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact

if TYPE_CHECKING:
    from pathlib import Path


def grey(count: int = 60) -> list[np.ndarray]:
    return [np.full((120, 160, 3), 127, np.uint8)] * count


def test_the_sample_gives_every_file_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "--sample", "--out", str(tmp_path), "--overlay"]) == 0
    out = capsys.readouterr().out
    assert "drowsy.mp4" in out
    assert "drowsy.report.html" in out
    names = {path.name for path in tmp_path.iterdir()}
    ends = ("report.json", "windows.csv", "timeline.png", "report.html", "overlay.mp4", "signs.csv", "events.csv")
    assert names == {f"drowsy.{end}" for end in ends}
    report = json.loads((tmp_path / "drowsy.report.json").read_text())
    assert report["schema"] == "facefatigue.report/1"
    (face,) = report["faces"]
    assert face["coverage"] > 0.95
    assert len(face["windows"]) == int(20 / load_artefact(DEFAULT_MODEL).config.window_s)
    assert 0 <= face["score_interval"][0] <= face["score"] <= face["score_interval"][1] <= 1
    assert face["score"] == pytest.approx(np.mean([window["score"] for window in face["windows"]]))
    assert len(face["signs"]["blinks"]) >= 1
    assert face["signs"]["fatigue"]["reference"] == "population"  # there is no baseline
    assert face["fusion"]["network"]["score"] == face["score"]
    (line,) = [line for line in out.splitlines() if line.startswith("signs of drowsy.mp4: ")]
    assert "blinks" in line
    assert "PERCLOS not measurable: " in line
    events = (tmp_path / "drowsy.events.csv").read_text().splitlines()
    assert sum(",blink," in event for event in events) == len(face["signs"]["blinks"])
    assert len((tmp_path / "drowsy.signs.csv").read_text().splitlines()) == 501


def test_without_signs_they_are_null(sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(sample), "--no-signs", "--duration", "5", "--out", str(tmp_path)]) == 0
    assert "signs of" not in capsys.readouterr().out
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"drowsy.{end}" for end in ("report.json", "windows.csv", "timeline.png", "report.html")}
    assert json.loads((tmp_path / "drowsy.report.json").read_text())["faces"][0]["signs"] is None


def test_json_is_all_there_is_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "--sample", "--json", "--engine", "onnxruntime"]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["engine"] == "onnxruntime"
    assert list(tmp_path.iterdir()) == []


def test_no_face_is_exit_code_4(write_video, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_video("empty room.mp4", grey())
    assert main(["predict", str(path), "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["faces"] == []
    assert main(["predict", str(path), "--out", str(tmp_path / "out"), "--overlay"]) == 4
    assert (tmp_path / "out" / "empty room.report.html").exists()


def test_one_bad_file_stops_nobody(sample: Path, write_video, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    room = write_video("room.mp4", grey(10))
    text = tmp_path / "text.mp4"
    text.write_text("no video\n" * 100)
    code = main(
        ["predict", str(tmp_path / "missing.mp4"), str(room), str(text), str(sample), "--out", str(tmp_path / "out")]
    )
    captured = capsys.readouterr()
    assert code == 3
    assert captured.out.rstrip().endswith("4 sources: 1 done, 1 abstained, 2 failed")
    errors = captured.err.strip().splitlines()
    assert len(errors) == 2
    assert "missing.mp4: no such file" in errors[0]
    assert "text.mp4: is not a video" in errors[1]
    assert (tmp_path / "out" / "drowsy.report.json").exists()


def test_several_sources_make_a_list(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(sample), str(sample), "--json", "--duration", "4"]) == 0
    captured = capsys.readouterr()
    first, second = json.loads(captured.out)
    assert first == second
    assert "2 sources: 2 done" in captured.err


def test_the_worst_code_counts() -> None:
    assert worst([0, 0]) == 0
    assert worst([0, 4, 0]) == 4
    assert worst([4, 3, 0]) == 3
    assert worst([3, 6, 4]) == 6


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["predict"], 2, "no SOURCE"),
        (["predict", "ftp://127.0.0.1/a.mp4"], 2, "ftp://"),
        (["predict", "missing.mp4", "--json"], 3, "no such file"),
        (["predict", ".", "--json"], 3, "folder"),
        (["predict", "--sample", "--model", "none-such", "--json"], 5, DEFAULT_MODEL),
        (["predict", "--sample", "--out", "/dev/null/x"], 6, "--out"),
        (["predict", "--sample", "--json", "--overlay"], 2, "--out"),
    ],
)
def test_errors_are_one_line_with_their_code(arguments, code, says, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.strip().splitlines()
    assert line.startswith("facefatigue: ")
    assert says in line


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["predict", "a.mp4", "--stride", "0"], ["predict", "a", "--engine", "x"]]
)
def test_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_a_missing_extra_names_its_install_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert main(["predict", "--sample", "--engine", "openvino", "--json"]) == 7
    assert "facefatigue[openvino]" in capsys.readouterr().err


def test_debug_shows_the_traceback_and_keeps_the_code() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "facefatigue", "predict", "missing.mp4", "--json", "--debug"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "Traceback" in result.stderr
    assert result.returncode == 3


def test_interrupting_leaves_nothing_half_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "facefatigue", "predict", *["--sample"], "--overlay", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/*.html")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)  # while the overlay is being written
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip() == "facefatigue: interrupted"
    assert {path.suffix for path in (tmp_path / "out").iterdir()} <= {".html", ".json", ".csv", ".png"}
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_help_and_version_load_nothing_heavy() -> None:
    script = "import sys, facefatigue.cli as c\ntry:\n c.main(['--help'])\nexcept SystemExit: pass\n"
    script += "print([m for m in ('numpy', 'av', 'torch', 'onnxruntime', 'openvino', 'PIL') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip().endswith("[]")


def test_a_picture_size_that_changes_stops_nobody(write_video, sample: Path, tmp_path: Path, capsys) -> None:
    parts = []
    for name, shape in (("a.ts", (120, 160, 3)), ("b.ts", (96, 128, 3))):
        options = {"flags": "+ilme+ildct"}
        parts.append(
            write_video(name, [np.full(shape, 99, np.uint8)] * 12, codec="mpeg2video", options=options).read_bytes()
        )
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    with av.open(str(tmp_path / "both.ts")) as container:
        decoded = [frame.width for frame in container.decode(video=0)]
    assert {160, 128} == set(decoded)
    sources = [str(tmp_path / "both.ts"), "http://[broken", str(sample)]
    assert main(["predict", *sources, "--duration", "3", "--json"]) == 2
    captured = capsys.readouterr()
    reports = json.loads(captured.out)
    assert [report["source"]["frames"] for report in reports] == [len(decoded), 75]
    assert "'http://[broken': is not an address" in captured.err
    assert "unexpected" not in captured.err


def test_the_overlay_ends_where_the_analysis_does(sample: Path, tmp_path: Path, capsys) -> None:
    assert main(["predict", str(sample), "--duration", "4", "--overlay", "--out", str(tmp_path)]) == 0
    with facefatigue.open_video(tmp_path / "drowsy.overlay.mp4") as video:
        assert sum(1 for _ in video) == 100
    assert f"play {tmp_path / 'drowsy.overlay.mp4'}" in capsys.readouterr().out


def test_an_overlay_of_a_live_source_is_refused_at_once(tmp_path: Path, capsys) -> None:
    assert main(["predict", "udp://127.0.0.1:9", "--overlay", "--out", str(tmp_path / "out")]) == 2
    assert "a live source does not allow" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_not_utf8_is_valid_json(write_video, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.mp4")
    write_video("good.mp4", grey(10)).rename(name)
    command = [sys.executable, "-m", "facefatigue", "predict", name, "--json"]
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    result = subprocess.run(command, check=False, capture_output=True, env=strict)
    assert result.returncode == 4
    assert json.loads(result.stdout.decode("utf-8"))["source"]["path"] == name


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>/dev/null"])
def test_closed_outputs_are_no_error(write_video, closed: str) -> None:
    path = write_video("room.mp4", grey(10))
    command = f"{sys.executable} -m facefatigue predict {path} --json {closed}"
    result = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert result.returncode == 4
    assert "unexpected" not in result.stdout + result.stderr


def test_an_interrupt_that_a_library_swallows_still_counts(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def swallow(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise OSError("Immediate exit requested") from None

    monkeypatch.setattr("facefatigue.cli.predict._analyze", swallow)
    assert main(["predict", "a.mp4", "b.mp4", "--json"]) == 130
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "facefatigue: interrupted\n")


def test_nothing_is_written_below_the_home_folder(write_video, tmp_path: Path) -> None:
    path = write_video("room.mp4", grey(10))
    home = tmp_path / "home"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"} | {"HOME": str(home)}
    command = [sys.executable, "-m", "facefatigue", "predict", str(path), "--json"]
    result = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stderr) == (4, "")
    assert list(home.rglob("*")) == []


def test_doctor_and_completion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert checks["face detector"]["ok"]
    assert checks["face landmarks"]["ok"]
    assert checks["blink estimate"]["ok"]
    assert checks["engine onnxruntime"]["ok"]
    assert checks[f"model {DEFAULT_MODEL}"]["ok"]
    for shell in ("bash", "zsh", "tcsh"):
        assert main(["completion", shell]) == 0
        assert "predict" in capsys.readouterr().out


def test_output_to_a_closed_pipe_is_quiet(sample: Path) -> None:
    command = f"{sys.executable} -m facefatigue predict {sample} --json --duration 3 | head -1"
    result = subprocess.run(
        ["bash", "-c", command], check=False, capture_output=True, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    assert "Traceback" not in result.stderr


def test_a_name_with_a_leading_dash(write_video, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    write_video("-room ü.mp4", grey(10))
    monkeypatch.chdir(tmp_path)
    for arguments in (["predict", "./-room ü.mp4", "--json"], ["predict", "--json", "--", "-room ü.mp4"]):
        assert main(arguments) == 4
        assert json.loads(capsys.readouterr().out)["source"]["frames"] == 10


def test_a_file_that_may_not_be_read(write_video, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    path = write_video("room.mp4", grey(10))
    monkeypatch.setattr("facefatigue.video.location.os.access", lambda *_: False)  # the tests may run as root
    assert main(["predict", str(path), "--json"]) == 3
    assert "permission denied; make the file readable" in capsys.readouterr().err


def test_a_video_without_a_frame(tmp_path: Path, capsys) -> None:
    path = tmp_path / "hollow.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    assert main(["predict", str(path), "--json"]) == 3
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert str(path) in line


def test_8k_from_end_to_end(write_video, capsys) -> None:
    path = write_video("8k.mp4", [np.full((4320, 7680, 3), 90, np.uint8)] * 3, options={"preset": "ultrafast"})
    assert main(["predict", str(path), "--json"]) == 4
    source = json.loads(capsys.readouterr().out)["source"]
    assert (source["width"], source["height"], source["frames"]) == (7680, 4320, 3)
