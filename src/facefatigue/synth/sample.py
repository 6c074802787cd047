"""The sample video that ships with the package: one synthetic person who starts alert and becomes drowsy.

Everything in it is fixed, so that the same rig gives the same film: who, where, the light, and a script of 20 s.

    0 to 6 s      alert: open eyes, short blinks, small movements
    6 to 12 s     the lids sink, blinks grow longer; a yawn from 8.6 to 14 s
    14 to 20 s    drowsy: heavy lids, slow blinks; from 16.4 s the head sinks with closed eyes, and is jerked up at 19 s
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from facefatigue.atomic import atomic_path
from facefatigue.synth.camera import Camera
from facefatigue.synth.clips import rig_at
from facefatigue.synth.cues import Temperament, perform
from facefatigue.synth.light import Light
from facefatigue.synth.look import make_person
from facefatigue.synth.scene import Pose, Scene, make_actor, move, render_frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.synth.look import Person
    from facefatigue.synth.performance import Performance
    from facefatigue.synth.rig import Rig

WIDTH_PX, HEIGHT_PX = 480, 360
FRAME_RATE_HZ = 25
DURATION_S = 20.0
YAWN = (8.6, 5.4)  # start and length in seconds

_PERSON_SEED = (99, 14)
_ACT_SEED = 26
_SUPERSAMPLE = 3
_EYE_DISTANCE_PX = 76.0
_PULLOVER = (0.13, 0.20, 0.30)


def write_sample(rig_path: Path, out: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Render the sample video: H.264 in MP4, 480 × 360, 25 frames a second, 20 s, no sound.

    Args:
        rig_path: The rig file.
        out: Where to, ending in .mp4; written beside and renamed, so it is whole or not there.
        progress: Called after each frame with (frames done, frames in all).

    Raises:
        ConfigurationError: There is no rig at ``rig_path``, or the file is not a rig.
        OutputError: ``out`` cannot be written.
    """
    from facefatigue.report.encode import Mp4Writer  # slow to import

    rig, visibility = rig_at(rig_path)
    performance = sample_performance()
    rng = np.random.default_rng(_ACT_SEED)
    scene = sample_scene()
    actor = make_actor(sample_person(rig), performance, scene, visibility, rng)
    count = len(performance.time_s)
    with atomic_path(out) as partial, Mp4Writer(partial, WIDTH_PX, HEIGHT_PX, FRAME_RATE_HZ) as video:
        for index in range(count):
            rgb, _ = render_frame(
                actor,
                move(actor, performance, index),
                Pose(performance.turn[index], 0.5 * performance.place[index]),
                scene,
                size_px=(WIDTH_PX, HEIGHT_PX),
                rng=rng,
            )
            video.write(rgb, index / FRAME_RATE_HZ)
            if progress is not None:
                progress(index + 1, count)


def sample_performance() -> Performance:
    """The script of the sample: 500 moments at 25 Hz."""
    time_s = np.arange(round(DURATION_S * FRAME_RATE_HZ)) / FRAME_RATE_HZ
    fatigue = np.interp(time_s, [0, 6, 12, 20], [0.0, 0.05, 0.75, 1.0])
    temperament = Temperament(
        droop=1.03, blinks=0.9, yawns=1.0, nods=0.0, stillness=0.8, rest_closure=-0.06, blink_rate_hz=0.4, rubbing=0.0
    )
    rng = np.random.default_rng(_ACT_SEED)
    acted = perform(fatigue, temperament, time_s, rng, yawns=[YAWN], distract=False)
    sinking = _swell(time_s, 16.4, 18.7, 19.1)
    closing = _swell(time_s, 16.2, 17.2, 19.15)
    turn = acted.turn - acted.turn[0]  # the head starts upright, facing the camera
    turn[:, 0] += 0.42 * sinking
    expressions = dict(acted.expressions)
    for name in ("eyeBlink_L", "eyeBlink_R"):
        expressions[name] = np.maximum(expressions[name], closing)
    return dataclasses.replace(
        acted,
        expressions=expressions,
        turn=turn,
        closure=np.maximum(acted.closure, closing),
        heaviness=np.maximum(acted.heaviness, closing),
        nodding=acted.nodding + 0.42 * sinking,
    )


