"""One synthetic clip's scene: who is in it, how they are lit and filmed, and the picture of each moment."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.synth.background import make_background
from facefatigue.synth.camera import Camera, develop, make_camera
from facefatigue.synth.light import Light, make_light, shade
from facefatigue.synth.look import swollen, tired_skin
from facefatigue.synth.parts import Part, join_parts, plain_part
from facefatigue.synth.raster import average, draw, turn_head, vertex_normals
from facefatigue.synth.wear import draw_hand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from facefatigue.synth.cues import Performance
    from facefatigue.synth.light import Visibility
    from facefatigue.synth.look import Person

# The head turns about the top of the neck; between these heights (cm) the neck follows less and less.
_PIVOT_CM = np.array([0.0, -6.0, -1.0], np.float32)
_NECK_CM = (np.float32(-12.5), np.float32(-6.5))
_EYES_CM = (6.3, 3.5, 9.0)  # between the eyes, their height, how far they lie in front
_INFRARED_SHARE = 0.15
_MOST_BLUR = 0.045  # of the distance between the eyes: 1.5 px of a crop, beyond which lids cannot be told
_CATCH_POINTS = 8
_SHARP_PX = 36  # crops have 34 px between the eyes: more are averaged when they are cut out
_OUT_OF_SIGHT_CM = np.array([4.0, -22.0, 6.0])  # from where a hand comes


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """How a clip is lit and filmed.

    Attributes:
        eye_distance_px: Distance between the eyes in the picture when the face is frontal.
        camera_cm: Distance of the camera; near ones distort.
        light: Of the scene.
        background: (H, W, 3) float32 light behind the person, larger than the frame.
        camera: The camera.
        infrared: Whether it is filmed in infrared light.
        supersample: Pixels are averaged from so many times so many.
    """

    eye_distance_px: float
    camera_cm: float
    light: Light
    background: NDArray[np.float32]
    camera: Camera
    infrared: bool = False
    supersample: int = 2

    def backdrop(self, width: int, height: int) -> NDArray[np.float32]:
        """(height, width, 3) float32 copy of the background in that size."""
        if self.background.shape[:2] == (height, width):
            return self.background.copy()
        rows = np.linspace(0, self.background.shape[0] - 1, height).astype(int)
        columns = np.linspace(0, self.background.shape[1] - 1, width).astype(int)
        return np.asarray(self.background[rows[:, None], columns[None]], np.float32)


@dataclass(frozen=True, eq=False)
class Pose:
    """Where the head is: turn in radians (x: nod down, y: turn left, z: tilt) and place in centimetres."""

    turn: NDArray[np.float64]
    place: NDArray[np.float64]


def make_scene(rng: np.random.Generator) -> Scene:
    """Draw light, background and camera at random."""
    infrared = bool(rng.uniform() < _INFRARED_SHARE)
    eye_distance_px = float(np.exp(rng.uniform(np.log(17), np.log(76))))
    over = 2 if eye_distance_px < _SHARP_PX else 1
    side = frame_side_px(eye_distance_px)
    return Scene(
        eye_distance_px=eye_distance_px,
        camera_cm=float(np.exp(rng.uniform(np.log(28), np.log(150)))),
        light=make_light(rng, infrared=infrared),
        background=make_background(rng, side * over),
        camera=make_camera(rng, side, infrared=infrared, most_blur_px=_MOST_BLUR * eye_distance_px),
        infrared=infrared,
        supersample=over,
    )


def frame_side_px(eye_distance_px: float) -> int:
    """Side of a square picture around a face that leaves room for its crop."""
    return int(np.ceil(eye_distance_px / 0.3 * 1.25))


@dataclass(frozen=True, eq=False)
class Actor:
    """A person in the state of one clip, in its light: what stays the same over its frames.

    Attributes:
        person: Who.
        whole: The person, the glints in the eyes, and perhaps a hand, as one piece.
        reached: (N, L) float32 share of each lamp that arrives at the vertices.
        glints: Number of the first vertex of the glints, and ``hand``, of the hand; the end where there is none.
    """

    person: Person
    whole: Part
    reached: NDArray[np.float32]
    glints: int
    hand: int


def make_actor(
    person: Person, performance: Performance, scene: Scene, visibility: Visibility, rng: np.random.Generator
) -> Actor:
    """Put a person into a scene.

    Args:
        person: Who.
        performance: What is acted; its state of the skin and its hand are used.
        scene: Where.
        visibility: Of the rig's vertices.
        rng: For what the hand looks like and how strong the glints are.
    """
    body = Part(
        swollen(person, performance.skin.swelling), person.triangles, person.film_triangles,
        tired_skin(person, performance.skin), person.gloss, person.sharpness, person.alpha, person.openness,
    )  # fmt: skip
    parts = [body, _glints(len(scene.light.lamps), rng)]
    if performance.hand_place:
        marks = person.vertices[person.rig.marks]
        skin = np.median(person.albedo[: person.rig_vertices][person.rig.made_of("M_Face")], axis=0)
        parts.append(draw_hand(performance.hand_place, marks, skin, rng))
    joined = join_parts(parts)
    count = person.rig_vertices
    openness = joined.openness.copy()
    openness[:count] *= 1 - rng.uniform(0.6, 1.0) * (1 - visibility.openness)
    reached = np.ones((len(joined.vertices), len(scene.light.lamps)), np.float32)
    reached[:count] = 1 - rng.uniform(0.6, 1.0) * (1 - visibility.towards(scene.light.lamps))
    whole = Part(
        np.ascontiguousarray(joined.vertices, np.float32), joined.triangles, joined.films,
        np.ascontiguousarray(joined.albedo, np.float32), joined.gloss.astype(np.float32),
        joined.sharpness.astype(np.float32), joined.alpha.astype(np.float32), openness.astype(np.float32),
    )  # fmt: skip
    glints = len(body.vertices)
    hand = glints + len(parts[1].vertices)
    return Actor(person, whole, reached, glints, hand)


def metered(scene: Scene, actor: Actor, rng: np.random.Generator) -> Scene:
    """The scene with its camera set for the face, more or less well, as automatic exposure and white balance do."""
    own = np.flatnonzero(actor.person.rig.made_of("M_Face"))
    light = scene.light
    normals = vertex_normals(actor.whole.vertices, actor.whole.triangles)[own]
    front = normals[:, 2] > 0.3
    own, normals = own[front], normals[front]
    whole = actor.whole
    lit = shade(
        normals, whole.albedo[own], whole.gloss[own], whole.sharpness[own], whole.openness[own], actor.reached[own],
        light.lamps, light.colours, light.ambient, light.gradient,
    )  # fmt: skip
    share = rng.uniform(0.5, 1.0)
    gain = (float(np.exp(rng.normal(np.log(0.36), 0.25))) / max(float(lit.mean()), 1e-3)) ** share
    white = light.ambient + light.colours.sum(axis=0)
    balance = (white.mean() / white) ** rng.uniform(0.4, 1.0)
    camera = dataclasses.replace(
        scene.camera, gain=scene.camera.gain * gain, balance=(scene.camera.balance * balance).astype(np.float32)
    )
    return dataclasses.replace(scene, camera=camera)


def _glints(lamps: int, rng: np.random.Generator) -> Part:
    """Discs for the mirror images of the lamps on both eyeballs, 9 vertices each; placed anew in every frame."""
    discs = []
    points = np.arange(_CATCH_POINTS)
    angle = 2 * np.pi * points / _CATCH_POINTS
    fan = np.stack([0 * points, 1 + points, 1 + (points + 1) % _CATCH_POINTS], 1)
    for _ in range(lamps):
        radius = rng.uniform(0.04, 0.16) * np.array([1, rng.uniform(0.6, 1.6)])
        disc = np.zeros((_CATCH_POINTS + 1, 3))
        disc[1:, :2] = np.stack([np.cos(angle), np.sin(angle)], 1) * radius
        alpha = np.full(_CATCH_POINTS + 1, rng.uniform(0.0, 1.0))
        discs.append(plain_part(disc, fan, np.ones(3), alpha=alpha))
    return join_parts(discs * 2)  # of one eye, then of the other


def move(actor: Actor, performance: Performance, index: int) -> NDArray[np.float32]:
    """(N, 3) float32 vertices of an actor at one moment, with the head still upright."""
    vertices = actor.whole.vertices.copy()
    pose_face(vertices, actor.person, {name: float(track[index]) for name, track in performance.expressions.items()})
    if actor.hand < len(vertices):
        away = 1 - performance.hand[index]
        vertices[actor.hand :] += (away * _OUT_OF_SIGHT_CM).astype(np.float32)
    return vertices


def pose_face(vertices: NDArray[np.float32], person: Person, weights: Mapping[str, float]) -> None:
    """Raise expressions of a person's vertices, (N, 3) float32, in place.

    Closed lids of the rig leave a slit through which the eyeball shows; it is drawn back a little as the lids come down.
    """
    person.rig.pose(vertices, weights)
    for side, eyeball in person.rig.eyeballs.items():
        closed = min(max(weights.get(f"eyeBlink_{side}", 0.0), 0.0), 1.0)
        if closed > 0.3:
            vertices[eyeball, 2] -= np.float32(0.22 * (closed - 0.3))


def render_frame(
    actor: Actor,
    vertices: NDArray[np.float32],
    pose: Pose,
    scene: Scene,
    *,
    size_px: tuple[int, int],
    rng: np.random.Generator,
    motion_px: tuple[float, float] = (0.0, 0.0),
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Film one moment.

    Args:
        actor: Who, in the state and light of the clip.
        vertices: (N, 3) float32: the actor's vertices with the expression of the moment.
        pose: Where the head is.
        scene: Light, background, camera.
        size_px: (width, height) of the picture; the eyes of an unmoved head stand at half its width, 0.42 of its height.
        rng: For the sensor noise.
        motion_px: How far the head moves to the next frame, right and down.

    Returns:
        (H, W, 3) uint8 RGB, and the landmarks (68, 2) float64 in its pixels.
    """
    width, height = size_px
    over = scene.supersample
    rig = actor.person.rig
    head = turn_head(vertices, _rotation(pose.turn).astype(np.float32), _PIVOT_CM, *_NECK_CM, pose.place.astype(np.float32))
    _place_glints(head, actor, scene)
    # Centimetres to pixels at the distance of the eyes.
    between_cm, height_cm, front_cm = _EYES_CM
    nearness = scene.camera_cm / np.maximum(scene.camera_cm - (head[:, 2] - front_cm), 5.0)
    scale = over * scene.eye_distance_px / between_cm
    points = np.empty_like(head)
    points[:, 0] = over * width / 2 + scale * head[:, 0] * nearness
    points[:, 1] = over * 0.42 * height - scale * (head[:, 1] - height_cm) * nearness
    points[:, 2] = nearness
    image = scene.backdrop(width * over, height * over)
    depth = np.zeros(image.shape[:2], np.float32)
    whole = actor.whole
    normals = vertex_normals(head, whole.triangles)
    if shows_mouth := _mouth_open(head, rig.marks):
        normals[rig.mouth] = (0.0, 0.0, 1.0)
    colours = shade(
        normals, whole.albedo, whole.gloss, whole.sharpness, whole.openness, actor.reached,
        scene.light.lamps, scene.light.colours, scene.light.ambient, scene.light.gradient,
    )  # fmt: skip
    colours[actor.glints : actor.hand] = 1.6
    draw(image, depth, points, whole.triangles, colours)
    if shows_mouth:
        draw(image, depth, points, rig.mouth_triangles, colours)
    draw(image, depth, points, whole.films, colours, alpha=whole.alpha)
    marks = (points[rig.marks, :2].astype(np.float64) + 0.5) / over - 0.5
    return develop(average(image, over) if over > 1 else image, scene.camera, rng, motion_px=motion_px), marks


def _mouth_open(head: NDArray[np.float32], marks: NDArray[np.int32]) -> bool:
    inner = head[marks[60:68]]
    return bool(np.abs(inner[1:4, 1] - inner[[7, 6, 5], 1]).max() > 0.1)


def _place_glints(head: NDArray[np.float32], actor: Actor, scene: Scene) -> None:
    """Put the mirror images of the lamps where the eyeballs' surfaces lie half-way between lamp and camera."""
    half = scene.light.lamps + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half, axis=1, keepdims=True) + 1e-6
    number, size = actor.glints, _CATCH_POINTS + 1
    for eyeball in actor.person.rig.eyeballs.values():
        if not len(eyeball):
            continue
        ball = head[eyeball]
        low, high = ball.min(axis=0), ball.max(axis=0)
        for direction in half:
            place = (low + high) / 2 + direction * ((high - low).mean() / 2 + 0.06)
            head[number : number + size] = actor.whole.vertices[number : number + size] + place
            number += size


def _rotation(turn: NDArray[np.float64]) -> NDArray[np.float64]:
    (cx, cy, cz), (sx, sy, sz) = np.cos(turn), np.sin(turn)
    nod = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    tilt = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(tilt @ yaw @ nod)
