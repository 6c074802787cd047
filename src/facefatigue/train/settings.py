"""Every setting of a training run, as one validated record; needs no torch."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefatigue.errors import ConfigurationError
from facefatigue.model.config import ModelConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PUBLISHED_LEARNING_RATE = 1e-5
PUBLISHED_EPOCHS = 500
RATE_FACTOR = 0.2

# They say what the weights are called or how fast they are computed, not what they become.
_FREE_ON_RESUME = frozenset({"threads", "name", "version", "licence", "training_data"})


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How a network is trained and what it is called.

    The defaults are those of the published training (arXiv:2104.10420, and its code) except where the text below says
    otherwise: few epochs at a higher rate, a narrow network and small clips, which two CPU cores can train.

    Attributes:
        epochs: Passes over the training list; published: 500.
        learning_rate: Adam's rate in the first third of the epochs; published: 1e-5, over 500 epochs.
        weight_decay: Adam's L2 penalty.
        batch_size: Clips in a batch.
        auxiliary: Columns of the lists with further targets, which shape the features in training and are dropped after it;
            not published.
        auxiliary_weight: Weight of their mean squared error (standardised) beside the loss.
        loss_alpha: Weight α of the cross-entropy in α · cross-entropy + MSE; no effect on the sigmoid head.
        patience: Epochs in a row without a better validation loss after which training ends early.
        seed: Of the first weights, the order of clips, the augmentation and the dropout.
        augment: Whether training clips are flipped, blurred, brightened and so on.
        depth: Layers of the 3D-ResNet.
        first_channel: Channels of its first stage; published: 64.
        non_local_position: Stage with the non-local block; 0 for none.
        classes: Bins of [0, 1]; 1 is the sigmoid head with MSE alone.
        dropout: Share of features dropped before the last layer.
        frames: Frames T of a clip.
        size_px: Height and width of a clip in pixels; published: 224.
        frame_rate_hz: Rate at which the frames of the clips were sampled; published: that of the video.
        threads: CPU threads of torch; None for one for each usable core. Another number gives other rounding errors.
        name: Name of the model.
        version: Version of its weights.
        licence: Licence of its weights.
        training_data: One sentence: what it was trained on, under which licence.

    Raises:
        ConfigurationError: One or more values are invalid; the text names all of them.
    """

    epochs: int = 12
    learning_rate: float = 3e-4
    weight_decay: float = 1e-4
    batch_size: int = 16
    loss_alpha: float = 0.1
    auxiliary: tuple[str, ...] = ()
    auxiliary_weight: float = 0.3
    patience: int = 20
    seed: int = 4603
    augment: bool = True
    depth: int = 18
    first_channel: int = 16
    non_local_position: int = 3
    classes: int = 10
    dropout: float = 0.6
    frames: int = 32
    size_px: int = 112
    frame_rate_hz: float = 12.5
    threads: int | None = None
    name: str = "my-model"
    version: str = "1"
    licence: str = "unknown"
    training_data: str = "unknown"

    def __post_init__(self) -> None:
        faults = [
            f"{key} is {getattr(self, key)!r} but must be {wanted}"
            for key, (wanted, accepts) in _RULES.items()
            if not accepts(getattr(self, key))
        ]
        try:
            self.model_config({})
        except ConfigurationError as error:
            faults.append(str(error).removeprefix("invalid model configuration: "))
        if faults:
            raise ConfigurationError("invalid training settings: " + "; ".join(faults))

    def model_config(self, metrics: Mapping[str, float | str]) -> ModelConfig:
        """The configuration of the network that is trained.

        Args:
            metrics: Measured figures by name, for the artefact.

        Raises:
            ConfigurationError: A value is invalid; cannot happen for settings that exist.
        """
        return ModelConfig(
            name=self.name,
            version=self.version,
            licence=self.licence,
            training_data=self.training_data,
            metrics=metrics,
            depth=self.depth,
            first_channel=self.first_channel,
            non_local_position=self.non_local_position,
            head="sigmoid" if self.classes == 1 else "classes",
            classes=self.classes,
            dropout=self.dropout,
            frames=self.frames,
            size_px=self.size_px,
            frame_rate_hz=self.frame_rate_hz,
        )

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0: × 0.2 at one third and again at two thirds (arXiv:2104.10420)."""
        steps = (3 * epoch >= self.epochs) + (3 * epoch >= 2 * self.epochs)
        return self.learning_rate * RATE_FACTOR**steps

    def decisive(self) -> dict[str, Any]:
        """The settings that decide what the weights become, which a resumed run must share, by name."""
        return {key: value for key, value in dataclasses.asdict(self).items() if key not in _FREE_ON_RESUME}


def _whole(low: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _columns(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and all(isinstance(name, str) and name.strip() for name in value)
        and len({*value, "clip", "subject", "score"}) == len(value) + 3
    )


_RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "epochs": ("a whole number of at least 1", _whole(1)),
    "learning_rate": ("a number above 0", lambda value: _number(value) and value > 0),
    "weight_decay": ("a number of at least 0", lambda value: _number(value) and value >= 0),
    "batch_size": ("a whole number of at least 2", _whole(2)),
    "loss_alpha": ("a number of at least 0", lambda value: _number(value) and value >= 0),
    "auxiliary": ("names of columns, each once and none of clip, subject, score", _columns),
    "auxiliary_weight": ("a number of at least 0", lambda value: _number(value) and value >= 0),
    "patience": ("a whole number of at least 1", _whole(1)),
    "seed": ("a whole number from 0 to 2**63 - 1", lambda value: _whole(0)(value) and value < 2**63),
    "augment": ("true or false", lambda value: isinstance(value, bool)),
    "threads": ("a whole number of at least 1, or none", lambda value: value is None or _whole(1)(value)),
}
