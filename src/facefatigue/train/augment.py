"""Augmentation, one draw for a whole clip so that all its frames change alike, on the device that trains."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from facefatigue.data.frame_targets import mirror_of, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from facefatigue.train.settings import Augmentations

PROBABILITY = 0.5
BLUR_SIGMA_PX = (0.1, 0.6)
DARKEN_LEVELS = (-50.0, -30.0)
BRIGHTEN_LEVELS = (30.0, 50.0)
FACTOR = (0.8, 1.2)

# The strong ones stand for what differs between a tracker and a rig, and between cameras.
TURN_DEG = 6.0
SCALE = (0.92, 1.08)
SHIFT = 0.04
GREY_PROBABILITY = 0.1
COARSE_PROBABILITY = 0.25
COARSE_FACTOR = (0.35, 0.9)
NOISE_LEVELS = (0.0, 8.0)

_BLUR_RADIUS_PX = 2  # at the largest sigma, 0.6 px, less than 1e-5 of a Gaussian lies further out
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is done to every frame of one clip; nothing by default.

    The first five are those of the published training code (arXiv:2104.10420), with each strength drawn anew for every clip.

    Attributes:
        flip: Whether left and right are exchanged.
        blur_sigma_px: Standard deviation of a Gaussian blur in pixels; 0 for no blur.
        brightness_levels: Grey levels added; 0 for none.
        colour: Factor of the saturation; 1 leaves it.
        contrast: Factor of the contrast about the clip's mean luma; 1 leaves it.
        turn_deg: Turn about the middle, counter-clockwise.
        scale: Factor of the size about the middle.
        shift: Right and down, in parts of the side.
        coarse: Factor of the resolution to which frames are reduced and brought back; 1 leaves it.
        noise_levels: Standard deviation of Gaussian noise, in grey levels.
        noise_seed: Of that noise.
    """

    flip: bool = False
    blur_sigma_px: float = 0.0
    brightness_levels: float = 0.0
    colour: float = 1.0
    contrast: float = 1.0
    turn_deg: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    coarse: float = 1.0
    noise_levels: float = 0.0
    noise_seed: int = 0


def draw_augmentation(random: np.random.Generator, kind: Augmentations) -> Augmentation:
    """Draw what happens to one clip.

    "published": each part with probability 0.5. A coin chooses one of two pairs: darkening with colour, or brightening with
    contrast; then each half of the pair is drawn by itself. "strong" does that and more.

    Args:
        random: The source of the draw.
        kind: "none", "published" or "strong".
    """
    if kind == "none":
        return Augmentation()
    flip, blur, darker, brightness, factor = random.random(5) < PROBABILITY
    sigma = random.uniform(*BLUR_SIGMA_PX)
    levels = random.uniform(*(DARKEN_LEVELS if darker else BRIGHTEN_LEVELS))
    strength = random.uniform(*FACTOR) if factor else 1.0
    drawn = Augmentation(
        flip=bool(flip),
        blur_sigma_px=float(sigma) if blur else 0.0,
        brightness_levels=float(levels) if brightness else 0.0,
        colour=float(strength) if darker else 1.0,
        contrast=1.0 if darker else float(strength),
    )
    if kind == "published":
        return drawn
    grey, coarse = random.random() < GREY_PROBABILITY, random.random() < COARSE_PROBABILITY
    return dataclasses.replace(
        drawn,
        colour=0.0 if grey else drawn.colour,
        turn_deg=float(random.uniform(-TURN_DEG, TURN_DEG)),
        scale=float(random.uniform(*SCALE)),
        shift=(float(random.uniform(-SHIFT, SHIFT)), float(random.uniform(-SHIFT, SHIFT))),
        coarse=float(random.uniform(*COARSE_FACTOR)) if coarse else 1.0,
        noise_levels=float(random.uniform(*NOISE_LEVELS)),
        noise_seed=int(random.integers(2**31)),
    )


