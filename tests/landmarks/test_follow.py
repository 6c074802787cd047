"""Following one face: where it is looked for, when it is given up, and that nobody is taken for somebody else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from facefatigue.faces import Face, FaceTracker, Mtcnn
from facefatigue.landmarks import FaceReading, Landmarker, LandmarkFollower
from facefatigue.landmarks.follow import FIVE_POINTS, is_of
from facefatigue.landmarks.region import Region

FRAME = np.zeros((100, 100, 3), np.uint8)
MARKS = np.array([[40.0, 45], [60, 45], [50, 55], [43, 62], [57, 62]])
FACE = Face(np.array([30.0, 30, 70, 70]), 0.99, MARKS)


class Scripted:
    """Stands for the nets: sees a face wherever one is said to be, and notes where it was asked to look."""

    def __init__(self) -> None:
        self.presence, self.asked, self.shift = [0.9], list[Region](), np.zeros(2)

    def read(self, rgb: np.ndarray, region: Region) -> FaceReading:
        self.asked.append(region)
        points = np.zeros((478, 3), np.float32)
        points[:, :2] = np.stack([np.linspace(32, 68, 478), np.linspace(35, 72, 478)], axis=1)
        for pair, mark in zip(FIVE_POINTS, MARKS, strict=True):
            points[list(pair), :2] = mark
        points[:, :2] += self.shift
        presence = self.presence.pop(0) if len(self.presence) > 1 else self.presence[0]
        return FaceReading(presence, points, np.zeros(52, np.float32))


@pytest.fixture
def nets() -> Scripted:
    return Scripted()


@pytest.fixture
def follower(nets: Scripted) -> LandmarkFollower:
    return LandmarkFollower(nets)  # type: ignore[arg-type]


def test_a_face_is_looked_for_where_the_tracker_has_it_and_then_where_its_points_were(
    nets: Scripted, follower: LandmarkFollower
) -> None:
    assert follower.read(FRAME, FACE) is not None
    assert len(nets.asked) == 2  # from the box, and again from its own points
    assert nets.asked[0].side_px == pytest.approx(60)
    follower.read(FRAME, FACE)
    assert len(nets.asked) == 3
    assert nets.asked[1] == nets.asked[2]
    assert follower.read(FRAME, None) is None
    follower.read(FRAME, FACE)
    assert len(nets.asked) == 5


def test_only_the_reading_itself_has_to_show_a_face(nets: Scripted, follower: LandmarkFollower) -> None:
    nets.presence = [0.01, 0.8]
    assert follower.read(FRAME, FACE) is not None
    nets.presence = [0.4, 0.9, 0.3]  # lost where it was; the box helps no more
    assert follower.read(FRAME, FACE) is None
    assert len(nets.asked) == 5


def test_a_face_that_is_lost_is_found_again_in_the_same_frame(nets: Scripted, follower: LandmarkFollower) -> None:
    follower.read(FRAME, FACE)
    nets.presence = [0.1, 0.9]
    reading = follower.read(FRAME, FACE)
    assert reading is not None
    assert reading.presence == 0.9
    assert len(nets.asked) == 5


def test_points_that_wander_off_to_somebody_else_are_thrown_away(nets: Scripted, follower: LandmarkFollower) -> None:
    assert follower.read(FRAME, FACE) is not None
    nets.shift = np.array([15.0, 0.0])
    assert follower.read(FRAME, FACE) is None
    nets.shift = np.zeros(2)
    assert follower.read(FRAME, FACE) is not None


def test_half_as_large_a_face_at_the_same_place_is_another_one(nets: Scripted) -> None:
    reading = nets.read(FRAME, Region(0, 0, 1, 0))
    assert is_of(reading, FACE)
    large = dataclasses.replace(FACE, box=50 + 4 * (FACE.box - 50), landmarks=50 + 4 * (MARKS - 50))
    assert not is_of(dataclasses.replace(reading, points=50 + 4 * (reading.points - 50)), FACE)
    assert is_of(dataclasses.replace(reading, points=50 + 4 * (reading.points - 50)), large)


def test_faces_of_no_size_or_outside_the_frame_are_not_read(landmarker: Landmarker) -> None:
    nowhere = dataclasses.replace(FACE, box=FACE.box + 1000, landmarks=MARKS + 1000)
    point = dataclasses.replace(FACE, box=np.array([50.0, 50, 50, 50]), landmarks=np.full((5, 2), 50.0))
    broken = dataclasses.replace(FACE, landmarks=np.full((5, 2), np.nan))
    for face in (nowhere, point, broken):
        assert LandmarkFollower(landmarker).read(FRAME, face) is None


def test_two_people_keep_to_themselves(landmarker: Landmarker, portrait: np.ndarray, face: Face) -> None:
    """A rendered head and its mirror image pass by each other; every reading is of the face that it is asked for, or none."""
    x0, y0, x1, y1 = (int(edge) for edge in face.box + [-20, -40, 20, 30])
    head = portrait[max(y0, 0) : y1, max(x0, 0) : x1]
    height, width = head.shape[:2]
    marks = face.landmarks - [max(x0, 0), max(y0, 0)]
    mirrored = (marks * [-1, 1] + [width - 1, 0])[[1, 0, 2, 4, 3]]
    people = ((head[:, ::-1], mirrored), (head, marks))  # the second in front
    followers = [LandmarkFollower(landmarker) for _ in people]
    read = [0, 0]
    for step in range(9):
        if step == 4:
            continue  # both at the same place
        rgb = np.full((height, 3 * width, 3), 90, np.uint8)
        lefts = [step * width // 4, 2 * width - step * width // 4]
        for left, (picture, _) in zip(lefts, people, strict=True):
            rgb[:, left : left + width] = picture
        noses = [left + own[2, 0] for left, (_, own) in zip(lefts, people, strict=True)]
        for index, (follower, left, (_, own)) in enumerate(zip(followers, lefts, people, strict=True)):
            shift = np.array([left - max(x0, 0), -max(y0, 0)])
            reading = follower.read(rgb, Face(face.box + np.tile(shift, 2), 0.99, own + [left, 0]))
            if reading is not None:
                read[index] += 1
                away = [abs(float(reading.points[4, 0]) - nose) for nose in noses]
                assert away[index] < away[1 - index]
    assert read[1] == 8  # the one in front
    assert read[0] >= 6  # the other, half hidden twice


def test_a_face_cut_by_the_edge_of_the_frame_is_still_read(landmarker: Landmarker, portrait: np.ndarray, face: Face) -> None:
    whole = LandmarkFollower(landmarker).read(portrait, face)
    assert whole is not None
    cut = int(face.landmarks[:2, 1].min() - 0.15 * face.size_px)  # through the brows
    moved = dataclasses.replace(face, box=face.box - [0, cut, 0, cut], landmarks=face.landmarks - [0, cut])
    partly = LandmarkFollower(landmarker).read(portrait[cut:], moved)
    assert partly is not None
    eyes = [33, 133, 159, 145, 362, 263, 386, 374]
    away_px = np.hypot(*(partly.points[eyes, :2] + [0, cut] - whole.points[eyes, :2]).T)
    assert away_px.mean() < 0.03 * face.size_px


@pytest.mark.parametrize("size_px", [20, 32, 60])
def test_small_faces_are_read(landmarker: Landmarker, portrait: np.ndarray, face: Face, size_px: int) -> None:
    scale = size_px / face.size_px
    height, width = portrait.shape[:2]
    small = np.asarray(Image.fromarray(portrait).resize((round(width * scale), round(height * scale)), Image.Resampling.BOX))
    reading = LandmarkFollower(landmarker).read(
        small, dataclasses.replace(face, box=face.box * scale, landmarks=face.landmarks * scale)
    )
    assert reading is not None
    assert np.isfinite(reading.points).all()
    assert abs(reading.points[4, 0] - face.landmarks[2, 0] * scale) < 0.15 * size_px


def test_a_video_is_followed_with_one_look_a_frame(
    landmarker: Landmarker, portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    read = landmarker.read
    monkeypatch.setattr(landmarker, "read", lambda rgb, region: looks.append(region) or read(rgb, region))
    tracker, follower = FaceTracker(Mtcnn()), LandmarkFollower(landmarker)
    noses = []
    for index in range(12):
        rgb = np.roll(portrait, 4 * index, axis=1)
        tracked = tracker.step(rgb, index / 25)
        reading = follower.read(rgb, tracked[0].face)
        assert reading is not None
        noses.append(float(reading.points[4, 0]))
    assert len(looks) == 13
    np.testing.assert_allclose(np.diff(noses), 4, atol=1.0)
