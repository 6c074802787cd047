"""An actor in a scene: hands, glints, lids, exposure, and pictures that repeat."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefatigue.synth.clips import rig_at
from facefatigue.synth.light import Light
from facefatigue.synth.look import make_person
from facefatigue.synth.scene import (
    Pose,
    frame_side_px,
    make_actor,
    make_scene,
    metered,
    move,
    pose_face,
    render_frame,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.synth.light import Visibility
    from facefatigue.synth.parts import Part
    from facefatigue.synth.performance import Performance
    from facefatigue.synth.rig import Rig
    from facefatigue.synth.scene import Actor, Scene

PLACES = ("mouth", "eye", "cheek", "chin")
UPRIGHT = Pose(np.zeros(3), np.zeros(3))


def _scene(seed: int = 0, **changes: Any) -> Scene:
    scene = make_scene(np.random.default_rng([4, seed]))
    camera = dataclasses.replace(
        scene.camera, grain=None, jpeg_quality=None, blur_px=0.0, flicker=0.0, sharpen=0.0, grey=False
    )
    return dataclasses.replace(scene, **{"camera": camera, **changes})


def _actor(stage: tuple[Rig, Visibility], performance: Performance, scene: Scene, seed: int = 0) -> Actor:
    rig, visibility = stage
    return make_actor(
        make_person(rig, np.random.default_rng(seed)), performance, scene, visibility, np.random.default_rng(9)
    )


def _film(actor: Actor, performance: Performance, scene: Scene, index: int = 0, pose: Pose = UPRIGHT) -> np.ndarray:
    side = frame_side_px(scene.eye_distance_px)
    vertices = move(actor, performance, index)
    return render_frame(actor, vertices, pose, scene, size_px=(side, side), rng=np.random.default_rng(1))[0]


def test_fifty_actors_are_whole(
    stage: tuple[Rig, Visibility], performances: list[Performance], check_part: Callable[[Part], None]
) -> None:
    for seed in range(50):
        scene = _scene(seed)
        performance = dataclasses.replace(performances[seed % 8], hand_place=("", *PLACES)[seed % 5])
        actor = _actor(stage, performance, scene, seed)
        check_part(actor.whole)
        count = len(actor.whole.vertices)
        assert actor.whole.vertices.dtype == np.float32
        assert actor.whole.openness.min() >= 0
        assert actor.whole.openness.max() <= 1
        assert actor.reached.shape == (count, len(scene.light.lamps))
        assert actor.reached.min() >= 0
        assert actor.reached.max() <= 1 + 1e-5
        assert actor.hand - actor.glints == 2 * 9 * len(scene.light.lamps)
        assert (actor.hand < count) == bool(performance.hand_place)


def test_a_scene_is_the_same_for_the_same_seed() -> None:
    for seed in range(20):
        one, other = (make_scene(np.random.default_rng(seed)) for _ in range(2))
        assert one.eye_distance_px == other.eye_distance_px
        assert np.array_equal(one.background, other.background)
        assert 17 <= one.eye_distance_px <= 76
        assert one.camera.blur_px <= 0.045 * one.eye_distance_px
        assert one.supersample == (2 if one.eye_distance_px < 36 else 1)
        side = frame_side_px(one.eye_distance_px) * one.supersample
        assert one.background.shape == (side, side, 3)
        assert one.infrared <= one.camera.grey


def test_a_background_fits_any_frame() -> None:
    scene = _scene()
    assert scene.backdrop(30, 20).shape == (20, 30, 3)
    height, width = scene.background.shape[:2]
    copy = scene.backdrop(width, height)
    copy[:] = 0
    assert scene.background.any()


def test_a_picture_repeats_and_moves_nothing(stage: tuple[Rig, Visibility], performances: list[Performance]) -> None:
    scene, performance = make_scene(np.random.default_rng(3)), performances[2]
    actor = _actor(stage, performance, scene)
    before = actor.whole.vertices.copy()
    pose = Pose(np.array([0.1, -0.2, 0.05]), np.array([0.5, 0.2, -1.0]))
    one, other = (_film(actor, performance, scene, 3, pose) for _ in range(2))
    side = frame_side_px(scene.eye_distance_px)
    assert one.dtype == np.uint8
    assert one.shape == (side, side, 3)
    assert np.array_equal(one, other)
    assert np.array_equal(actor.whole.vertices, before)


def test_landmarks_stand_where_the_face_is_drawn(stage: tuple[Rig, Visibility], performances: list[Performance]) -> None:
    scene = _scene(eye_distance_px=50.0, camera_cm=100.0, supersample=1)
    actor = _actor(stage, performances[0], scene)
    vertices, side = actor.whole.vertices.copy(), frame_side_px(50.0)

    def marks(pose: Pose, over: int = 1) -> np.ndarray:
        filmed = dataclasses.replace(scene, supersample=over)
        return render_frame(actor, vertices, pose, filmed, size_px=(side, side), rng=np.random.default_rng(0))[1]

    still = marks(UPRIGHT)
    eyes = still[36:42].mean(axis=0), still[42:48].mean(axis=0)
    assert np.linalg.norm(eyes[1] - eyes[0]) == pytest.approx(50, rel=0.12)
    assert (eyes[0] + eyes[1]) / 2 == pytest.approx([side / 2, 0.42 * side], abs=3)
    assert np.allclose(marks(UPRIGHT, over=3), still, atol=0.5)
    moved = marks(Pose(np.zeros(3), np.array([1.0, 2.0, 0.0]))) - still
    assert moved[30] == pytest.approx([50 / 6.3, -2 * 50 / 6.3], rel=0.1)
    near = marks(Pose(np.zeros(3), np.array([0.0, 0.0, 20.0])))
    assert np.ptp(near[36:48, 0]) > 1.1 * np.ptp(still[36:48, 0])
    left = marks(Pose(np.array([0, 0.3, 0]), np.zeros(3)))
    assert left[30, 0] > still[30, 0] + 3  # the person's left is at the right of the picture
    down = marks(Pose(np.array([0.3, 0, 0]), np.zeros(3)))
    assert down[30, 1] > still[30, 1] + 3


@pytest.mark.parametrize("place", PLACES)
def test_a_hand_that_is_away_is_out_of_the_picture(
    stage: tuple[Rig, Visibility], performances: list[Performance], place: str
) -> None:
    differ = 0
    for seed in range(12):
        scene = _scene(seed)
        hand = np.array([0.0, 1.0] * 4)
        performance = dataclasses.replace(performances[seed % 8], hand_place=place, hand=hand)
        actor = _actor(stage, performance, scene, seed)
        own = actor.whole.triangles
        without = dataclasses.replace(
            actor, whole=dataclasses.replace(actor.whole, triangles=own[(own < actor.hand).all(axis=1)])
        )
        turn = np.random.default_rng(seed).normal(0, (0.15, 0.25, 0.1))
        pose = Pose(turn, np.zeros(3))
        assert np.array_equal(_film(actor, performance, scene, 0, pose), _film(without, performance, scene, 0, pose))
        shown = np.abs(_film(actor, performance, scene, 1, pose).astype(int) - _film(without, performance, scene, 1, pose))
        differ += (shown.max(axis=2) > 10).mean() > 0.01
    assert differ >= 10


def test_closed_lids_draw_the_eyeball_back(stage: tuple[Rig, Visibility]) -> None:
    rig, _ = stage
    person = make_person(rig, np.random.default_rng(0))
    for weight, drawn_cm in ((0.0, 0.0), (0.3, 0.0), (0.8, 0.11), (1.0, 0.154), (1.1, 0.154)):
        plain, posed = person.vertices.copy(), person.vertices.copy()
        rig.pose(plain, {"eyeBlink_L": weight})
        pose_face(posed, person, {"eyeBlink_L": weight})
        way = posed - plain
        assert not way[:, :2].any()
        assert way[rig.eyeballs["L"], 2] == pytest.approx(-drawn_cm, abs=1e-5)
        assert not np.delete(way, rig.eyeballs["L"], axis=0).any()


def _spots(frame: np.ndarray, dark: np.ndarray) -> np.ndarray:
    """(2,) where a picture is brighter than another, on average: right and down."""
    more = np.maximum(frame.astype(float) - dark, 0).sum(axis=2)
    rows, columns = np.mgrid[: more.shape[0], : more.shape[1]]
    return np.array([(more * columns).sum(), (more * rows).sum()]) / more.sum()


def test_glints_follow_the_eyeballs(stage: tuple[Rig, Visibility], performances: list[Performance]) -> None:
    lamp = np.array([[0.0, 0.0, 1.0]], np.float32)
    dim = Light(
        lamps=lamp, colours=np.full((1, 3), 0.1, np.float32), ambient=np.full(3, 0.1, np.float32),
        gradient=np.zeros((3, 3), np.float32),
    )  # fmt: skip
    scene = _scene(light=dim, eye_distance_px=70.0, supersample=2, camera_cm=120.0)
    actor = _actor(stage, performances[0], scene, seed=2)
    part = slice(actor.glints, actor.hand)
    alpha = actor.whole.alpha.copy()
    alpha[part] = 1
    with_glints = dataclasses.replace(actor, whole=dataclasses.replace(actor.whole, alpha=alpha))
    without = dataclasses.replace(
        actor, whole=dataclasses.replace(actor.whole, alpha=np.where(np.arange(len(alpha)) < part.start, alpha, 0))
    )
    side = frame_side_px(70.0)
    found = []
    for place in (np.zeros(3), np.array([0.8, -0.5, 0.0])):
        vertices = actor.whole.vertices.copy()
        frames = [
            render_frame(who, vertices, Pose(np.zeros(3), place), scene, size_px=(side, side), rng=np.random.default_rng(0))
            for who in (with_glints, without)
        ]
        spot = _spots(frames[0][0], frames[1][0])
        ball = [vertices[numbers].mean(axis=0) + place for numbers in actor.person.rig.eyeballs.values()]
        middle = np.mean(ball, axis=0)
        assert spot == pytest.approx([side / 2 + 70 / 6.3 * middle[0], 0.42 * side - 70 / 6.3 * (middle[1] - 3.5)], abs=3)
        found.append(spot)
    assert found[1] - found[0] == pytest.approx([0.8 * 70 / 6.3, 0.5 * 70 / 6.3], abs=1)


def test_metering_brings_dark_and_bright_scenes_together(
    stage: tuple[Rig, Visibility], performances: list[Performance]
) -> None:
    for seed in range(6):
        levels = {}
        plain = _scene(seed, camera=dataclasses.replace(_scene(seed).camera, gain=1.0, contrast=0.0))
        for name, factor in (("dark", 0.15), ("bright", 1.5)):
            light = dataclasses.replace(
                plain.light,
                **{kind: getattr(plain.light, kind) * np.float32(factor) for kind in ("colours", "ambient", "gradient")},
            )
            scene = dataclasses.replace(plain, light=light, background=plain.background * 0)
            actor = _actor(stage, performances[1], scene, seed)
            set_ = metered(scene, actor, np.random.default_rng(seed))
            levels[name] = [_film(actor, performances[1], now).mean() for now in (scene, set_)]
            assert set_.camera.balance.dtype == np.float32
        before, after = (np.log(levels["bright"][k] / levels["dark"][k]) for k in (0, 1))
        assert after < 0.65 * before


def test_metering_takes_out_the_colour_of_the_light(stage: tuple[Rig, Visibility], performances: list[Performance]) -> None:
    light = _scene().light
    warm = np.array([1.5, 1.0, 0.5], np.float32)
    scene = _scene(
        light=dataclasses.replace(light, ambient=0.4 * warm, colours=0 * light.colours, gradient=0 * light.gradient)
    )
    actor = _actor(stage, performances[1], scene)
    red, _, blue = metered(scene, actor, np.random.default_rng(0)).camera.balance / scene.camera.balance
    assert 0.6 < red < 0.9
    assert 1.2 < blue < 2.1


@pytest.mark.parametrize("lacking", ["M_IrisLeft", "M_Iris", "M_EyeLashes", "M_Teeth", "M_Iris M_EyeLashes M_Teeth"])
def test_rigs_without_eyeballs_lashes_or_teeth_are_drawn(
    rig_arrays: dict[str, Any], performances: list[Performance], tmp_path: Path, lacking: str
) -> None:
    names = [
        "M_LacrimalFluid" if any(name.startswith(gone) for gone in lacking.split()) else name
        for name in rig_arrays["material_name"]
    ]
    path = tmp_path / "rig.npz"
    np.savez(path, **{**rig_arrays, "material_name": np.array(names)})
    stage = rig_at(path)
    for seed in range(3):
        scene = make_scene(np.random.default_rng(seed))
        performance = dataclasses.replace(performances[seed], hand_place=PLACES[seed])
        actor = _actor(stage, performance, scene, seed)
        assert _film(actor, performance, metered(scene, actor, np.random.default_rng(seed))).std() > 1
