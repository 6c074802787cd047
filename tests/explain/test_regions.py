"""Regions of a face and what falls on them."""

from __future__ import annotations

import numpy as np
import pytest

from facefatigue.explain import REGIONS, Attribution, read_points, region_map, region_shares
from facefatigue.explain.regions import average_face
from facefatigue.faces.align import EYE_X, EYE_Y
from facefatigue.landmarks import Landmarker


@pytest.fixture(scope="module")
def average_map() -> np.ndarray:
    return region_map(average_face() * np.float32(112) - np.float32(0.5), 112)


def share_of(values: np.ndarray, code_map: np.ndarray):
    return region_shares(Attribution(method="m", values=values.astype(np.float32)), [code_map] * len(values))


def test_the_average_face_has_its_eyes_where_alignment_puts_them_and_all_regions(average_map):
    eyes = average_face()[[33, 133, 362, 263]].reshape(2, 2, 2).mean(axis=1)
    np.testing.assert_allclose(eyes, [(x, EYE_Y) for x in EYE_X], atol=0.02)
    assert set(np.unique(average_map)) == set(range(len(REGIONS)))
    for place, name in {
        (EYE_X[0], EYE_Y): "eyes",
        (EYE_X[1], EYE_Y): "eyes",
        (0.5, 0.68): "mouth",
        (0.5, 0.5): "nose",
        (0.25, 0.6): "cheeks",
        (0.5, 0.2): "forehead",
        (0.02, 0.5): "background",
    }.items():
        x, y = (int(part * 112) for part in place)
        assert REGIONS[average_map[y, x]] == name, place
    mirrored = np.mean(average_map == average_map[:, ::-1])
    assert mirrored > 0.95


def test_a_map_that_is_the_same_everywhere_has_the_shares_of_the_areas(average_map):
    shares = share_of(np.ones((3, 112, 112)), average_map)
    np.testing.assert_allclose(shares.share, shares.area)
    assert shares.share.sum() == pytest.approx(1)
    assert shares.beside_the_face
    assert shares.background_leads


def test_the_background_may_lead_though_the_map_is_more_on_the_face_than_chance(average_map):
    values = np.zeros((1, 112, 112))
    for name, share in {"background": 0.4, "eyes": 0.3, "mouth": 0.3}.items():
        inside = average_map == REGIONS.index(name)
        values[0][inside] = share / inside.sum()
    shares = share_of(values, average_map)
    assert shares.background_leads
    assert not shares.beside_the_face


def test_only_what_speaks_for_the_target_counts(average_map):
    values = np.where(average_map == REGIONS.index("eyes"), 2.0, -5.0)[None].repeat(2, axis=0)
    values[1] = np.where(average_map == REGIONS.index("mouth"), 1.0, 0.0)
    shares = share_of(values, average_map)
    assert shares.over_time.shape == (2, len(REGIONS))
    assert shares.over_time[0, REGIONS.index("eyes")] == pytest.approx(shares.share[REGIONS.index("eyes")])
    assert shares.share[[REGIONS.index("eyes"), REGIONS.index("mouth")]].sum() == pytest.approx(1)
    assert not shares.beside_the_face
    assert shares.sentence(2).startswith(f"{100 * shares.share[0]:.0f} % eyes, ")
    assert shares.sentence(7).count(",") == 1  # regions without a share are not named


def test_within_a_region_of_a_frame_for_and_against_cancel(average_map):
    eyes, mouth = (average_map == REGIONS.index(name) for name in ("eyes", "mouth"))
    values = np.zeros((1, 112, 112))
    values[0, 56, 56] = 1.0  # the nose
    values[0][eyes] = np.resize([3.0, -3.0], int(eyes.sum()) // 2 * 2 + 2)[: int(eyes.sum())]
    values[0][mouth] = 0.5 / mouth.sum()
    values[0][np.nonzero(eyes)[0][0], np.nonzero(eyes)[1][0]] -= values[0][eyes].sum()
    shares = share_of(values, average_map)
    assert shares.share[REGIONS.index("eyes")] == pytest.approx(0, abs=1e-3)
    assert shares.share[REGIONS.index("nose")] == pytest.approx(2 / 3, abs=1e-3)


def test_where_nothing_speaks_for_the_target_there_are_no_shares(average_map):
    shares = share_of(-np.ones((2, 112, 112)), average_map)
    assert not shares.share.any()
    assert not shares.beside_the_face
    assert not shares.background_leads


def test_the_points_of_a_face_are_read_from_its_crop(sample_crops):
    points, was_read = read_points(Landmarker(), sample_crops[:3])
    assert was_read.all()
    eyes = points[:, [33, 133, 362, 263]].reshape(3, 2, 2, 2).mean(axis=2)
    np.testing.assert_allclose(eyes, np.tile([(x * 112, EYE_Y * 112) for x in EYE_X], (3, 1, 1)), atol=5)
    assert np.mean(region_map(points[0], 112) == region_map(average_face() * np.float32(112), 112)) > 0.8


def test_frames_that_cannot_be_read_take_the_nearest_points_or_those_of_the_average_face(sample_crops):
    noise = np.random.default_rng(0).integers(0, 255, sample_crops[:1].shape, np.uint8)
    points, was_read = read_points(Landmarker(), np.concatenate([noise, sample_crops[:1], noise]))
    assert was_read.tolist() == [False, True, False]
    np.testing.assert_array_equal(points[0], points[1])
    points, was_read = read_points(Landmarker(), noise)
    assert not was_read.any()
    np.testing.assert_allclose(points[0], average_face() * 112 - 0.5, rtol=1e-6)


def test_points_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"points are \(478, 2\), not \(68, 2\)"):
        region_map(np.zeros((68, 2), np.float32), 112)
