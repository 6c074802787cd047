from __future__ import annotations

import csv
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facefatigue.atomic import atomic_path
from facefatigue.errors import OutputError
from facefatigue.estimate.report import WINDOW_COLUMNS, Report
from facefatigue.estimate.sign_report import FaceSignReport, SignAnalysis, SignReport
from facefatigue.report.files import write_csv, write_json, write_report, write_sign_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.estimate.report import Analysis

SUFFIXES = [".report.json", ".windows.csv", ".timeline.png", ".report.html"]


def test_four_files(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    analysis = make_analysis(faces=2)
    paths = write_report(analysis, tmp_path / "new" / "out", "driver 07")
    assert [path.name for path in paths] == [f"driver 07{suffix}" for suffix in SUFFIXES]
    assert sorted((tmp_path / "new" / "out").iterdir()) == sorted(paths)
    assert Report.from_json(paths[0].read_text(encoding="utf-8")) == analysis.report


def test_with_signs_there_are_six_files(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    analysis = make_analysis(faces=2)
    blink = {"start_s": 1.0, "end_s": 1.2}
    first = dataclasses.replace(analysis.report.faces[0], signs={"blinks": [blink], "not_measurable": {}})
    report = dataclasses.replace(analysis.report, faces=(first, analysis.report.faces[1]))
    paths = write_report(dataclasses.replace(analysis, report=report), tmp_path, "driver 07")
    assert [path.name for path in paths] == [f"driver 07{suffix}" for suffix in [*SUFFIXES, ".signs.csv", ".events.csv"]]
    assert len(paths[5].read_text(encoding="utf-8").splitlines()) == 2
    assert Report.from_json(paths[0].read_text(encoding="utf-8")) == report


@pytest.mark.parametrize("tracks", [(), (0,), (0, 4)])
def test_the_files_of_signs_alone(tmp_path: Path, make_report: Callable[..., Report], tracks: tuple[int, ...]) -> None:
    signs = {"blinks": [{"start_s": 1.0, "end_s": 1.2}], "not_measurable": {}}
    faces = [FaceSignReport(track=track, frames=9, coverage=1.0, signs=signs) for track in tracks]
    report = SignReport(source=make_report().source, faces=tuple(faces))
    paths = write_sign_report(SignAnalysis(report=report), tmp_path / "out", "a")
    assert [path.name for path in paths] == ["a.signs.json", "a.signs.csv", "a.events.csv", "a.signs.png"]
    assert SignReport.from_json(paths[0].read_text(encoding="utf-8")) == report
    assert len(paths[1].read_text(encoding="utf-8").splitlines()) == 1
    assert len(paths[2].read_text(encoding="utf-8").splitlines()) == 1 + len(tracks)
    assert paths[3].stat().st_size > 1000


def test_csv_has_a_row_a_window(tmp_path: Path, make_report: Callable[..., Report]) -> None:
    report = make_report(faces=2)
    write_csv(report, tmp_path / "w.csv")
    with (tmp_path / "w.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == WINDOW_COLUMNS
    assert len(rows) == 22
    assert [row["track"] for row in rows] == ["0"] * 11 + ["1"] * 11
    window = report.faces[0].windows[3]
    assert float(rows[3]["score"]) == window.score
    assert float(rows[3]["start_s"]) == window.start_s
    assert rows[3]["label"] == window.label
    assert float(rows[3]["eye_distance_px"]) == 61.5
    dark = next(row for row in rows if row["label"] == "abstain")
    assert (dark["score"], dark["abstain_reason"]) == ("", "too_dark")


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0.mp4", "+1.mp4", "-1.mp4", "@SUM(A1).mp4", "\t=1.mp4"])
def test_csv_holds_no_formula(tmp_path: Path, make_report: Callable[..., Report], name: str) -> None:
    write_csv(make_report(path=name), tmp_path / "w.csv")
    with (tmp_path / "w.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["source"] == f"'{name}"


def test_a_report_without_windows_still_has_a_header(tmp_path: Path, make_report: Callable[..., Report]) -> None:
    write_csv(make_report(faces=0), tmp_path / "w.csv")
    assert (tmp_path / "w.csv").read_text() == ",".join(WINDOW_COLUMNS) + "\n"


def test_a_name_that_is_not_utf8_can_be_written(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    paths = write_report(make_analysis(path="bad\udcff.mp4"), tmp_path, "bad")
    assert json.loads(paths[0].read_bytes().decode("utf-8"))["source"]["path"] == "bad\udcff.mp4"
    assert all(path.stat().st_size for path in paths)


def test_places_that_cannot_be_written(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    analysis = make_analysis(windows=1)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        write_report(analysis, tmp_path / "file" / "out", "a")
    with pytest.raises(OutputError, match="too long"):
        write_report(analysis, tmp_path / "out", "n" * 300)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_disk_that_fills_up_leaves_whole_files_only(
    tmp_path: Path, make_analysis: Callable[..., Analysis], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    real = Path.write_text

    def full(self: Path, data: str, **given: object) -> int:
        return real(Path("/dev/full") if self.suffix == ".html" else self, data, encoding="utf-8")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match=r"a\.report\.html: cannot be written: the disk is full"):
        write_report(make_analysis(windows=1), tmp_path, "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"a{suffix}" for suffix in SUFFIXES[:3])


def test_nan_is_refused_before_anything_is_written(tmp_path: Path, make_report: Callable[..., Report]) -> None:
    report = make_report(windows=1)
    object.__setattr__(report.source, "duration_s", float("nan"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(report, tmp_path / "r.json")
    assert list(tmp_path.iterdir()) == []


def test_importing_the_stage_loads_nothing_slow() -> None:
    modules = ["", ".cells", ".chart", ".files", ".names", ".overlay", ".page", ".sign_files", ".sign_summary"]
    modules += [".summary", ".timeline"]
    code = "import sys\n" + "\n".join(f"import facefatigue.report{name}" for name in modules)
    code += "\nprint([name for name in ('matplotlib', 'av', 'jinja2', 'PIL', 'pandas', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.txt") as first, atomic_path(tmp_path / "a.txt") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a.txt").read_text() == "first"
