"""What may be known of every frame of a clip: names, forms, and what a mirror does to each; needs no numpy.

Beside a shard ``NAME.npy`` of N clips, (N, T, H, W, 3), may lie a file ``NAME.frames.npz`` with one float32 array for each
target, (N, T, ...) with the target's own shape behind. NaN stands for what is not known of a frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SUFFIX = ".frames.npz"


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """What exchanging left and right does to the C channels of a target: channel c becomes ``at[c] + sign[c] · old[of[c]]``.

    Attributes:
        of: Which channel takes the place of each.
        sign: 1 or -1 for each.
        at: What is added to each.
    """

    of: tuple[int, ...]
    sign: tuple[float, ...]
    at: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class FrameTarget:
    """One thing that may be known of a frame.

    Attributes:
        shape: Its own shape; () for a number.
        mirror: What a mirror does to it.
    """

    shape: tuple[int, ...]
    mirror: Mirror

    @property
    def channels(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


def _same(*shape: int) -> FrameTarget:
    """A target that looks alike in a mirror."""
    channels = math.prod(shape)
    return FrameTarget(shape=shape, mirror=Mirror(of=tuple(range(channels)), sign=(1.0,) * channels, at=(0.0,) * channels))


# The landmark of the iBUG 300-W markup that a mirror puts into the place of each.
MIRRORED_LANDMARKS: tuple[int, ...] = (
    *range(16, -1, -1),  # jaw
    *range(26, 16, -1),  # brows
    27, 28, 29, 30,  # ridge of the nose
    35, 34, 33, 32, 31,  # nostrils
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,  # eyes
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55,  # outer lips
    64, 63, 62, 61, 60, 67, 66, 65,  # inner lips
)  # fmt: skip

_TURN = FrameTarget(shape=(3,), mirror=Mirror(of=(0, 1, 2), sign=(1.0, -1.0, -1.0), at=(0.0, 0.0, 0.0)))
_LANDMARKS = FrameTarget(
    shape=(68, 2),
    mirror=Mirror(
        of=tuple(2 * other + axis for other in MIRRORED_LANDMARKS for axis in (0, 1)),
        sign=(-1.0, 1.0) * 68,
        at=(1.0, 0.0) * 68,
    ),
)

# By name; in this order they are listed to the user.
FRAME_TARGETS: Mapping[str, FrameTarget] = {
    "closure": _same(),  # of the lids
    "aperture": _same(),  # gap between the lids in widths of the eye
    "mouth": _same(),  # opening
    "yawning": _same(),
    "blinking": _same(),
    "gaze_down": _same(),
    "smile": _same(),
    "squint": _same(),
    "hand": _same(),
    "turn": _TURN,  # of the head in radians: nod, yaw, tilt
    "landmarks": _LANDMARKS,  # in parts of the picture's side, right and down; 0 to 1 inside it
    "skin": _same(4),  # redness, paleness, dark and swollen under-eyes
}

# What a network may form fatigue from; landmarks only shape its features.
CUES: tuple[str, ...] = tuple(name for name in FRAME_TARGETS if name != "landmarks")


def channels_of(names: Iterable[str]) -> int:
    """How many numbers a frame has for some targets.

    Args:
        names: Of :data:`FRAME_TARGETS`.
    """
    return sum(FRAME_TARGETS[name].channels for name in names)


def places_of(names: Sequence[str]) -> dict[str, range]:
    """Where each target's channels are when all are put behind one another.

    Args:
        names: Of :data:`FRAME_TARGETS`, in order.
    """
    places, start = {}, 0
    for name in names:
        stop = start + FRAME_TARGETS[name].channels
        places[name] = range(start, stop)
        start = stop
    return places


def mirror_of(names: Sequence[str]) -> Mirror:
    """The mirror of several targets whose channels are put behind one another.

    Args:
        names: Of :data:`FRAME_TARGETS`, in order.
    """
    of: list[int] = []
    sign: list[float] = []
    at: list[float] = []
    for name, place in places_of(names).items():
        own = FRAME_TARGETS[name].mirror
        of += [place.start + channel for channel in own.of]
        sign += own.sign
        at += own.at
    return Mirror(of=tuple(of), sign=tuple(sign), at=tuple(at))


def wrong_names(value: object, known: Iterable[str]) -> bool:
    """Whether something is not a tuple of known names, each at most once.

    Args:
        value: Anything.
        known: The names.
    """
    allowed = set(known)
    return not (
        isinstance(value, tuple)
        and all(isinstance(name, str) and name in allowed for name in value)
        and len(set(value)) == len(value)
    )
