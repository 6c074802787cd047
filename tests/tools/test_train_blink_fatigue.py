from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from blink_fatigue.crops import learned_crops, on_another_day
from blink_fatigue.figures import Judged, bucket, error, figures, vote
from blink_fatigue.intervals import interval_ratios, lattice_step
from blink_fatigue.population import long_blinks, mean_durations_s, norms
from blink_fatigue.rldd import Video, read_videos
from blink_fatigue.ship import conformal

if TYPE_CHECKING:
    from pathlib import Path


def as_published(intervals: list[np.ndarray], *, alert_share: float = 1 / 3) -> tuple[list[np.ndarray], float]:
    """What the published code makes of blinks so many frames apart, and the mean interval of its alert baseline."""
    videos = []
    for gaps in intervals:
        frames = np.cumsum(gaps)
        videos.append(np.round(100 * np.arange(1, len(gaps) + 1) / frames, 4))
    baseline = videos[0][-int(len(videos[0]) * alert_share) :]
    usual, spread = baseline.mean(), baseline.std()
    videos[0] = videos[0][: -len(baseline)]
    rng = np.random.default_rng(0)
    tables = [np.column_stack([(video - usual) / spread, rng.normal(size=(len(video), 3))]) for video in videos]
    return tables, 100 / usual


def gaps(rng: np.random.Generator, blinks: int, mean: float) -> np.ndarray:
    return np.maximum(rng.exponential(mean, blinks).round(), 6)


@pytest.mark.parametrize("seed", range(3))
def test_the_published_frequency_is_undone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    intervals = [gaps(rng, n, mean) for n, mean in ((90, 120.0), (150, 90.0), (200, 60.0))]
    videos, usual = as_published(intervals)
    found, known = interval_ratios(videos)
    assert known == pytest.approx(usual)
    for ratios, true, video in zip(found, intervals, videos, strict=True):
        assert np.isnan(ratios[0])
        off = np.abs(ratios[1:] * usual - true[1 : len(video)])
        # Four decimals hide parts of a frame; where two blinks get the same number, they share the time before them.
        alike = np.diff(video[:, 0]) == 0
        assert off[~alike & ~np.append(alike[1:], False)].max() < 4
        assert np.median(off) < 0.2
        assert abs((ratios[1:] * usual).sum() - true[1 : len(video)].sum()) < 4


def test_what_was_not_normalised_like_that_is_not_undone() -> None:
    rng = np.random.default_rng(4)
    videos = [rng.normal(size=(60, 4)) for _ in range(3)]
    assert lattice_step(videos[0][:, 0]) is None
    found, usual = interval_ratios(videos)
    assert np.isnan(usual)
    assert all(np.isnan(ratios).all() for ratios in found)


def test_classes_and_errors_are_the_published_ones() -> None:
    prediction = np.array([0.0, 3.33, 3.34, 6.67, 6.68, 10.0])
    np.testing.assert_array_equal(bucket(prediction), (0, 0, 1, 1, 2, 2))
    np.testing.assert_allclose(error(prediction, np.zeros(6, int)), (0, 0, 0.04**2, 3.37**2, 3.38**2, 6.7**2))
    np.testing.assert_allclose(error(prediction, np.ones(6, int)), (3.3**2, 0.03**2, 0, 0, 0.08**2, 3.4**2))
    np.testing.assert_allclose(error(prediction, np.full(6, 2)), (6.6**2, 3.27**2, 3.26**2, 0.07**2, 0, 0))


def test_most_sequences_make_the_class_of_a_video() -> None:
    called = np.array([0, 0, 2, 1, 2])
    np.testing.assert_array_equal(vote(called, np.array([2, 1]), np.array([0, 0, 0, 1, 1])), (0, 1))


def test_figures_of_known_predictions() -> None:
    state = np.repeat([0, 1, 2, 0, 1, 2], 4)
    person, video = np.repeat([0, 1], 12), np.repeat(np.arange(6), 4)
    probability = np.eye(3)[state]
    probability[20:23] = (0.9, 0.1, 0.0)  # three of four sequences of the second person's drowsy video
    found = figures(Judged(probability=probability, state=state, video=video, person=person), draws=50)
    assert found["sequence_accuracy"].value == pytest.approx(21 / 24)
    assert found["video_accuracy"].value == pytest.approx(5 / 6)
    assert found["sequence_auc"].value == 1  # what is called alert there still scores 0.5 of 10, above the alert ones
    assert found["video_error"].value == pytest.approx((10 / 4 + 3 * 0.5 / 4 - 6.6) ** 2 / 6)
    assert found["video_accuracy"].low == pytest.approx(2 / 3)


