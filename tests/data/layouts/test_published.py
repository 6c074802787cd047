from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefatigue.data.layouts import read_layout, read_published_list
from facefatigue.data.rows import FaultsError
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def write_list(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str, name: str = "train.txt") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_subject_as_third_field(
    root: Path, write_list: Callable[[str], Path], touch: Callable[..., None], settle: Callable, reasons: Callable
) -> None:
    touch("anna off work.mp4", "clips/ben.MOV", "Clara 2.avi", "unused.mp4")
    path = write_list("\ufeffanna off work.mp4 3.5 anna\n\nclips/ben 1\tben\r\nClara 2  4.8333   clara\n")
    reading = read_published_list(path, root=root)
    found = settle(reading)
    assert {path: (one.subject, one.score, one.line) for path, one in found.items()} == {
        "anna off work.mp4": ("anna", 0.625, 1),
        "clips/ben.MOV": ("ben", 0.0, 3),
        "Clara 2.avi": ("clara", pytest.approx(0.958325), 4),
    }
    assert {one.label_source for one in reading.recordings} == {"mean rating from 1 to 5 of a list of the published code"}
    assert reasons(reading) == {"unused.mp4": "it is not in the list"}


def test_subject_out_of_the_name(
    root: Path, write_list: Callable[[str], Path], touch: Callable[..., None], settle: Callable
) -> None:
    touch("p01 video 1.mp4", "p02_2.mp4")
    path = write_list("p01 video 1 5\np02_2.mp4 1.5\n")
    reading = read_layout("published", path, root=root, subject_pattern=r"^(p\d+)")
    assert {path: (one.subject, one.score) for path, one in settle(reading).items()} == {
        "p01 video 1.mp4": ("p01", 1.0),
        "p02_2.mp4": ("p02", 0.125),
    }


def test_subject_from_a_table(
    root: Path, write_list: Callable[..., Path], touch: Callable[..., None], settle: Callable
) -> None:
    touch("a 1.mp4", "sub/b.mp4")
    table = write_list("subject,name\nanna,a 1\nben,sub/b.mp4\n", "subjects.csv")
    reading = read_published_list(write_list("a 1.mp4 2\nsub/b 3\n"), root=root, subjects=table)
    assert [one.subject for one in settle(reading).values()] == ["anna", "ben"]


def test_the_root_is_the_folder_of_the_list_by_default(root: Path, touch: Callable[..., None]) -> None:
    touch("a.mp4")
    (root / "list.txt").write_text("a.mp4 3 anna")
    (one,) = read_published_list(root / "list.txt").recordings
    assert (one.video, one.score) == (root / "a.mp4", 0.5)


def test_all_faults_at_once(root: Path, write_list: Callable[[str], Path], touch: Callable[..., None]) -> None:
    touch("a.mp4", "b.mp4", "c.mp4", "c.avi", "e 1.mp4", "video.mp4", "video 1.mp4")
    path = write_list(
        "missing.mp4 3 anna\n"
        "a.mp4 5.5 anna\n"
        "b.mp4 nan anna\n"
        "b.mp4 3 anna\n"
        "b 4 ben\n"
        "alone\n"
        "c 3 clara\n"
        "e 1.mp4 3\n"
        "e 1 3\n"
        "video 1 3.5\n"
        "b.mp4\t\tben\n"
    )
    with pytest.raises(FaultsError) as caught:
        read_published_list(path, root=root)
    no_subject = "there is no third field with the subject; add it, or give a table of subjects or a subject pattern"
    assert caught.value.faults == (
        "line 1: missing.mp4: no such file, with or without the suffix of a video",
        "line 2: the score is '5.5', not a number from 1 to 5",
        "line 3: the score is 'nan', not a number from 1 to 5",
        "line 5: b.mp4 is in line 4 already",
        "line 6: 'alone' is not a name and a score",
        "line 7: c can be c.avi or c.mp4; write its suffix",
        f"line 8: {no_subject}",
        f"line 9: {no_subject}",
        "line 10: 'video 1 3.5' can be read in two ways; put tabs between name, score and subject",
        "line 11: the score is '', not a number from 1 to 5",
    )


def test_tabs_settle_how_a_line_is_read(root: Path, write_list: Callable[[str], Path], touch: Callable[..., None]) -> None:
    touch("video.mp4", "video 1.mp4")
    (one,) = read_published_list(write_list("video 1\t3\t7\n"), root=root).recordings
    assert (one.video.name, one.score, one.subject) == ("video 1.mp4", 0.5, "7")


def test_names_without_a_subject(root: Path, write_list: Callable[..., Path], touch: Callable[..., None]) -> None:
    touch("p1.mp4", "x.mp4")
    path = write_list("p1.mp4 3\nx.mp4 3\nx.mp4 3 anna\n")
    with pytest.raises(FaultsError) as caught:
        read_published_list(path, root=root, subject_pattern=r"p(\d*)")
    assert caught.value.faults[0] == "line 2: the table of subjects or the subject pattern gives no subject for x.mp4"
    assert caught.value.faults[1].startswith("line 3: x.mp4 3: no such file")
    table = write_list("name,subject\np1,1\n", "subjects.csv")
    with pytest.raises(FaultsError, match="line 2: the table of subjects or the subject pattern gives no subject for x.mp4"):
        read_published_list(path, root=root, subjects=table)


def test_wrong_patterns_and_tables(root: Path, write_list: Callable[..., Path], touch: Callable[..., None]) -> None:
    touch("a.mp4")
    path = write_list("a.mp4 3\n")
    for pattern, message in (("(", "is no regular expression"), ("a", "has 0 groups"), ("(a)(b)", "has 2 groups")):
        with pytest.raises(ConfigurationError, match=message):
            read_published_list(path, root=root, subject_pattern=pattern)
    table = write_list("name,subject\na,anna\na.mp4,ben\n,x\nb,\n", "subjects.csv")
    with pytest.raises(FaultsError) as caught:
        read_published_list(path, root=root, subjects=table)
    assert caught.value.faults == (
        "line 3: a has the subject ben, but anna before",
        "line 4: the name is empty",
        "line 5: the subject is empty",
    )
    with pytest.raises(FaultsError, match="it has no column subject"):
        read_published_list(path, root=root, subjects=write_list("name\na\n", "short.csv"))
    with pytest.raises(ConfigurationError, match="give one of them"):
        read_published_list(path, root=root, subjects=table, subject_pattern="(a)")


def test_unreadable_lists(root: Path, tmp_path: Path, write_list: Callable[..., Path], touch: Callable[..., None]) -> None:
    touch("a.mp4")
    with pytest.raises(FaultsError, match="it cannot be read: No such file"):
        read_published_list(tmp_path / "none.txt", root=root)
    with pytest.raises(FaultsError, match="it lists no videos"):
        read_published_list(write_list("\n \n"), root=root)
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FaultsError, match="it cannot be read: "):
        read_published_list(tmp_path / "odd.txt", root=root)
    with pytest.raises(ConfigurationError, match="no such folder; A list of the published code is expected as"):
        read_published_list(write_list("a.mp4 3 x\n"), root=root / "missing")
