"""Who is who: scripted scenes of two patterned heads, and a detector that sees exactly what is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from facefatigue.faces import Face, FaceTracker, Mtcnn
from facefatigue.faces.boxes import overlap

HEIGHT, WIDTH, SIDE = 240, 480, 64
RATE = 25


def head(seed: int) -> np.ndarray:
    """A smooth random pattern: what one person looks like."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


@dataclass
class Person:
    """Somebody at (x, y), top left; drawn in the order of the list, later ones in front."""

    seed: int
    x: float
    y: float = 80.0

    @property
    def face(self) -> Face:
        marks = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]) * SIDE
        corner = np.array([self.x, self.y])
        return Face(np.concatenate([corner, corner + SIDE]), 0.99, marks + corner)


class Scene:
    """Frames of persons, and a detector that knows which heads are visible (not covered by more than half)."""

    def __init__(self) -> None:
        self.people: list[Person] = []
        self.detections = 0

    def draw(self, people: list[Person], background: int = 127) -> np.ndarray:
        self.people = people
        rgb = np.full((HEIGHT, WIDTH, 3), background, np.uint8)
        for person in people:
            x, y = round(person.x), round(person.y)
            rgb[y : y + SIDE, x : x + SIDE] = head(person.seed)
        return rgb

    def visible(self) -> list[Face]:
        faces = [person.face for person in self.people]
        boxes = np.array([face.box for face in faces]).reshape(-1, 4)
        hidden = [any(overlap(boxes[i : i + 1], boxes[i + 1 :])[0] > 0.3) for i in range(len(faces))]
        return [face for face, away in zip(faces, hidden, strict=True) if not away]

    def detect(self, rgb: np.ndarray, **_: object) -> list[Face]:
        self.detections += 1
        return self.visible()

    def refine(self, rgb: np.ndarray, boxes: np.ndarray, *, threshold: float) -> list[Face | None]:
        found: list[Face | None] = []
        for box in boxes:
            near = [f for f in self.visible() if np.hypot(*(f.box[:2] - box[:2])) < 0.45 * SIDE]
            found.append(min(near, key=lambda f: np.hypot(*(f.box[:2] - box[:2])), default=None))
        return found


def run(frames: list[list[Person]], max_faces: int = 8, backgrounds: list[int] | None = None) -> list[dict[int, float]]:
    """Track numbers and x positions, frame by frame."""
    scene = Scene()
    tracker = FaceTracker(scene, max_faces=max_faces)  # type: ignore[arg-type]
    seen = []
    for index, people in enumerate(frames):
        rgb = scene.draw(people, backgrounds[index] if backgrounds else 127)
        seen.append({t.track: float(t.face.box[0]) for t in tracker.step(rgb, index / RATE)})
    return seen


def test_one_face_keeps_its_number() -> None:
    seen = run([[Person(1, 50 + 2 * i)] for i in range(75)])
    assert all(list(frame) == [0] for frame in seen)
    assert seen[-1][0] == 50 + 2 * 74


def test_the_cascade_runs_at_intervals_only() -> None:
    scene = Scene()
    tracker = FaceTracker(scene)  # type: ignore[arg-type]
    for index in range(100):
        tracker.step(scene.draw([Person(1, 100)]), index / RATE)
    assert scene.detections == tracker.cascades == 4  # at 0, 1, 2 and 3 s


@pytest.mark.parametrize("gap_frames", [3, 12, 40])
def test_a_short_absence_keeps_the_number(gap_frames: int) -> None:
    seen = run([[Person(1, 100)]] * 20 + [[]] * gap_frames + [[Person(1, 110)]] * 30)
    assert {track for frame in seen for track in frame} == {0}
    assert not any(seen[20 : 20 + gap_frames])
    assert seen[-1] == {0: 110.0}


def test_a_long_absence_starts_a_new_track() -> None:
    seen = run([[Person(1, 100)]] * 20 + [[]] * 80 + [[Person(1, 100)]] * 30)
    assert seen[-1].keys() == {1}


def test_somebody_else_in_the_same_place_gets_a_new_number() -> None:
    for gap_frames in (0, 1, 2, 10, 30):
        seen = run([[Person(1, 100)]] * 20 + [[]] * gap_frames + [[Person(2, 100)]] * 30)
        assert seen[-1].keys() == {1}, gap_frames


def test_a_blur_of_some_frames_is_not_somebody_else() -> None:
    for frames in (1, 3, 5):
        seen = run([[Person(1, 100)]] * 30 + [[Person(2, 100)]] * frames + [[Person(1, 100)]] * 40)
        assert seen[-1].keys() == {0}, frames
        assert {number for row in seen for number in row} == {0}, frames