def person(number: int, interval_s: float, frames: np.ndarray) -> Video:
    """An alert video in which blinks take so many frames."""
    mean, spread = frames.mean(), frames.std()
    blinks = np.column_stack([np.ones(len(frames)), np.zeros(len(frames)), (frames - mean) / spread, np.zeros(len(frames))])
    return Video(
        fold=1, person=number, state=0, published=blinks, blinks=blinks, units_s=(interval_s, spread / 30), sequences=1,
        copied=False,
    )  # fmt: skip


def test_durations_in_seconds_come_back() -> None:
    frames = [np.array([4, 9, 12, 11, 30]), np.array([4, 6, 8, 6, 7])]
    videos = [
        person(number, interval_s, own) for number, (interval_s, own) in enumerate(zip((3.0, 6.0), frames, strict=True))
    ]
    means_s = mean_durations_s(videos)
    assert means_s == pytest.approx({0: frames[0].mean() / 30, 1: frames[1].mean() / 30})
    rate, duration_s, variation = norms(videos, means_s)
    assert (rate.usual, rate.spread) == pytest.approx((15, 5))
    assert duration_s.usual == pytest.approx((frames[0].mean() + frames[1].mean()) / 60)
    assert variation.usual == pytest.approx(np.mean([own.std() / own.mean() for own in frames]))
    assert long_blinks(videos, 0.35)["alert"] == {"blinks": 10, "long": 3, "videos": 2, "videos_with_long": 1}


def test_an_interval_holds_four_labels_of_five() -> None:
    rng = np.random.default_rng(3)
    probability = rng.dirichlet((2, 2, 2), 4000)
    state = np.array([rng.choice(3, p=own) for own in probability])
    reach = conformal(probability, state, np.ones(len(state)))
    score = probability @ (0, 0.5, 1)
    spread = np.sqrt(probability @ (0, 0.25, 1) - score**2)
    inside = np.abs(score - state / 2) <= reach * spread + 1e-12
    assert inside.mean() == pytest.approx(0.8, abs=0.01)


def test_videos_are_read_and_copies_are_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    starts: dict[str, list[int]] = {}
    for fold in range(1, 6):
        people = [[rng.normal(size=(n, 4)) for n in (34, 20, 40)] for _ in range(2)]
        people[1][2] = people[0][2]
        sequences, labels, firsts = [], [], []
        for person in people:
            for label, blinks in zip((0, 5, 10), person, strict=True):
                firsts.append(len(sequences))
                count = max((len(blinks) - 30) // 2 + 1, 1)
                padded = np.concatenate([np.zeros((max(30 - len(blinks), 0), 4)), blinks])
                sequences += [padded[2 * place : 2 * place + 30] for place in range(count)]
                labels += [[float(label)]] * count
        starts[str(fold)] = firsts
        np.save(tmp_path / f"BlinksTest_30_Fold{fold}.npy", np.array(sequences))
        np.save(tmp_path / f"LabelsTest_30_Fold{fold}.npy", np.array(labels))
    (tmp_path / "video_starts.json").write_text(json.dumps({"fold": starts}), encoding="utf-8")
    videos = read_videos(tmp_path)
    assert [len(video.blinks) for video in videos[:6]] == [34, 20, 40, 34, 20, 40]
    assert [video.copied for video in videos[:6]] == [False] * 5 + [True]
    assert videos[0].sequences == 3
    assert (videos[0].sequence(2), videos[0].sequence(1, 5), videos[1].sequence(0)) == (
        slice(4, 34), slice(27, 32), slice(0, 20),
    )  # fmt: skip
    learned = learned_crops(videos)
    assert all(not crop.video.copied for crop in learned)
    assert sum(crop.weight for crop in learned) == pytest.approx(25)
    moved = on_another_day(videos, seed=1)
    assert {(video.fold, video.person, video.state) for video in moved} == {(v.fold, v.person, 0) for v in videos}
