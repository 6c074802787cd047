"""Targets of frames in training: augmented with the pictures, standardised, masked where unknown, and measured."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from facefatigue.data.clip_list import read_clips
from facefatigue.data.frame_targets import FRAME_TARGETS, channels_of, places_of
from facefatigue.data.rows import FaultsError
from facefatigue.train.augment import Augmentation, augment_clips, augment_frames, draw_augmentation
from facefatigue.train.batches import batches
from facefatigue.train.epoch import Task
from facefatigue.train.frames import (
    FrameHead,
    FrameStatistics,
    frame_figures,
    frame_moments,
    refuse_unknown,
    statistics_of,
)
from facefatigue.train.start import first_network, frame_head

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.train import TrainSettings


def plain(names: tuple[str, ...]) -> FrameStatistics:
    count = channels_of(names)
    ones = np.ones(count, np.float32)
    return FrameStatistics(names=names, mean=np.zeros(count, np.float32), spread=ones, known=ones, sha256="")


def brightest(picture: np.ndarray) -> np.ndarray:
    """Centre of the light of a picture (H, W), in parts of the side, right and down."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    return np.array([(picture * columns).sum(), (picture * rows).sum()]) / picture.sum() / picture.shape[0]


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(turn_deg=6.0),
        Augmentation(scale=1.08),
        Augmentation(shift=(0.04, -0.03)),
        Augmentation(turn_deg=-5.0, scale=0.93, shift=(-0.02, 0.04)),
        Augmentation(turn_deg=5.0, scale=0.95, shift=(0.03, 0.01), flip=True),
    ],
)
@pytest.mark.parametrize("mark", [36, 48, 8])
def test_a_landmark_stays_on_its_place_in_the_picture(augmentation: Augmentation, mark: int) -> None:
    size = 64
    points = np.full((68, 2), 0.5, np.float32)
    points[mark] = 0.3, 0.7
    rows, columns = np.mgrid[:size, :size] + 0.5
    light = np.exp(-((columns / size - 0.3) ** 2 + (rows / size - 0.7) ** 2) / (2 * 0.03**2))
    clip = torch.from_numpy((200 * light).astype(np.float32)).expand(1, 3, 2, size, size).clone()
    values = np.repeat(points.reshape(1, 1, 136), 2, axis=1)
    moved = augment_frames(values, ("landmarks",), [augmentation])[0, 1].reshape(68, 2)
    seen = brightest(augment_clips(clip, [augmentation])[0, 0, 1].numpy())
    found = {36: 45, 48: 54, 8: 8}[mark] if augmentation.flip else mark
    np.testing.assert_allclose(moved[found], seen, atol=2e-3)


def test_a_mirror_by_numbers() -> None:
    names = ("closure", "turn", "landmarks", "skin")
    values = np.arange(2 * 144, dtype=np.float32).reshape(1, 2, 144) / 144
    before = values.copy()
    values[0, 0, 1] = np.nan
    after = augment_frames(values.copy(), names, [Augmentation(flip=True)])
    skin = list(places_of(names)["skin"])
    assert np.array_equal(after[..., 0], before[..., 0])
    assert np.isnan(after[0, 0, 1])
    assert np.array_equal(after[0, 1, 1:4], before[0, 1, 1:4] * [1, -1, -1])
    points, mirrored = (array[0, 1, 4:140].reshape(68, 2) for array in (before, after))
    np.testing.assert_allclose(mirrored[36], [1 - points[45, 0], points[45, 1]])
    np.testing.assert_allclose(mirrored[8], [1 - points[8, 0], points[8, 1]])
    assert np.array_equal(after[..., skin], before[..., skin])
    twice = augment_frames(after, names, [Augmentation(flip=True)])
    np.testing.assert_allclose(twice[0, 1], before[0, 1], atol=1e-6)


def test_nothing_else_touches_targets() -> None:
    drawn = Augmentation(blur_sigma_px=0.5, brightness_levels=40, colour=0, contrast=1.2, coarse=0.4, noise_levels=8)
    names = tuple(FRAME_TARGETS)
    values = np.random.default_rng(0).random((1, 3, channels_of(names)), np.float32)
    assert np.array_equal(augment_frames(values.copy(), names, [drawn]), values)
    moved = augment_frames(values.copy(), names, [Augmentation(turn_deg=6, scale=1.05, shift=(0.04, 0))])
    others = [channel for name, place in places_of(names).items() if name != "landmarks" for channel in place]
    assert np.array_equal(moved[..., others], values[..., others])
    assert not np.array_equal(moved, values)


