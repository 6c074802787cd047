"""What is compared: variants of one training, by name, each with its settings; needs no torch."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefatigue.errors import ConfigurationError
from facefatigue.train.presets import PRESETS, build_settings, read_config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from facefatigue.data.clip_list import ClipList
    from facefatigue.train.settings import TrainSettings

# Not settings: every n-th frame of the clips, at an n-th of their rate; and the middle part of the clips' length.
EVERY = "every_nth_frame"
MIDDLE = "middle_part"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]*")

# Ready-made grids. The first variant of each is the reference.
SUITES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "presets": {"default": {"preset": "default"}, "paper": {"preset": "paper"}},
    "non-local": {
        "stage-3": {"non_local_position": 3},
        "none": {"non_local_position": 0},
        "stage-1": {"non_local_position": 1},
        "stage-2": {"non_local_position": 2},
        "stage-4": {"non_local_position": 4},
        "after-stage-3": {"non_local_position": 3, "non_local_placement": "after"},
        "gaussian": {"non_local_mode": "gaussian"},
        "dot": {"non_local_mode": "dot"},
        "concatenate": {"non_local_mode": "concatenate"},
    },
    "head": {
        "ten-classes": {"classes": 10},
        "two-classes": {"classes": 2},
        "sigmoid": {"classes": 1},
        "ordinal": {"classes": 10, "class_loss": "ordinal"},
        "smoothed": {"classes": 10, "label_smoothing": 0.1},
        "bootstrapped": {"classes": 10, "bootstrap": 0.5},
    },
    "depth": {"depth-18": {"depth": 18}, "depth-10": {"depth": 10}, "depth-34": {"depth": 34}},
    "width": {f"width-{width}": {"first_channel": width} for width in (16, 8, 32, 64)},
    "frame-rate": {"every-frame": {EVERY: 1}, "every-2nd": {EVERY: 2}, "every-4th": {EVERY: 4}},
    "length": {"whole": {MIDDLE: 1.0}, "half": {MIDDLE: 0.5}, "quarter": {MIDDLE: 0.25}},
    "baselines": {
        "non-local-3d": {"backbone": "resnet3d"},
        "no-non-local": {"backbone": "resnet3d", "non_local_position": 0},
        "r2plus1d": {"backbone": "r2plus1d", "non_local_position": 0},
        "2d-mean": {"backbone": "resnet2d", "non_local_position": 0},
        "2d-attention": {"backbone": "resnet2d_attention", "non_local_position": 0},
    },
}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way of training.

    Attributes:
        name: Its name, also that of its folder.
        settings: Its settings.
        every: Every n-th frame of the clips is used; the settings' frames and rate are those that are left.
        middle: So many frames in the middle of a clip are used, before others are left out; 0: all.
    """

    name: str
    settings: TrainSettings
    every: int = 1
    middle: int = 0

    def of(self, clips: ClipList) -> ClipList:
        """A list with the frames that this variant uses."""
        return (clips.shortened(self.middle) if self.middle else clips).thinned(self.every)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """All variants, and the one that the others are compared with.

    Attributes:
        variants: In order; names are unique.
        reference: Name of one of them.
    """

    variants: tuple[Variant, ...]
    reference: str

    def __post_init__(self) -> None:
        names = [variant.name for variant in self.variants]
        if not names:
            raise ConfigurationError("the grid has no variant")
        if self.reference not in names:
            raise ConfigurationError(f"the reference is {self.reference!r}, but the variants are {', '.join(names)}")