@pytest.mark.parametrize("step", [4, 8, 12])
def test_people_who_cross_keep_their_numbers(step: int) -> None:
    count = 340 // step
    frames = [[Person(1, 20 + step * i), Person(2, 380 - step * i, 84)] for i in range(count)]
    seen = run(frames + [frames[-1]] * 20)
    assert seen[0].keys() == {0, 1}
    first, last = seen[0], seen[-1]
    assert last.keys() <= {0, 1, 2}
    for track in first.keys() & last.keys():  # whoever kept a number is on the other side now
        assert (first[track] < 200) == (last[track] > 200), (first, last)
    front = next(track for track, x in first.items() if x > 200)  # drawn in front, never hidden
    assert front in last


def test_a_cut_to_another_person_ends_the_track() -> None:
    seen = run([[Person(1, 100)]] * 20 + [[Person(2, 100)]] * 20, backgrounds=[30] * 20 + [220] * 20)
    assert seen[19].keys() == {0}
    assert seen[-1].keys() == {1}


def test_a_flash_keeps_the_track() -> None:
    seen = run([[Person(1, 100)]] * 40, backgrounds=[60] * 20 + [255] + [60] * 19)
    assert {track for frame in seen for track in frame} == {0}


def test_only_the_largest_are_followed_when_there_is_no_room() -> None:
    frames = [[Person(seed, 90 * seed) for seed in range(5)]] * 30
    seen = run(frames, max_faces=2)
    assert all(len(frame) == 2 for frame in seen)
    assert seen[0].keys() == seen[-1].keys()


def test_numbers_count_in_order_of_appearance() -> None:
    seen = run([[Person(1, 10)]] * 30 + [[Person(1, 10), Person(2, 200)]] * 60)
    assert seen[0].keys() == {0}
    assert seen[-1].keys() == {0, 1}


def test_a_box_that_runs_out_of_the_frame_is_dropped() -> None:
    class Runaway(Scene):
        def refine(self, rgb: np.ndarray, boxes: np.ndarray, *, threshold: float) -> list[Face | None]:
            grown = boxes + np.array([-0.1, -0.15, 0.1, 0.15]) * (boxes[:, 2:3] - boxes[:, :1])
            return [Face(box, 0.95, np.full((5, 2), 5.0) + box[:2]) for box in grown]

    scene = Runaway()
    tracker = FaceTracker(scene)  # type: ignore[arg-type]
    for index in range(200):
        for tracked in tracker.step(scene.draw([Person(1, 100)]), index / RATE):
            assert tracked.face.size_px <= 1.5 * WIDTH


def test_real_videos_keep_one_number(shared) -> None:
    from facefatigue.video import open_video

    for name in ("liveportrait/d18.mp4", "yawdd/1.avi", "edge_cases/single_face.mp4"):
        tracker = FaceTracker(Mtcnn(), max_faces=1)
        with open_video(shared / "media" / name) as video:
            tracks = [{t.track for t in tracker.step(frame.rgb, frame.time_s)} for frame in video]
        assert sum(track == {0} for track in tracks) >= 0.99 * len(tracks), name
        assert tracker.cascades <= 2 + 1.3 * video.clock.duration_s


def test_a_face_that_leaves_and_one_that_arrives(shared) -> None:
    from facefatigue.video import open_video

    for name, present in (("face_noface.mov", slice(5, 60)), ("noface_face.mov", slice(-60, -5))):
        tracker = FaceTracker(Mtcnn(), max_faces=1)
        with open_video(shared / "media" / "edge_cases" / name) as video:
            seen = [bool(tracker.step(frame.rgb, frame.time_s)) for frame in video]
        assert all(seen[present]), name
        assert 0.3 < np.mean(seen) < 0.6


def test_following_agrees_with_the_cascade_on_every_frame(shared) -> None:
    from facefatigue.video import open_video

    detector = Mtcnn()
    tracker = FaceTracker(detector, max_faces=1)
    off = []
    with open_video(shared / "media" / "talking_face" / "franck.mp4") as video:
        for frame in video:
            if frame.index == 60:
                break
            (tracked,) = tracker.step(frame.rgb, frame.time_s)
            reference = max(detector.detect(frame.rgb, min_face_px=40), key=lambda face: face.size_px)
            distance = np.hypot(*(tracked.face.landmarks - reference.landmarks).T).mean()
            off.append(distance / reference.eye_distance_px)
    assert np.median(off) < 0.04
