from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from facefatigue.atomic import atomic_path, make_folder
from facefatigue.errors import OutputError


def test_the_file_appears_whole_and_nothing_else(tmp_path: Path) -> None:
    final = tmp_path / "a.report.json"
    with atomic_path(final) as partial:
        assert partial.parent == tmp_path
        assert partial.suffix == ".json"
        partial.write_text("new")
        assert not final.exists()
    assert final.read_text() == "new"
    assert list(tmp_path.iterdir()) == [final]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with atomic_path(tmp_path / "a.txt") as partial:
            partial.write_text("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_after_any_exception_the_old_file_stays(tmp_path: Path, error: BaseException) -> None:
    final = tmp_path / "a.txt"
    final.write_text("old")

    def write_half() -> None:
        with atomic_path(final) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert final.read_text() == "old"
    assert list(tmp_path.iterdir()) == [final]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EIO, "choose another folder"),
    ],
)
def test_a_failing_write_names_the_file_and_says_what_to_do(tmp_path: Path, number: int, said: str) -> None:
    def write() -> None:
        with atomic_path(tmp_path / "a.txt") as partial:
            partial.write_text("half")
            raise OSError(number, os.strerror(number))

    with pytest.raises(OutputError, match=rf"a\.txt: cannot be written: .*{said}") as caught:
        write()
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 6
    assert list(tmp_path.iterdir()) == []


def test_a_rename_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match="read-only"), atomic_path(tmp_path / "a.txt") as partial:
        partial.write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_a_really_full_disk(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OutputError, match="disk is full"), atomic_path(tmp_path / "a.txt"):
        Path("/dev/full").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_places_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    places = {
        tmp_path / "file" / "a.txt": "is a file, not a folder",
        tmp_path / "gone" / "a.txt": "does not exist",
        tmp_path / "folder": "it is a folder",
        tmp_path / ("n" * 300 + ".txt"): "too long",
        tmp_path / "nul\0byte": "cannot be written",
    }
    for place, said in places.items():
        with pytest.raises(OutputError, match=said), atomic_path(place):
            pytest.fail("the block must not run")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="not a file"), atomic_path(tmp_path / "pipe"):
        pytest.fail("the block must not run")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_make_folder(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="is a file, not a folder"):
            make_folder(place)
