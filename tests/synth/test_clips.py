"""Rendered clips: decided by seed and number alone, whoever renders them and however often the work is stopped."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.synth import clips as clips_module
from facefatigue.synth.clips import ClipSettings, make_clip, render_clips

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.synth.rig import Rig

SMALL = ClipSettings(seed=5, frames=4, size_px=32)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips_module, "SHARD_CLIPS", 3)


def pixels(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_clip_depends_on_seed_and_number_alone(rig: Rig) -> None:
    first, again = make_clip(rig, SMALL, 7), make_clip(rig, SMALL, 7)
    assert first.crops.shape == (4, 32, 32, 3)
    assert first.crops.dtype == np.uint8
    assert (first.crops == again.crops).all()
    assert first.labels == again.labels
    neighbour, stranger = make_clip(rig, SMALL, 8), make_clip(rig, ClipSettings(seed=6, frames=4, size_px=32), 7)
    assert neighbour.labels["subject"] == first.labels["subject"] != stranger.labels["subject"]
    assert (neighbour.crops != first.crops).any()
    assert all(0 <= make_clip(rig, SMALL, number).labels["score"] <= 1 for number in range(5))


def test_workers_and_stops_change_nothing(rig_path: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    render_clips(rig_path, 8, tmp_path / "one", SMALL, workers=1, progress=lambda *at: seen.append(at))
    assert seen == [(3, 8), (6, 8), (8, 8)]
    render_clips(rig_path, 8, tmp_path / "two", SMALL, workers=2)
    assert pixels(tmp_path / "one") == pixels(tmp_path / "two")

    whole = pixels(tmp_path / "two")
    (tmp_path / "two" / "clips-000003.npy").write_bytes(whole["clips-000003.npy"][:900])  # stopped while writing
    (tmp_path / "two" / "manifest.csv").unlink()
    kept = (tmp_path / "two" / "clips-000000.npy").stat().st_mtime_ns
    render_clips(rig_path, 8, tmp_path / "two", SMALL, workers=1)
    assert pixels(tmp_path / "two") == whole
    assert (tmp_path / "two" / "clips-000000.npy").stat().st_mtime_ns == kept


def test_the_manifest_lists_every_clip_once(rig_path: Path, tmp_path: Path) -> None:
    path = render_clips(rig_path, 5, tmp_path, SMALL, workers=1)
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["clip"] for row in rows] == [f"clips-{shard:06d}.npy#{k}" for shard, n in ((0, 3), (3, 2)) for k in range(n)]
    assert {row["subject"] for row in rows} == {"rig-5-00000"}
    render_clips(rig_path, 7, tmp_path, SMALL, workers=1)  # more of the same
    assert len(path.read_text(encoding="utf-8").splitlines()) == 8


def test_what_cannot_be_rendered_leaves_the_folder_free(rig_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="seed is -1"):
        render_clips(rig_path, 1, tmp_path, ClipSettings(seed=-1))
    with pytest.raises(ConfigurationError, match="0 clips"):
        render_clips(rig_path, 0, tmp_path, SMALL)
    assert list(tmp_path.iterdir()) == []
    render_clips(rig_path, 1, tmp_path, SMALL, workers=1)
    with pytest.raises(ConfigurationError, match="other settings"):
        render_clips(rig_path, 1, tmp_path, ClipSettings(seed=6, frames=4, size_px=32))
    (tmp_path / "settings.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="damaged"):
        render_clips(rig_path, 1, tmp_path, SMALL)