def sample_person(rig: Rig) -> Person:
    """Who plays in the sample."""
    return make_person(rig, np.random.default_rng(_PERSON_SEED))


def sample_scene() -> Scene:
    """Where the sample plays: a lamp from the left above, a room out of focus behind."""
    lamp = np.array([[-0.5, 0.45, 0.9]], np.float32)
    return Scene(
        eye_distance_px=_EYE_DISTANCE_PX,
        camera_cm=75.0,
        light=Light(
            lamps=lamp / np.linalg.norm(lamp),
            colours=np.array([[0.74, 0.69, 0.62]], np.float32),
            ambient=np.array([0.40, 0.41, 0.44], np.float32),
            gradient=np.array([[0.02, 0.02, 0.02], [0.08, 0.08, 0.09], [0.03, 0.03, 0.03]], np.float32),
        ),
        background=_room(WIDTH_PX * _SUPERSAMPLE, HEIGHT_PX * _SUPERSAMPLE),
        camera=Camera(balance=np.ones(3, np.float32), gamma=0.85),
        supersample=_SUPERSAMPLE,
    )


def _swell(time_s: NDArray[np.float64], start_s: float, full_s: float, end_s: float) -> NDArray[np.float64]:
    """(F,) 0, a smooth rise from ``start_s`` to 1 at ``full_s``, and a quick fall over the last 0.4 s before ``end_s``."""
    up = np.clip((time_s - start_s) / (full_s - start_s), 0, 1)
    down = np.clip((end_s - time_s) / 0.4, 0, 1)
    shape = np.minimum(up, down)
    return np.asarray(shape * shape * (3 - 2 * shape))


def _room(width: int, height: int) -> NDArray[np.float32]:
    """(height, width, 3) float32 in [0, 1]: a wall, a window, a shelf with books, and the sitter's shoulders."""
    wall = np.linspace((0.70, 0.68, 0.63), (0.50, 0.47, 0.43), height)
    image = Image.fromarray(np.repeat((255 * wall).astype(np.uint8)[:, None], width, axis=1))
    draw = ImageDraw.Draw(image)

    def box(x0: float, y0: float, x1: float, y1: float, fill: tuple[int, int, int]) -> None:
        draw.rectangle((x0 * width, y0 * height, x1 * width, y1 * height), fill=fill)

    box(0.03, 0.06, 0.25, 0.62, (205, 200, 190))
    box(0.045, 0.08, 0.135, 0.60, (196, 214, 228))
    box(0.145, 0.08, 0.235, 0.60, (190, 210, 226))
    box(0.74, 0.30, 1.0, 0.325, (96, 72, 52))
    box(0.74, 0.62, 1.0, 0.645, (96, 72, 52))
    books = ((122, 58, 50), (62, 84, 104), (150, 132, 96), (70, 92, 70), (112, 82, 112), (60, 60, 66), (160, 110, 70))
    for number, colour in enumerate(books):
        x0 = 0.76 + 0.032 * number
        box(x0, 0.14 + 0.02 * (number % 3), x0 + 0.028, 0.30, colour)
        box(x0, 0.47 + 0.02 * ((number + 1) % 3), x0 + 0.028, 0.62, colour[::-1])
    image = image.filter(ImageFilter.GaussianBlur(width / 110))
    draw = ImageDraw.Draw(image)
    dark = tuple(round(255 * 0.8 * channel**0.85) for channel in _PULLOVER)
    draw.ellipse((0.04 * width, 0.80 * height, 0.96 * width, 1.8 * height), fill=dark)
    image = image.filter(ImageFilter.GaussianBlur(width / 480))
    # The picture is given as light, before the camera's tone curve.
    return np.asarray((np.asarray(image, np.float32) / 255) ** (1 / 0.85), np.float32)