def augment_clips(clips: Tensor, drawn: Sequence[Augmentation]) -> Tensor:
    """Apply one augmentation to each clip: turned and scaled, then flip, blur, brightness, colour, contrast, the rest.

    Args:
        clips: (N, 3, T, H, W) float32 in [0, 255], RGB; may be changed.
        drawn: N augmentations.

    Returns:
        (N, 3, T, H, W) float32 in [0, 255].
    """
    if moved := _where(drawn, _moves):
        clips[moved] = _moved(clips[moved], [drawn[n] for n in moved])
    if flipped := _where(drawn, lambda a: a.flip):
        clips[flipped] = clips[flipped].flip(-1)
    if coarse := _where(drawn, lambda a: a.coarse != 1):
        for number in coarse:
            clips[number] = _coarse(clips[number], drawn[number].coarse)
    if blurred := _where(drawn, lambda a: a.blur_sigma_px > 0):
        clips[blurred] = _blurred(clips[blurred], [drawn[n].blur_sigma_px for n in blurred])
    if lit := _where(drawn, lambda a: a.brightness_levels != 0):
        clips[lit] = (clips[lit] + _column(clips, [drawn[n].brightness_levels for n in lit])).clamp_(0, 255)
    if coloured := _where(drawn, lambda a: a.colour != 1):
        chosen = clips[coloured]  # (n, 3, T, H, W)
        factors = _column(clips, [drawn[n].colour for n in coloured])  # (n, 1, 1, 1, 1)
        clips[coloured] = torch.lerp(_luma(chosen), chosen, factors).clamp_(0, 255)
    if contrasted := _where(drawn, lambda a: a.contrast != 1):
        chosen = clips[contrasted]
        mean = _luma(chosen).mean(dim=(1, 2, 3, 4), keepdim=True)  # (n, 1, 1, 1, 1)
        factors = _column(clips, [drawn[n].contrast for n in contrasted])
        clips[contrasted] = torch.lerp(mean, chosen, factors).clamp_(0, 255)
    for number in _where(drawn, lambda a: a.noise_levels > 0):
        clips[number] = _noisy(clips[number], drawn[number])
    return clips


def augment_frames(values: NDArray[np.float32], names: Sequence[str], drawn: Sequence[Augmentation]) -> NDArray[np.float32]:
    """Do to the targets of frames what :func:`augment_clips` does to their pictures.

    A mirror exchanges left and right; a picture that is turned, scaled and shifted takes its landmarks along. The turn of
    the head stays: a picture is turned as a tracker errs, which the head has nothing to do with.

    Args:
        values: (N, T, C) float32, the channels of all targets behind one another; may be changed.
        names: Of :data:`facefatigue.data.frame_targets.FRAME_TARGETS`, in order.
        drawn: N augmentations.

    Returns:
        (N, T, C) float32; NaN stays, and goes to the other side in a mirror.
    """
    place = places_of(names).get("landmarks")
    if place is not None and (moved := _where(drawn, _moves)):
        points = values[moved, :, place.start : place.stop].reshape(len(moved), -1, 68, 2)
        points = _moved_points(points, [drawn[n] for n in moved])  # (n, T, 68, 2)
        values[moved, :, place.start : place.stop] = points.reshape(len(moved), -1, 136)
    if flipped := _where(drawn, lambda a: a.flip):
        mirror = mirror_of(names)
        sign, at = (np.array(entries, np.float32) for entries in (mirror.sign, mirror.at))  # (C,) each
        values[flipped] = values[flipped][:, :, list(mirror.of)] * sign + at
    return values


def _moves(augmentation: Augmentation) -> bool:
    return bool(augmentation.turn_deg or augmentation.scale != 1 or any(augmentation.shift))


def _moved_points(points: NDArray[np.float32], drawn: Sequence[Augmentation]) -> NDArray[np.float32]:
    """Where points (n, T, 68, 2) in parts of the side come to lie: the inverse of what :func:`_moved` samples by."""
    rows = [(math.radians(a.turn_deg), a.scale, *a.shift) for a in drawn]
    angle, scale, right, down = np.array(rows, np.float32).T[..., None, None]  # (n, 1, 1) each
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    x, y = points[..., 0] - 0.5 + right, points[..., 1] - 0.5 + down  # (n, T, 68) each
    return np.stack([0.5 + cosine * x + sine * y, 0.5 - sine * x + cosine * y], axis=-1)


def _where(drawn: Sequence[Augmentation], wanted: Callable[[Augmentation], bool]) -> list[int]:
    return [number for number, augmentation in enumerate(drawn) if wanted(augmentation)]


