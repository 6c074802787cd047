"""Clips in shards: the same whoever renders them and however often the work is stopped."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.data.frame_targets import FRAME_TARGETS
from facefatigue.errors import ConfigurationError
from facefatigue.synth import shards as shards_module
from facefatigue.synth.clips import ClipSettings
from facefatigue.synth.shards import COLUMNS, render_clips

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ClipSettings(seed=5, frames=4, size_px=32)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards_module, "SHARD_CLIPS", 3)


def pixels(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_workers_and_stops_change_nothing(rig_path: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    render_clips(rig_path, 8, tmp_path / "one", SMALL, workers=1, progress=lambda *at: seen.append(at))
    assert seen == [(3, 8), (6, 8), (8, 8)]
    render_clips(rig_path, 8, tmp_path / "two", SMALL, workers=2)
    assert pixels(tmp_path / "one") == pixels(tmp_path / "two")

    whole = pixels(tmp_path / "two")
    (tmp_path / "two" / "clips-000003.npy").write_bytes(whole["clips-000003.npy"][:900])  # stopped while writing
    (tmp_path / "two" / "clips-000006.npy").write_bytes(b"")
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


def test_a_shard_has_beside_it_what_is_known(rig_path: Path, tmp_path: Path) -> None:
    render_clips(rig_path, 3, tmp_path, SMALL, workers=1)
    assert {path.name for path in tmp_path.iterdir()} == {
        "clips-000000.npy", "clips-000000.frames.npz", "clips-000000.json", "manifest.csv", "settings.json"
    }  # fmt: skip
    crops = np.load(tmp_path / "clips-000000.npy")
    assert crops.shape == (3, 4, 32, 32, 3)
    with np.load(tmp_path / "clips-000000.frames.npz") as frames:
        assert {name: frames[name].shape for name in frames} == {
            name: (3, 4, *target.shape) for name, target in FRAME_TARGETS.items()
        }
        aperture = frames["aperture"].mean(axis=1)
    known = json.loads((tmp_path / "clips-000000.json").read_text(encoding="utf-8"))
    assert [len(clip["time_s"]) for clip in known] == [4, 4, 4]
    assert [clip["aperture"] for clip in known] == pytest.approx(aperture, abs=1e-5)
    with (tmp_path / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, clip, own in zip(rows, known, crops, strict=True):
        assert tuple(row) == COLUMNS
        assert float(row["score"]) == pytest.approx(clip["score"], abs=1e-6)
        assert float(row["brightness"]) == pytest.approx(own.mean() / 255, abs=1e-6)
        assert row["label_source"].startswith("synthetic")


def test_a_folder_that_somebody_else_made_is_left_alone(rig_path: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("clip,subject,score\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="was not rendered; choose another folder"):
        render_clips(rig_path, 1, tmp_path, SMALL)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_cannot_be_rendered_leaves_the_folder_free(rig_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="seed is -1"):
        render_clips(rig_path, 1, tmp_path, ClipSettings(seed=-1))
    with pytest.raises(ConfigurationError, match="0 clips"):
        render_clips(rig_path, 0, tmp_path, SMALL)
    with pytest.raises(ConfigurationError, match="0 of each person"):
        render_clips(rig_path, 1, tmp_path, replace(SMALL, clips_a_person=0))
    assert list(tmp_path.iterdir()) == []
    render_clips(rig_path, 1, tmp_path, SMALL, workers=1)
    with pytest.raises(ConfigurationError, match="other settings"):
        render_clips(rig_path, 1, tmp_path, ClipSettings(seed=6, frames=4, size_px=32))
    older = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
    del older["clips_a_person"]
    (tmp_path / "settings.json").write_text(json.dumps(older), encoding="utf-8")
    render_clips(rig_path, 1, tmp_path, SMALL, workers=1)
    with pytest.raises(ConfigurationError, match="other settings"):
        render_clips(rig_path, 1, tmp_path, replace(SMALL, clips_a_person=1))
    (tmp_path / "settings.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="damaged"):
        render_clips(rig_path, 1, tmp_path, SMALL)