def read_grid(path: Path, overrides: Mapping[str, Any]) -> Grid:
    """A grid from a TOML file.

    It may have ``reference`` (a variant's name), ``[base]`` (settings of all, and a preset), ``[variants.NAME]`` (what is
    different in each, a preset among it) and ``[grid]`` (lists of values, of which every combination is a variant).
    ``every_nth_frame`` and ``middle_part`` (of a clip's length, in (0, 1]) may stand beside the settings.

    Args:
        path: The file.
        overrides: Settings that win over those of ``[base]``, but not over those of a variant.

    Raises:
        ConfigurationError: It cannot be read, or holds something else; all wrong settings are named.
    """
    values = read_config(path)
    if unknown := sorted(values.keys() - {"reference", "base", "variants", "grid"}):
        raise ConfigurationError(
            f"{path}: {', '.join(unknown)} is not known; it may have reference, base, variants and grid"
        )
    tables = {name: values.get(name, {}) for name in ("base", "variants", "grid")}
    wrong = [name for name, table in tables.items() if not isinstance(table, dict)]
    if not wrong:
        wrong += [f"variants.{name}" for name, own in tables["variants"].items() if not isinstance(own, dict)]
        wrong += [f"grid.{name}" for name, own in tables["grid"].items() if not isinstance(own, list) or not own]
    if wrong:
        raise ConfigurationError(f"{path}: {', '.join(wrong)} is not what it should be: a table (in grid: a list of values)")
    variants: dict[str, Mapping[str, Any]] = dict(values.get("variants", {}))
    if grid := values.get("grid", {}):
        for combination in itertools.product(*grid.values()):
            own = dict(zip(grid, combination, strict=True))
            variants["+".join(f"{key}={value}" for key, value in own.items())] = own
    return make_grid(variants, {**values.get("base", {}), **overrides}, reference=values.get("reference"), where=str(path))


def make_grid(
    variants: Mapping[str, Mapping[str, Any]], base: Mapping[str, Any], *, reference: str | None = None, where: str = "grid"
) -> Grid:
    """A grid of named variants.

    Args:
        variants: What is different in each, by name.
        base: Settings of all.
        reference: Name of the one to compare with; None: the first.
        where: What to call the grid in an error.

    Raises:
        ConfigurationError: Names or settings are wrong; all variants at fault are named.
    """
    faults, made = [], []
    for name, own in variants.items():
        try:
            made.append(_variant(name, {**base, **own}))
        except ConfigurationError as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise ConfigurationError(f"{where} cannot be run: {'; '.join(faults)}")
    first = made[0].name if made else ""
    return Grid(variants=tuple(made), reference=first if reference is None else reference)


def suite(names: Sequence[str], base: Mapping[str, Any]) -> Grid:
    """Ready-made grids, put together; the reference is the first variant of the first.

    Args:
        names: Of :data:`SUITES`.
        base: Settings of all variants.

    Raises:
        ConfigurationError: There is no such suite, or the settings are wrong.
    """
    if unknown := [name for name in names if name not in SUITES]:
        raise ConfigurationError(f"there is no suite {', '.join(unknown)}; the suites are {', '.join(SUITES)}")
    variants = {name: own for chosen in names for name, own in SUITES[chosen].items()}
    return make_grid(variants, base, where="suite")


def _variant(name: str, values: Mapping[str, Any]) -> Variant:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"the name {name!r} is not made of letters, digits, dots, hyphens, underscores, + and =")
    given = dict(values)
    preset, every, part = given.pop("preset", "default"), given.pop(EVERY, 1), given.pop(MIDDLE, 1.0)
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ConfigurationError(f"there is no preset {preset!r}; the presets are {', '.join(PRESETS)}")
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise ConfigurationError(f"{EVERY} is {every!r} but must be a whole number of at least 1")
    if not isinstance(part, int | float) or isinstance(part, bool) or not 0 < part <= 1:
        raise ConfigurationError(f"{MIDDLE} is {part!r} but must be a number in (0, 1]")
    merged = {**PRESETS[preset], **given}
    settings = build_settings({"name": re.sub(r"[^A-Za-z0-9._-]", "-", name), **merged}, where=name)
    left = round(settings.frames * part)
    if abs(left - settings.frames * part) > 1e-6 or left < 1:
        raise ConfigurationError(
            f"{MIDDLE} is {part:g}, which is not a whole number of the {settings.frames} frames of a clip"
        )
    if left % every:
        raise ConfigurationError(f"{EVERY} is {every}, which does not divide the {left} frames of a clip")
    middle = left if left < settings.frames else 0
    if middle or every > 1:
        fewer = {"frames": left // every, "frame_rate_hz": settings.frame_rate_hz / every}
        settings = build_settings({"name": settings.name, **merged, **fewer}, where=name)
    return Variant(name=name, settings=settings, every=every, middle=middle)