def _column(clips: Tensor, values: Sequence[float]) -> Tensor:
    """(n, 1, 1, 1, 1), one value for each clip, on the clips' device."""
    return torch.tensor(values, dtype=clips.dtype, device=clips.device).reshape(-1, 1, 1, 1, 1)


def _luma(clips: Tensor) -> Tensor:
    """(N, 3, T, H, W) → (N, 1, T, H, W)."""
    red, green, blue = _LUMA
    return red * clips[:, 0:1] + green * clips[:, 1:2] + blue * clips[:, 2:3]


def _blurred(clips: Tensor, sigmas_px: Sequence[float]) -> Tensor:
    """A separable Gaussian, normalised over five taps, edges repeated."""
    count, channels, frames, height, width = clips.shape
    # Colours lie innermost in memory, so that both directions are shifts of whole rows: 7 times as fast as by index.
    rows = clips.permute(0, 2, 3, 4, 1).reshape(count, frames, height, width * channels)
    sigma = torch.tensor(sigmas_px, dtype=clips.dtype, device=clips.device).reshape(-1, 1, 1, 1)
    taps = [torch.exp(-0.5 * (offset / sigma) ** 2) for offset in range(_BLUR_RADIUS_PX + 1)]  # each (n, 1, 1, 1)
    total = taps[0] + 2 * sum(taps[1:])
    taps = [tap / total for tap in taps]
    rows = _blurred_along(_blurred_along(rows, taps, axis=2, step=1), taps, axis=3, step=channels)
    return rows.reshape(count, frames, height, width, channels).permute(0, 4, 1, 2, 3)


def _blurred_along(rows: Tensor, taps: Sequence[Tensor], *, axis: int, step: int) -> Tensor:
    length = rows.shape[axis]
    first, last = rows.narrow(axis, 0, step), rows.narrow(axis, length - step, step)
    result = rows * taps[0]
    for offset, tap in enumerate(taps[1:], start=1):
        shift = min(offset * step, length)
        inner = length - shift
        result.narrow(axis, 0, inner).addcmul_(rows.narrow(axis, shift, inner), tap)
        result.narrow(axis, shift, inner).addcmul_(rows.narrow(axis, 0, inner), tap)
        edge = [1] * rows.ndim
        edge[axis] = shift // step
        result.narrow(axis, inner, shift).addcmul_(last.repeat(edge), tap)
        result.narrow(axis, 0, shift).addcmul_(first.repeat(edge), tap)
    return result


def _moved(clips: Tensor, drawn: Sequence[Augmentation]) -> Tensor:
    """Turned, scaled and shifted with bilinear sampling; what comes in from outside repeats the edge."""
    rows = []
    for augmentation in drawn:
        angle = math.radians(augmentation.turn_deg)
        cosine, sine = math.cos(angle) / augmentation.scale, math.sin(angle) / augmentation.scale
        right, down = (2 * part for part in augmentation.shift)
        rows.append([[cosine, -sine, -right], [sine, cosine, -down]])
    matrices = torch.tensor(rows, dtype=clips.dtype, device=clips.device)  # (n, 2, 3)
    count, channels, frames, height, width = clips.shape
    flat = clips.reshape(count, channels * frames, height, width)
    grid = functional.affine_grid(matrices, [count, 1, height, width], align_corners=False)
    moved = functional.grid_sample(flat, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return moved.reshape(clips.shape)


def _coarse(clip: Tensor, factor: float) -> Tensor:
    """One clip (3, T, H, W) reduced in size by areas and brought back bilinearly."""
    frames = clip.transpose(0, 1)  # (T, 3, H, W)
    size = clip.shape[-2:]
    small = functional.interpolate(frames, [max(round(side * factor), 2) for side in size], mode="area")
    return functional.interpolate(small, list(size), mode="bilinear", align_corners=False).transpose(0, 1)


def _noisy(clip: Tensor, augmentation: Augmentation) -> Tensor:
    generator = torch.Generator(device=clip.device).manual_seed(augmentation.noise_seed)
    noise = torch.randn(clip.shape, generator=generator, dtype=clip.dtype, device=clip.device)
    return (clip + augmentation.noise_levels * noise).clamp_(0, 255)
