"""Manifests: what is read, and every fault at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefatigue.data.manifest import read_manifest, unreadable, write_manifest
from facefatigue.data.rows import FaultsError
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes lines as manifest.csv beside the (empty) videos a.mp4, b.mp4 and c.mp4."""
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).touch()

    def write(*lines: str, encoding: str = "utf-8", end: str = "\n") -> Path:
        path = tmp_path / "manifest.csv"
        path.write_bytes((end.join(lines) + end).encode(encoding))
        return path

    return write


def faults_of(path: Path) -> tuple[str, ...]:
    with pytest.raises(FaultsError) as caught:
        read_manifest(path)
    return caught.value.faults


def test_each_kind_of_label(manifest: Callable[..., Path]) -> None:
    path = manifest(
        "video,subject,score,rater_1,rater_2,rater_3,kss,class,scenario,glasses,start_s,end_s",
        "a.mp4,ann,0.25,,,,,,work,no,,10",
        "a.mp4,ann,,2,2.5,4.5,8,,,yes,10,20.5",
        "b.mp4,bob,0.50,3,,3,,,,,,",
        "c.mp4,cem,,,,,9,,,,0,2",
        "c.mp4,cem,,,,,,drowsy,,,2,4",
    )
    found = read_manifest(path.parent).recordings
    assert [recording.score for recording in found] == [0.25, 0.5, 0.5, 1, 1]
    assert [recording.label_source for recording in found] == [
        "",
        "mean of 3 raters",
        "mean of 2 raters",
        "KSS self-rating",
        "class",
    ]
    assert [recording.line for recording in found] == [2, 3, 4, 5, 6]
    assert (found[0].scenario, found[0].end_s, found[0].start_s, found[1].kss) == ("work", 10, None, 8)
    assert dict(found[1].further) == {"glasses": "yes"}
    assert read_manifest(path).raters == ("rater_1", "rater_2", "rater_3")


def test_all_faults_at_once_with_their_lines(manifest: Callable[..., Path]) -> None:
    found = faults_of(
        manifest(
            "video,subject,score,rater_a,kss,class,start_s,end_s",
            "a.mp4,ann,0.5,,,,,",
            "none.mp4,ann,0.5,,,,,",
            "b.mp4,,1.5,,,,,",
            "b.mp4,bob,nan,,,,5,4",
            "c.mp4,cem,,2.2,10,,,",
            "c.mp4,cem,,,,bored,-1,",
            "c.mp4,cem,,,,,9,",
            "a.mp4,ann,0.5,,,,3,",
            "c.mp4,cem,0.9,2,,,99,",
        )
    )
    for line, words in (
        (3, "none.mp4: no such file"), (4, "the subject is empty"), (4, "the score is '1.5'"), (5, "the score is 'nan'"),
        (5, "it ends at 4 s"), (6, "rater_a is '2.2'"), (6, "kss is '10'"), (7, "the class is 'bored'"),
        (7, "start_s is '-1'"), (8, "it has no label"), (9, "shows the same stretch of a.mp4 as line 2"),
        (10, "the ratings give (mean − 1) / 4 = 0.25"),
    ):  # fmt: skip
        assert any(fault.startswith(f"line {line}:") and words in fault for fault in found), (line, words)
    assert not any(fault.startswith("line 2:") for fault in found)


def test_files_that_are_no_manifest(manifest: Callable[..., Path], tmp_path: Path) -> None:
    assert "No such file" in faults_of(tmp_path / "nothing.csv")[0]
    assert faults_of(manifest("video,name", "a.mp4,ann")) == (
        "it has no column subject",
        "it has no label: a column score, columns rater…, a column kss or a column class is needed",
    )
    assert faults_of(manifest("video,subject,score")) == ("it lists no recordings",)
    assert "twice" in faults_of(manifest("video,subject,score,score", "a.mp4,ann,1,1"))[0]
    assert "line 2 has 4 cells" in faults_of(manifest("video,subject,score", "a.mp4,ann,0,5"))[0]
    assert "kept for lists of clips" in faults_of(manifest("video,subject,score,clip", "a.mp4,ann,1,x"))[0]
    assert "cannot be read as a table" in faults_of(manifest("video,subject,score", "a.mp4,Zoë,1", encoding="latin-1"))[0]


def test_windows_line_ends_and_a_byte_order_mark(manifest: Callable[..., Path]) -> None:
    path = manifest("video, subject ,score", " a.mp4 , Zoë ,0.5", "", encoding="utf-8-sig", end="\r\n")
    (only,) = read_manifest(path).recordings
    assert (only.subject, only.video.name) == ("Zoë", "a.mp4")


def test_parquet_reads_like_csv(manifest: Callable[..., Path], tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table({"video": ["a.mp4", "b.mp4"], "subject": ["1", "2"], "score": [0.25, None], "kss": [None, 5]})
    manifest("video")
    parquet.write_table(table, tmp_path / "list.parquet")
    assert [recording.score for recording in read_manifest(tmp_path / "list.parquet").recordings] == [0.25, 0.5]
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 but not really")
    assert "cannot be read as Parquet" in faults_of(tmp_path / "bad.parquet")[0]


def test_what_is_written_is_read_back(manifest: Callable[..., Path], tmp_path: Path) -> None:
    path = manifest(
        "video,subject,score,rater_1,kss,scenario,light,start_s,end_s",
        "a.mp4,ann,0.5,3,8,car,dark,1.5,2.5",
        "b.mp4,b,1,,,,,,",
    )
    recordings = read_manifest(path).recordings
    (tmp_path / "elsewhere").mkdir()
    write_manifest(recordings, tmp_path / "elsewhere" / "out.csv")
    again = read_manifest(tmp_path / "elsewhere" / "out.csv").recordings
    assert [entry.video.resolve() for entry in again] == [entry.video.resolve() for entry in recordings]
    for name in ("subject", "score", "kss", "scenario", "start_s", "end_s", "ratings", "further", "label_source"):
        assert [getattr(entry, name) for entry in again] == [getattr(entry, name) for entry in recordings], name
    with pytest.raises(ConfigurationError, match="no recording to write"):
        write_manifest([], tmp_path / "out.csv")


def test_videos_that_cannot_be_opened(
    manifest: Callable[..., Path], write_video: Callable[..., Path], tmp_path: Path
) -> None:
    write_video("b.mp4")  # 0.4 s
    path = manifest("video,subject,score,start_s,end_s", "a.mp4,a,1,,", "b.mp4,b,1,,0.2", "b.mp4,b,1,5,6")
    seen: list[tuple[int, int]] = []
    found = unreadable(read_manifest(path).recordings, on_done=lambda *counts: seen.append(counts))
    assert [fault.split(":")[0] for fault in found] == ["line 2", "line 4"]
    assert "the file is empty" in found[0]
    assert "is 0.4 s long" in found[1]
    assert seen == [(1, 2), (2, 2)]
