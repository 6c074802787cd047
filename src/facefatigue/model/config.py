"""What a model is: its input, its network and where it comes from, as one validated record; needs no numpy."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from facefatigue.data.frame_targets import CUES, wrong_names
from facefatigue.errors import ConfigurationError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.clips import ClipSpec

SCHEMA = "facefatigue.model/1"

Backbone = Literal["resnet3d", "r2plus1d", "resnet2d", "resnet2d_attention", "resnet2d_cues"]
NonLocalMode = Literal["embedded_gaussian", "gaussian", "dot", "concatenate"]
NonLocalPlacement = Literal["inside", "after"]
Head = Literal["classes", "sigmoid"]
TemporalInput = Literal["cues", "features", "both"]

BACKBONES: tuple[Backbone, ...] = get_args(Backbone)
DEPTHS = (10, 18, 34, 50, 101, 152, 200)
WIDTHS = (8, 16, 32, 64)
NON_LOCAL_POSITIONS = (0, 1, 2, 3, 4)
NON_LOCAL_MODES: tuple[NonLocalMode, ...] = get_args(NonLocalMode)
NON_LOCAL_PLACEMENTS: tuple[NonLocalPlacement, ...] = get_args(NonLocalPlacement)
HEADS: tuple[Head, ...] = get_args(Head)
TEMPORAL_INPUTS: tuple[TemporalInput, ...] = get_args(TemporalInput)
# Of "resnet2d_cues": its non-local block stands behind all else that looks over time, or nowhere.
CUE_NON_LOCAL_POSITIONS = (0, 4)

# What a backbone is called; {} is the depth.
BACKBONE_TITLES: dict[Backbone, str] = {
    "resnet3d": "3D-ResNet-{}",
    "r2plus1d": "R(2+1)D-{}",
    "resnet2d": "2D-ResNet-{}, mean over frames",
    "resnet2d_attention": "2D-ResNet-{}, frame attention",
    "resnet2d_cues": "2D-ResNet-{}, cues over time",
}

# Fields that a config.json may lack because it is older than they are; their defaults say what such a model is.
_LATER_FIELDS = frozenset({"backbone", "cues", "temporal_input"})

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Everything that is needed to build a network, feed it and say where it comes from.

    The defaults are those of "Machine vision to human facial fatigue with nonlocal 3D attention network"
    (arXiv:2104.10420), as its published code behaves.

    Attributes:
        name: Short name, also a folder name: letters, digits, dot, hyphen, underscore.
        version: Version of the weights.
        licence: Licence of the weights.
        training_data: One sentence: what the weights were trained on, under which licence.
        metrics: Measured figures by name; a string where a figure needs words.
        backbone: How the layers see time: the published 3D-ResNet, or a baseline (see
            :class:`facefatigue.model.network.FatigueNet`).
        depth: Layers of the ResNet.
        first_channel: Channels of the first stage; the stages have 1, 2, 4 and 8 times as many.
        non_local_position: Stage (1 to 4) with a non-local block; 0 for none. In "resnet2d_cues" it is 4, behind the layers
            that look over time, or 0.
        non_local_mode: How two positions are compared; has no effect at position 0.
        non_local_placement: Just before the stage's last residual block ("inside"), as the published code has it, or
            behind the stage ("after"), as the paper's figure has it.
        head: One logit for each bin of [0, 1] ("classes"), or a single logit of the score ("sigmoid").
        classes: Number of logits: at least 2 bins, or exactly 1 for the sigmoid head.
        dropout: Share of features dropped before the last layer in training.
        cues: What "resnet2d_cues" reads from every frame, of :data:`facefatigue.data.frame_targets.CUES`; others have none.
        temporal_input: What it forms fatigue from over time: the cues alone, each frame's features alone, or both; has no
            effect on other backbones.
        frames: Frames T of a clip.
        size_px: Height and width of a clip in pixels.
        frame_rate_hz: Rate at which the frames of a clip are sampled.

    Raises:
        ConfigurationError: One or more values are invalid; the text names all of them.
    """

    name: str
    version: str
    licence: str
    training_data: str
    metrics: Mapping[str, float | str] = field(hash=False)
    backbone: Backbone = "resnet3d"
    depth: int = 18
    first_channel: int = 64
    non_local_position: int = 3
    non_local_mode: NonLocalMode = "embedded_gaussian"
    non_local_placement: NonLocalPlacement = "inside"
    head: Head = "classes"
    classes: int = 10
    dropout: float = 0.6
    cues: tuple[str, ...] = ()
    temporal_input: TemporalInput = "both"
    frames: int = 32
    size_px: int = 224
    frame_rate_hz: float = 30.0

    def __post_init__(self) -> None:
        faults = [
            f"{key} is {getattr(self, key)!r} but must be {wanted}"
            for key, (wanted, accepts) in _RULES.items()
            if not accepts(getattr(self, key))
        ]
        if self.head == "sigmoid" and self.classes != 1:
            faults.append(f"classes is {self.classes!r} but must be 1 with the sigmoid head")
        if self.head == "classes" and self.classes == 1:
            faults.append("classes is 1 but must be at least 2 with the classes head")
        faults += self._cue_faults()
        if faults:
            raise ConfigurationError("invalid model configuration: " + "; ".join(faults))
        object.__setattr__(self, "metrics", dict(self.metrics))

    def _cue_faults(self) -> list[str]:
        if self.backbone != "resnet2d_cues":
            return [f"cues is {self.cues!r} but must be empty for the backbone {self.backbone!r}"] if self.cues else []
        faults = []
        if self.non_local_position not in CUE_NON_LOCAL_POSITIONS:
            faults.append(f"non_local_position is {self.non_local_position!r} but must be 0 or 4 for {self.backbone!r}")
        if self.temporal_input != "features" and not self.cues:
            faults.append(f"cues is empty but temporal_input is {self.temporal_input!r}")
        return faults

    @property
    def feature_dim(self) -> int:
        """Length of the feature vector in front of the last layer."""
        return 4 * self.first_channel

    @property
    def window_s(self) -> float:
        """Time that one clip covers, in seconds."""
        return self.frames / self.frame_rate_hz

    @property
    def clip_spec(self) -> ClipSpec:
        """The form of a clip."""
        from facefatigue.clips import ClipSpec  # loads numpy

        return ClipSpec(frames=self.frames, frame_rate_hz=self.frame_rate_hz, size_px=self.size_px)

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """Shape (3, T, H, W) of one clip."""
        return 3, self.frames, self.size_px, self.size_px

    def to_json(self) -> str:
        """The configuration as the text of a config.json."""
        return json.dumps({"schema": SCHEMA, **dataclasses.asdict(self)}, indent=2, ensure_ascii=False) + "\n"

    def write(self, path: str | Path) -> None:
        """Write the configuration as a config.json.

        Raises:
            OSError: The file cannot be written.
        """
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def from_json(cls, text: str, *, where: str = "config.json") -> Self:
        """Read the text of a config.json, which names every field.

        A text from before there were baselines names no backbone and means "resnet3d"; one from before there were cues has
        none.

        Args:
            text: JSON text.
            where: What to call the text in an error.

        Raises:
            ModelError: Not JSON, of another schema, keys unknown or missing (all named), or a value is invalid.
        """
        try:
            entries = json.loads(text)
        except ValueError as error:
            raise ModelError(f"{where} is not JSON: {error}") from None
        if not isinstance(entries, dict):
            raise ModelError(f"{where} is not a model configuration: it holds no JSON object")
        schema = entries.pop("schema", None)
        known = [entry.name for entry in dataclasses.fields(cls)]
        faults = [] if schema == SCHEMA else [f"schema is {schema!r}, expected {SCHEMA!r}"]
        missing = set(known) - _LATER_FIELDS - entries.keys()
        for kind, keys in (("unknown", entries.keys() - set(known)), ("missing", missing)):
            if keys:
                faults.append(f"{kind} {'key' if len(keys) == 1 else 'keys'} {', '.join(sorted(map(repr, keys)))}")
        if faults:
            raise ModelError(f"{where} is not a configuration this version reads: {'; '.join(faults)}")
        if isinstance(entries.get("cues"), list):  # JSON has no tuples
            entries["cues"] = tuple(entries["cues"])
        try:
            return cls(**entries)
        except ConfigurationError as error:
            raise ModelError(f"{where}: {error}") from None

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a config.json.

        Raises:
            ModelError: The file cannot be read or is no valid configuration; the text says why in one line.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{path} cannot be read: {error}") from None
        return cls.from_json(text, where=str(path))


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _whole(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _metrics(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        _text(key) and (_number(figure) or isinstance(figure, str)) for key, figure in value.items()
    )


def _one_of(choices: tuple[int | str, ...]) -> tuple[str, Callable[[object], bool]]:
    return f"one of {', '.join(map(str, choices))}", lambda value: type(value) is type(choices[0]) and value in choices


_RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "name": (
        "letters, digits, dots, hyphens or underscores",
        lambda value: isinstance(value, str) and _NAME.fullmatch(value) is not None,
    ),
    "version": ("a text", _text),
    "licence": ("a text", _text),
    "training_data": ("a text", _text),
    "metrics": ("names with finite numbers or texts", _metrics),
    "backbone": _one_of(BACKBONES),
    "depth": _one_of(DEPTHS),
    "first_channel": _one_of(WIDTHS),
    "non_local_position": _one_of(NON_LOCAL_POSITIONS),
    "non_local_mode": _one_of(NON_LOCAL_MODES),
    "non_local_placement": _one_of(NON_LOCAL_PLACEMENTS),
    "head": _one_of(HEADS),
    "classes": ("a whole number from 1 to 1000", _whole(1, 1000)),
    "dropout": ("in [0, 1)", lambda value: _number(value) and 0 <= value < 1),
    "cues": (
        f"names among {', '.join(CUES)}, each once",
        lambda value: not wrong_names(value, CUES),
    ),
    "temporal_input": _one_of(TEMPORAL_INPUTS),
    "frames": ("a whole number from 2 to 1024", _whole(2, 1024)),
    "size_px": ("a whole number from 16 to 1024", _whole(16, 1024)),
    "frame_rate_hz": ("above 0 and at most 1000", lambda value: _number(value) and 0 < value <= 1000),
}
