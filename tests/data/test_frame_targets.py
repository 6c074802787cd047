"""Targets of frames: what a mirror does to them, and how a list reads and refuses the files beside its shards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.data import shards as shards_module
from facefatigue.data.clip_list import read_clips, read_lists
from facefatigue.data.frame_targets import (
    CUES,
    FRAME_TARGETS,
    MIRRORED_LANDMARKS,
    channels_of,
    mirror_of,
    places_of,
)
from facefatigue.data.rows import FaultsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FRAMES = 8
NAMES = ("mouth", "turn", "landmarks")


def targets(clips: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.random((clips, FRAMES, *target.shape)).astype(np.float32) for name, target in FRAME_TARGETS.items()}


def beside(manifest: Path) -> Path:
    return manifest.parent / "shards" / "0.frames.npz"


def test_names_forms_and_places() -> None:
    assert {name: FRAME_TARGETS[name].shape for name in ("closure", "turn", "landmarks", "skin")} == {
        "closure": (),
        "turn": (3,),
        "landmarks": (68, 2),
        "skin": (4,),
    }
    assert len(FRAME_TARGETS) == 12
    assert set(FRAME_TARGETS) - set(CUES) == {"landmarks"}
    assert channels_of(NAMES) == 140
    assert places_of(NAMES) == {"mouth": range(1), "turn": range(1, 4), "landmarks": range(4, 140)}


def test_a_mirror_of_the_landmarks_is_its_own_inverse_and_keeps_the_parts_of_the_face() -> None:
    assert [MIRRORED_LANDMARKS[other] for other in MIRRORED_LANDMARKS] == list(range(68))
    for part in (range(17), range(17, 27), range(27, 31), range(31, 36), range(36, 48), range(48, 60), range(60, 68)):
        assert {MIRRORED_LANDMARKS[mark] for mark in part} == set(part)
    # Outer corners of the eyes and of the mouth, tip of the nose and chin.
    assert [MIRRORED_LANDMARKS[mark] for mark in (36, 39, 37, 48, 30, 8, 17)] == [45, 42, 44, 54, 30, 8, 26]


def test_what_a_mirror_does_to_the_channels() -> None:
    mirror = mirror_of(NAMES)
    assert mirror.of[:4] == (0, 1, 2, 3)
    assert mirror.sign[:6] == (1, 1, -1, -1, -1, 1)
    assert mirror.at[:6] == (0, 0, 0, 0, 1, 0)
    assert mirror.of[4 + 2 * 36 : 6 + 2 * 36] == (4 + 2 * 45, 5 + 2 * 45)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_values_of_a_clip_are_those_of_its_file(lists: tuple[Path, Path], save: Callable[..., None]) -> None:
    known = targets(17)
    save(beside(lists[0]), **known)
    clips = read_clips(lists[0], frame_targets=NAMES)
    assert clips.frame_targets == NAMES
    values = clips.frame_values(5, ("landmarks", "mouth"))
    assert (values.dtype, values.shape) == (np.float32, (FRAMES, 137))
    assert np.array_equal(values[:, :136], known["landmarks"][5].reshape(FRAMES, 136))
    assert np.array_equal(values[:, 136], known["mouth"][5])
    assert read_clips(lists[0]).frame_targets == ()
    assert read_clips(lists[0]).fingerprint == clips.fingerprint, "the same clips"


def test_thinned_lists_and_parts_keep_what_belongs_to_them(lists: tuple[Path, Path]) -> None:
    known = targets(17)
    np.savez(beside(lists[0]), **known)
    clips = read_clips(lists[0], frame_targets=("turn",))
    part = clips.thinned(2).of_subjects(["train-1"], "one").thinned(2)
    assert part.shape == (2, 32, 32, 3)
    for number, clip in enumerate(part.clips):
        assert np.array_equal(part.frame_values(number, ("turn",)), known["turn"][clip.index][::4])


def test_shortened_lists_have_the_middle_of_every_clip(lists: tuple[Path, Path]) -> None:
    known = targets(17)
    np.savez(beside(lists[0]), **known)
    clips = read_clips(lists[0], frame_targets=("turn",))
    start = (FRAMES - 4) // 2
    for part in (clips.shortened(4).thinned(2), clips.thinned(2).shortened(4), clips.shortened(4).thinned(2).shortened(7)):
        assert part.shape == (2, 32, 32, 3)
        assert np.array_equal(part.crops(3), clips.crops(3)[start : start + 4 : 2])
        assert np.array_equal(part.frame_values(3, ("turn",)), clips.frame_values(3, ("turn",))[start : start + 4 : 2])
    assert clips.shortened(FRAMES + 1).shape == clips.shape


def test_nan_is_not_known_and_no_fault(lists: tuple[Path, Path]) -> None:
    known = targets(17)
    known["mouth"][3, 2:] = np.nan
    np.savez(beside(lists[0]), **known)
    values = read_clips(lists[0], frame_targets=("mouth",)).frame_values(3, ("mouth",))
    assert np.isnan(values[:, 0]).tolist() == [False] * 2 + [True] * 6


def test_all_faults_of_both_lists_at_once(lists: tuple[Path, Path]) -> None:
    known = targets(17)
    del known["closure"], known["smile"]
    known["mouth"] = known["mouth"][:, :4]
    known["hand"] = known["hand"].astype(np.float64)
    known["turn"][2, 3, 1] = np.inf
    np.savez(beside(lists[0]), **known)
    wanted = ("closure", "smile", "mouth", "hand", "turn", "skin")
    with pytest.raises(FaultsError) as caught:
        read_lists(*lists, shape=(FRAMES, 32, 32, 3), frame_targets=wanted)
    text = "\n".join(caught.value.faults)
    assert "0.frames.npz has no closure, smile" in text
    assert "mouth is (17, 4) float32, but (17, 8) float32 is wanted" in text
    assert "hand is (17, 8) float64, but (17, 8) float32 is wanted" in text
    assert "turn has 1 infinite values; write NaN for what is not known" in text
    assert f"{lists[1]} line 2: 0.frames.npz is missing" in text
    assert len(caught.value.faults) == 5, "each is named once, not for every line"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", None])
def test_a_file_that_is_none_is_a_fault(lists: tuple[Path, Path], content: bytes | None) -> None:
    if content is None:
        np.savez(beside(lists[0]), mouth=np.array([{"a": 1}], object))
    else:
        beside(lists[0]).write_bytes(content)
    with pytest.raises(FaultsError, match=r"0\.frames\.npz cannot be read"):
        read_clips(lists[0], frame_targets=("mouth",))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_few_files_are_open_and_little_is_unpacked_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: Callable[..., None]
) -> None:
    monkeypatch.setattr(shards_module, "_MOST_OPEN", 3)
    monkeypatch.setattr(shards_module, "_MOST_BYTES", 2 * 4 * FRAMES * 4)
    frames = shards_module.FrameShards(("mouth",))
    for number in range(6):
        save(tmp_path / f"{number}.frames.npz", mouth=np.full((4, FRAMES), number, np.float32))
    for number in (0, 1, 2, 3, 4, 5, 0, 5):
        assert (frames.read(tmp_path / f"{number}.npy", 2, ("mouth",)) == number).all()
        assert len(frames._opened) <= (3 if save is np.savez else 2)
