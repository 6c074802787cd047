"""Light, background and camera of one synthetic clip, and the picture that comes out."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from facefatigue.synth.raster import draw, vertex_normals
from facefatigue.synth.rig import LANDMARK_VERTICES, five_landmarks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.synth.look import Person

_VIEW = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """How a clip is lit and filmed.

    Attributes:
        eye_distance_px: Distance between the eyes in the picture when the face is frontal.
        camera_cm: Distance of the camera; near ones distort.
        light: (3,) unit direction towards the light.
        light_colour: (3,) of the light, and ``ambient``: (3,) of the light from everywhere.
        background: (H, W, 3) float32 picture, 0 to 1, larger than the frame.
        noise: Standard deviation of the sensor noise, 0 to 1.
        blur_px: Gaussian blur of the lens.
        jpeg_quality: Of the compression; None for none.
        gain, gamma: Of the camera.
        infrared: Whether the picture is grey.
        supersample: Pixels are averaged from so many times so many.
    """

    eye_distance_px: float
    camera_cm: float
    light: NDArray[np.float64]
    light_colour: NDArray[np.float64]
    ambient: NDArray[np.float64]
    background: NDArray[np.float32]
    noise: float = 0.0
    blur_px: float = 0.0
    jpeg_quality: int | None = None
    gain: float = 1.0
    gamma: float = 1.0
    infrared: bool = False
    supersample: int = 2


@dataclass(frozen=True, eq=False)
class Pose:
    """Where the head is: turn in radians (x: nod down, y: turn left, z: tilt) and place in centimetres."""

    turn: NDArray[np.float64]
    place: NDArray[np.float64]


def make_background(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    """A random blurred scenery: a colour gradient, and some patches of other colours."""
    coarse = int(rng.integers(3, 14))
    base = rng.uniform(0.02, 0.98, 3)
    patches = np.clip(base + rng.normal(0, rng.uniform(0.02, 0.3), (coarse, coarse, 3)), 0, 1)
    image = Image.fromarray((255 * patches).astype(np.uint8))
    resample = Image.Resampling.BICUBIC if rng.uniform() < 0.7 else Image.Resampling.NEAREST
    return np.asarray(np.asarray(image.resize((side_px, side_px), resample), np.float32) / np.float32(255), np.float32)


def render_frame(
    person: Person,
    vertices: NDArray[np.float32],
    pose: Pose,
    scene: Scene,
    *,
    size_px: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Film one moment.

    Args:
        person: Who.
        vertices: (V, 3) float32: the person's vertices with the expression of the moment.
        pose: Where the head is.
        scene: Light, background, camera.
        size_px: (width, height) of the picture; the eyes of an unmoved head stand at half its width, 0.42 of its height.
        rng: For the sensor noise.

    Returns:
        (H, W, 3) uint8 RGB, and the five landmarks (5, 2) float64 in its pixels.
    """
    width, height = size_px
    over = scene.supersample
    turned = (vertices @ _rotation(pose.turn).T.astype(np.float32) + pose.place.astype(np.float32)).astype(np.float32)
    # Centimetres to pixels: 6.3 cm between the eyes at their own distance from the camera.
    nearness = scene.camera_cm / (scene.camera_cm - (turned[:, 2] - 9.0))
    scale = over * scene.eye_distance_px / 6.3
    points = np.empty_like(turned)
    points[:, 0] = over * width / 2 + scale * turned[:, 0] * nearness
    points[:, 1] = over * 0.42 * height - scale * (turned[:, 1] - 3.5) * nearness
    points[:, 2] = nearness
    image = _backdrop(scene.background, width * over, height * over)
    depth = np.zeros(image.shape[:2], np.float32)
    colours = _shade(turned, person, scene)
    draw(image, depth, points, person.triangles, colours)
    parts = [image[row::over, column::over] for row in range(over) for column in range(over)]
    marks = five_landmarks(points[list(LANDMARK_VERTICES), :2])
    landmarks = (marks + 0.5) / over - 0.5
    return develop(np.mean(parts, axis=0, dtype=np.float32), scene, rng), landmarks


def _backdrop(background: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    rows = np.linspace(0, background.shape[0] - 1, height).astype(int)
    columns = np.linspace(0, background.shape[1] - 1, width).astype(int)
    return np.ascontiguousarray(background[rows][:, columns])


def _shade(vertices: NDArray[np.float32], person: Person, scene: Scene) -> NDArray[np.float32]:
    normals = vertex_normals(vertices, person.triangles)
    facing = normals @ scene.light.astype(np.float32)
    diffuse = np.clip(0.85 * facing + 0.15, 0, 1)[:, None]  # a little light creeps around
    half = scene.light + _VIEW
    half /= np.linalg.norm(half)
    highlight = (np.clip(normals @ half.astype(np.float32), 0, 1) ** 24 * person.gloss)[:, None]
    lit = person.albedo * (scene.ambient + scene.light_colour * diffuse) + highlight * scene.light_colour
    return np.ascontiguousarray(lit, np.float32)


def develop(image: NDArray[np.floating], scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What the camera makes of the light: gain, tone curve, lens blur, sensor noise, compression."""
    tone = np.clip(scene.gain * image, 0, 1) ** scene.gamma
    if scene.infrared:
        tone = np.repeat(tone.mean(axis=2, keepdims=True), 3, axis=2)
    if scene.noise:
        tone = tone + rng.normal(0, scene.noise, tone.shape if not scene.infrared else (*tone.shape[:2], 1))
    picture = Image.fromarray((255 * np.clip(tone, 0, 1)).astype(np.uint8))
    if scene.blur_px > 0.2:
        picture = picture.filter(ImageFilter.GaussianBlur(scene.blur_px))
    if scene.jpeg_quality is not None:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=scene.jpeg_quality)
        picture = Image.open(buffer)
    return np.asarray(picture)


def _rotation(turn: NDArray[np.float64]) -> NDArray[np.float64]:
    (cx, cy, cz), (sx, sy, sz) = np.cos(turn), np.sin(turn)
    nod = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    tilt = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(tilt @ yaw @ nod)
