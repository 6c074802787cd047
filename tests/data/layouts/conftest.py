"""Miniatures of published layouts, and what must hold for every reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefatigue.data.layouts.reading import is_video
from facefatigue.data.manifest import read_manifest, write_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.data.layouts import Reading
    from facefatigue.data.manifest import Recording


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def touch(root: Path) -> Callable[..., None]:
    """Make files below the root that are not empty, but no videos either."""

    def make(*names: str) -> None:
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"video")

    return make


@pytest.fixture
def settle(root: Path, tmp_path: Path) -> Callable[[Reading], dict[str, Recording]]:
    """Check that a reading accounts for every video and survives a manifest; its recordings by path below the root."""

    def check(reading: Reading) -> dict[str, Recording]:
        used = {recording.video for recording in reading.recordings}
        left_out = [one.path for one in reading.skipped if one.start_s is None]
        assert len(left_out) == len(set(left_out))
        assert not used & set(left_out)
        assert used | set(left_out) == {path for path in root.rglob("*") if path.is_file() and is_video(path)}
        assert set(reading.videos) == used | set(left_out)
        assert {one.path for one in reading.skipped if one.start_s is not None} <= used

        write_manifest(reading.recordings, tmp_path / "out" / "list.csv")
        back = read_manifest(tmp_path / "out" / "list.csv").recordings
        for ours, theirs in zip(reading.recordings, back, strict=True):
            assert theirs.video.resolve() == ours.video.resolve()
            assert theirs.score == pytest.approx(ours.score, abs=1e-6)
            for name in ("subject", "session", "scenario", "start_s", "end_s", "kss", "label_source"):
                assert getattr(theirs, name) == getattr(ours, name)
            assert {name: cell for name, cell in theirs.further.items() if cell} == dict(ours.further)
        return {recording.video.relative_to(root).as_posix(): recording for recording in reading.recordings}

    (tmp_path / "out").mkdir()
    return check


@pytest.fixture
def reasons(root: Path) -> Callable[[Reading], dict[str, str]]:
    """Why whole videos were skipped, by path below the root."""
    return lambda reading: {
        one.path.relative_to(root).as_posix(): one.reason for one in reading.skipped if one.start_s is None
    }