def test_a_batch_has_the_targets_of_its_augmented_clips(framed_lists: tuple[Path, Path]) -> None:
    names = ("mouth", "landmarks")
    clips = read_clips(framed_lists[0], frame_targets=names)
    (batch,) = batches(clips, [np.array([4, 1])], augmentation="strong", drawn_with=(3, 2), frame_targets=names)
    for row, number in enumerate((4, 1)):
        drawn = draw_augmentation(np.random.default_rng((3, 2, number)), "strong")
        assert batch.drawn[row] == drawn
        own = augment_frames(clips.frame_values(number, names)[None], names, [drawn])[0]
        assert np.array_equal(batch.frames[row].numpy(), own, equal_nan=True)
    (without,) = batches(clips, [np.array([0])])
    assert without.frames is None


def test_statistics_leave_out_what_is_not_known(framed_lists: tuple[Path, Path]) -> None:
    names = ("mouth", "turn")
    clips = read_clips(framed_lists[0], frame_targets=names)
    values = np.concatenate([clips.frame_values(number, names) for number in range(len(clips))]).astype(np.float64)
    found = statistics_of(clips, names)
    np.testing.assert_allclose(found.mean, np.nanmean(values, axis=0), atol=1e-6)
    np.testing.assert_allclose(found.spread[:3], np.nanstd(values, axis=0)[:3], rtol=1e-5)
    assert found.spread[3] == 1, "a constant channel is left alone"
    np.testing.assert_allclose(found.known, 1 - np.isnan(values).mean(axis=0))
    assert found.known[0] < 1
    mean, spread = found.of(["turn"])
    assert mean.tolist() == found.mean[1:].tolist()
    assert len(spread) == 3
    other = statistics_of(clips, names, augmentation="strong", seed=1)
    assert other.sha256 == found.sha256
    assert other.mean[0] == found.mean[0]
    assert statistics_of(clips.thinned(2), names).sha256 != found.sha256


def test_a_target_of_which_nothing_is_known_is_refused(framed_lists: tuple[Path, Path]) -> None:
    names = ("mouth", "smile", "hand")
    parts = []
    for manifest in framed_lists:
        clips = read_clips(manifest, frame_targets=names)
        parts.append((clips, statistics_of(clips, names)))
    with pytest.raises(FaultsError) as caught:
        refuse_unknown(parts)
    assert [fault.rpartition(": ")[2] for fault in caught.value.faults] == [
        f"{name} is not known (NaN) for any frame" for _ in parts for name in ("smile", "hand")
    ]


def test_saying_the_mean_costs_one_for_each_target_and_the_truth_nothing() -> None:
    random = np.random.default_rng(0)
    names = ("closure", "turn", "landmarks")
    values = random.normal(2, 3, (40, 6, 140)).astype(np.float32)
    values[random.random(values.shape) < 0.3] = np.nan
    flat = values.reshape(-1, 140)
    statistics = dataclasses.replace(
        plain(names),
        mean=np.nanmean(flat, axis=0),
        spread=np.nanstd(flat, axis=0),
        known=(1 - np.isnan(flat).mean(axis=0)).astype(np.float32),
    )
    head = FrameHead(statistics, cues=(), channels=3, frames=6, moments=6)
    truth = torch.from_numpy(values)
    assert float(head.loss(torch.zeros(40, 6, 140), truth)) == pytest.approx(1, abs=1e-4)
    right = torch.nan_to_num(head.standardised(truth), nan=7.0)
    assert float(head.loss(right, truth)) == pytest.approx(0, abs=1e-8)
    # 136 numbers of landmarks count as much as one closure.
    wrong = right.clone()
    wrong[:, :, 4:] += 1
    of_landmarks = float(head.loss(wrong, truth))
    wrong = right.clone()
    wrong[:, :, 0] += 1
    assert of_landmarks == pytest.approx(1 / 3, abs=1e-4)
    assert float(head.loss(wrong, truth)) == pytest.approx(1 / 3, abs=1e-4)
    # A frame counts alike in whatever batch it is.
    halves = [float(head.loss(torch.zeros(20, 6, 140), truth[half])) for half in (slice(20), slice(20, None))]
    assert np.mean(halves) == pytest.approx(1, abs=1e-4)


def test_the_gradient_of_what_is_not_known_is_zero() -> None:
    head = FrameHead(plain(("closure",)), cues=(), channels=2, frames=2, moments=2)
    read = torch.tensor([[[0.5], [0.5]]], requires_grad=True)
    head.loss(read, torch.tensor([[[1.0], [np.nan]]])).backward()
    assert read.grad.flatten().tolist() == [-0.5, 0]


