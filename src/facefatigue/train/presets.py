"""Recipes by name, and how a TOML file and ``key=value`` change them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tomllib
from typing import TYPE_CHECKING, Any

from facefatigue.errors import ConfigurationError
from facefatigue.train.settings import TrainSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Settings that differ from the defaults of TrainSettings, which docs/experiments.md gives the reasons for. "paper" is the
# published training to the letter; it starts from a 2D ResNet-18 trained on faces, which has to be given as init.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "paper": {
        "epochs": 500,
        "learning_rate": 1e-5,
        "schedule": "steps",
        "warmup_epochs": 0.0,
        "optimiser": "adam",
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "batch_size": 16,
        "accumulation": 1,
        "clip_norm": None,
        "loss_alpha": 0.1,
        "class_loss": "cross_entropy",
        "label_smoothing": 0.0,
        "bootstrap": None,
        "auxiliary": (),
        "frame_targets": (),
        "score_weight": 1.0,
        "augmentation": "published",
        "patience": 20,
        "keep_best": "loss_and_mse",
        "seed": 4603,
        "backbone": "resnet3d",
        "depth": 18,
        "first_channel": 64,
        "non_local_position": 3,
        "non_local_mode": "embedded_gaussian",
        "non_local_placement": "inside",
        "classes": 10,
        "dropout": 0.6,
        "frames": 32,
        "size_px": 224,
        "frame_rate_hz": 30.0,
    },
}


_MAY_BE_NONE = frozenset({"clip_norm", "bootstrap", "threads"})


def make_settings(
    *,
    preset: str = "default",
    config: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
) -> TrainSettings:
    """Settings from a preset, changed by a TOML file, then by single values, then by ``key=value`` texts.

    Args:
        preset: "default" or "paper".
        config: A TOML file of settings, such as the settings.toml that every run leaves; it may name a preset of its own,
            which then counts instead.
        overrides: Values by name; None stands for "not given".
        assignments: Texts ``key=value``, the value as in TOML; quotes around a single word may be left out.

    Raises:
        ConfigurationError: A name or value is wrong; all are named.
    """
    from_file = {} if config is None else read_config(config)
    chosen = from_file.pop("preset", preset)
    if not isinstance(chosen, str) or chosen not in PRESETS:
        raise ConfigurationError(f"there is no preset {chosen!r}; the presets are {', '.join(PRESETS)}")
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    values = {**PRESETS[chosen], **from_file, **given, **parse_assignments(assignments)}
    return build_settings(values, where="the settings" if config is None else str(config))


def build_settings(values: Mapping[str, Any], *, where: str) -> TrainSettings:
    """Settings from values by name, as TOML has them (lists for tuples, empty texts for none).

    Args:
        values: By the names of :class:`TrainSettings`; what is missing has its default.
        where: What to call them in an error.

    Raises:
        ConfigurationError: A name or a value is wrong; all are named.
    """
    fields = {entry.name: entry for entry in dataclasses.fields(TrainSettings)}
    if unknown := sorted(values.keys() - fields.keys()):
        raise ConfigurationError(f"{where}: there is no setting {', '.join(unknown)}; the settings are {', '.join(fields)}")
    fitting: dict[str, Any] = {key: _fitting(value, fields[key].default) for key, value in values.items()}
    fitting |= {key: None for key in _MAY_BE_NONE & fitting.keys() if fitting[key] == ""}
    return TrainSettings(**fitting)


def read_config(path: Path) -> dict[str, Any]:
    """The values of a TOML file of settings.

    Raises:
        ConfigurationError: It cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from None


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """Values from texts ``key=value``.

    Raises:
        ConfigurationError: A text is none.
    """
    values: dict[str, Any] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise ConfigurationError(f"{text!r} is not a setting; write key=value, such as epochs=20")
        values[key.strip()] = _parsed(value.strip())
    return values


def to_toml(settings: TrainSettings, *, comments: Mapping[str, str] | None = None) -> str:
    """Settings as TOML that :func:`make_settings` reads back.

    Args:
        settings: The settings.
        comments: What else to say, by name, in comments above.
    """
    lines = [f"# {key}: {value}" for key, value in (comments or {}).items()]
    lines += [f"{key} = {_as_toml(value)}" for key, value in dataclasses.asdict(settings).items()]
    return "\n".join(lines) + "\n"


def _as_toml(value: object) -> str:
    if value is None:
        return '""'  # TOML has no null
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_as_toml(entry) for entry in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _parsed(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return {"True": True, "False": False, "None": ""}.get(text, text)  # a bare word


def _fitting(value: Any, default: Any) -> Any:
    """A value of TOML as the kind that a field has."""
    if isinstance(default, tuple) and isinstance(value, str):
        return tuple(part.strip() for part in value.split(",")) if value else ()
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # the settings refuse it
            return float(value)
    return value
