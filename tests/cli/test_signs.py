"""``facefatigue signs`` as a user runs it, on the shipped sample and on bad input."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.cli import main
from facefatigue.estimate import SignReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    WriteVideo = Callable[..., Path]

ENDS = ("signs.json", "signs.csv", "events.csv", "signs.png")


def grey(count: int = 10) -> list[np.ndarray]:
    return [np.full((120, 160, 3), 127, np.uint8)] * count


def test_a_table_and_the_files(sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["signs", str(sample), "--duration", "7", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("drowsy.mp4, 7.0 s, face 0 (followed in 100 % of the frames)\n")
    assert "PERCLOS" in out
    assert "not measurable " in out
    assert f"open {tmp_path / 'drowsy.signs.png'}" in out
    assert {path.name for path in tmp_path.iterdir()} == {f"drowsy.{end}" for end in ENDS}
    report = json.loads((tmp_path / "drowsy.signs.json").read_text())
    assert report["schema"] == "facefatigue.signs/1"
    (face,) = report["faces"]
    assert (face["track"], face["coverage"]) == (0, 1.0)
    assert len(face["signs"]["blinks"]) >= 1
    assert len((tmp_path / "drowsy.signs.csv").read_text().splitlines()) == 176
    assert len((tmp_path / "drowsy.events.csv").read_text().splitlines()) > len(face["signs"]["blinks"])


def test_json_is_all_there_is_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["signs", "--sample", "--json", "--all-faces", "--duration", "6"]) == 0
    report = SignReport.from_json(capsys.readouterr().out)
    assert [face.track for face in report.faces] == [0]
    assert list(tmp_path.iterdir()) == []


def test_no_face_and_too_little_of_one_are_exit_code_4(
    sample: Path, write_video: WriteVideo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_video("empty room.mp4", grey())
    assert main(["signs", str(path), "--out", str(tmp_path / "out")]) == 4
    assert "empty room.mp4, 0.4 s: no face was found" in capsys.readouterr().out
    assert {file.name for file in (tmp_path / "out").iterdir()} == {f"empty room.{end}" for end in ENDS}
    assert main(["signs", str(sample), "--duration", "3", "--json"]) == 4
    (face,) = json.loads(capsys.readouterr().out)["faces"]
    assert face["signs"]["blinks"] is None
    assert "at least 5 s" in face["signs"]["not_measurable"]["blinks"]


def test_one_bad_file_stops_nobody(
    sample: Path, write_video: WriteVideo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video\n" * 100)
    sources = [str(tmp_path / "missing.mp4"), str(write_video("room.mp4", grey())), str(text), str(sample)]
    assert main(["signs", *sources, "--duration", "6", "--json"]) == 3
    captured = capsys.readouterr()
    assert [len(report["faces"]) for report in json.loads(captured.out)] == [0, 1]
    errors = captured.err.strip().splitlines()
    assert "missing.mp4: no such file" in errors[0]
    assert "text.mp4: is not a video" in errors[1]
    assert errors[2] == "4 sources: 1 done, 1 abstained, 2 failed"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["signs"], 2, "try the sample: facefatigue signs --sample"),
        (["signs", "ftp://127.0.0.1/a.mp4"], 2, "ftp://"),
        (["signs", "missing.mp4", "--json"], 3, "no such file"),
        (["signs", "--sample", "--out", "/dev/null/x"], 6, "--out"),
    ],
)
def test_errors_are_one_line_with_their_code(
    arguments: list[str],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.strip().splitlines()
    assert line.startswith("facefatigue: ")
    assert says in line


def test_no_network_of_fatigue_is_loaded(write_video: WriteVideo) -> None:
    path = write_video("room.mp4", grey())
    script = f"""
import sys
from facefatigue.cli import main
from facefatigue.model import artefact
artefact.load_artefact = None
code = main(["signs", {str(path)!r}, "--json"])
print(code, [name for name in ("torch", "openvino", "matplotlib") if name in sys.modules], file=sys.stderr)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "4 []"


def test_an_interrupt_leaves_nothing_half_written(sample: Path, tmp_path: Path) -> None:
    script = f"""
import signal
from facefatigue.cli import main
from facefatigue.cli.progress import Progress
def at(self, frames, time_s, duration_s):
    if frames == 20:
        signal.raise_signal(signal.SIGINT)
Progress.at = at
raise SystemExit(main(["signs", {str(sample)!r}, "--out", {str(tmp_path / "out")!r}]))
"""
    result = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert result.returncode == 128 + signal.SIGINT == 130
    assert (result.stdout, result.stderr) == ("", "facefatigue: interrupted\n")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("signs", "predict"):
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        assert caught.value.code == 0
        text = capsys.readouterr().out
        assert "examples:" in text
        assert "--all-faces" in text
        assert "events.csv" in text