@pytest.mark.parametrize(("frames", "moments", "each"), [(32, 2, 16), (8, 1, 8), (36, 3, 12), (34, 3, 12), (5, 5, 1)])
def test_a_moment_tells_of_all_its_frames(frames: int, moments: int, each: int) -> None:
    head = FrameHead(plain(("mouth", "turn")), cues=(), channels=7, frames=frames, moments=moments)
    x = torch.randn(2, moments, 7)
    read = head(x, x[:, :, :0], frames)
    assert read.shape == (2, frames, 4)
    frame = frames - 1
    own = head.linear(x[:, frame // each]).reshape(2, each, 4)
    torch.testing.assert_close(read[:, frame], own[:, frame % each])


def test_cues_are_taken_from_the_network_and_others_are_read() -> None:
    head = FrameHead(
        plain(("landmarks", "turn", "mouth", "closure")), cues=("closure", "turn"), channels=5, frames=3, moments=3
    )
    cues, moments = torch.randn(2, 3, 4), torch.randn(2, 3, 5)
    read = head(moments, cues, 3)
    assert torch.equal(read[..., 136:139], cues[..., 1:])
    assert torch.equal(read[..., 140], cues[..., 0])
    own = head.linear(moments)
    assert torch.equal(read[..., :136], own[..., :136])
    assert torch.equal(read[..., 139], own[..., 136])
    head.take_cue_statistics(("closure", "turn"), torch.tensor([1.0, 2, 3, 4]), torch.tensor([5.0, 6, 7, 8]))
    assert head.mean[136:].tolist() == [2, 3, 4, 0, 1]
    assert head.spread[136:].tolist() == [6, 7, 8, 1, 5]
    only = FrameHead(plain(("closure",)), cues=("turn", "closure"), channels=5, frames=3, moments=3)
    assert only.linear is None
    assert torch.equal(only(moments, cues, 3), cues[..., 3:])


@pytest.mark.parametrize(
    ("backbone", "position"),
    [("resnet3d", 3), ("r2plus1d", 0), ("resnet2d", 0), ("resnet2d_attention", 0), ("resnet2d_cues", 4)],
)
@pytest.mark.parametrize("frames", [5, 20])
def test_every_backbone_reads_every_frame(
    settings: Callable[..., TrainSettings], backbone: str, position: int, frames: int
) -> None:
    names = ("closure", "turn", "landmarks")
    cues = names[:2] if backbone == "resnet2d_cues" else ()
    given = settings(backbone=backbone, non_local_position=position, frames=frames, frame_targets=names, cues=cues)
    with torch.random.fork_rng(devices=[]):
        network, _ = first_network(given)
        task = Task(network, None, frame_head(network, plain(names), given)).train()
        clips = torch.rand(2, 3, frames, 32, 32) * 2 - 1
        logits, _, _, read = task(clips)
        assert (logits.shape, read.shape) == ((2, 10), (2, frames, 140))
        (task.frames.loss(read, torch.rand(2, frames, 140)) + logits.square().sum()).backward()
    assert [name for name, parameter in task.named_parameters() if parameter.grad is None] == []


def test_figures_are_those_of_all_known_frames() -> None:
    random = np.random.default_rng(0)
    names = ("closure", "turn", "hand")
    standard = random.normal(size=(9, 4, 5)).astype(np.float32)
    read = (0.7 * standard + random.normal(size=standard.shape)).astype(np.float32)
    standard[2, :, 0] = np.nan
    standard[:, :, 3:] = 0.5  # constant: tilt and hand
    parts = [
        frame_moments(*(torch.from_numpy(entry[batch]) for entry in (read, standard))) for batch in (slice(5), slice(5, 9))
    ]
    found = frame_figures(names, parts)
    known = ~np.isnan(standard[:, :, 0])
    pearson = [np.corrcoef(read[..., channel].ravel(), standard[..., channel].ravel())[0, 1] for channel in (1, 2)]
    assert found.correlations == {
        "closure": pytest.approx(np.corrcoef(read[:, :, 0][known], standard[:, :, 0][known])[0, 1]),
        "turn": pytest.approx(np.mean(pearson)),
        "hand": None,
    }
    errors = np.nanmean((read.astype(np.float64) - standard) ** 2, axis=(0, 1))
    assert found.loss == pytest.approx((errors[0] + errors[1:4].mean() + errors[4]) / 3)
