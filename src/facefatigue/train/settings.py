"""Every setting of a training run, as one validated record; needs no torch."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from facefatigue.data.frame_targets import FRAME_TARGETS, wrong_names
from facefatigue.errors import ConfigurationError
from facefatigue.model.config import ModelConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from facefatigue.clips import ClipSpec
    from facefatigue.model.config import Backbone, NonLocalMode, NonLocalPlacement, TemporalInput

RATE_FACTOR = 0.2
_HUGE = 1e300

ClassLoss = Literal["cross_entropy", "ordinal"]
Optimiser = Literal["adam", "adamw"]
Schedule = Literal["steps", "cosine"]
Augmentations = Literal["none", "published", "strong"]
KeepBest = Literal["loss", "loss_and_mse"]
Inflation = Literal["centre", "mean"]
Freeze = Literal["", "frames"]
InitPart = Literal["all", "frames"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]

# They say what the weights are called or how fast they are computed, not what they become; and the first weights of a run
# that is resumed are those that it was started with.
_FREE_ON_RESUME = frozenset(
    {"threads", "name", "version", "licence", "training_data", "print_every", "checkpoint_minutes", "init"}
)


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How a network is trained and what it is called.

    The defaults are the preset "default". The preset "paper" is the published training (arXiv:2104.10420, and its code).

    Attributes:
        epochs: Passes over the training list; paper: 500.
        learning_rate: The optimiser's rate at the start; paper: 1e-5.
        schedule: "steps": × 0.2 at one third and at two thirds of the epochs (paper); "cosine": half a cosine down to 0
            ("SGDR", Loshchilov and Hutter 2017, without restarts).
        warmup_epochs: Epochs in which the rate first rises evenly from 0; paper: 0.
        optimiser: "adam", whose weight decay is an L2 penalty (paper), or "adamw", which decays weights by themselves
            (Loshchilov and Hutter 2019).
        momentum: β₁ of the optimiser; paper: 0.9.
        weight_decay: Paper: 1e-4.
        batch_size: Clips in a batch of one process; paper: 16.
        accumulation: Batches whose gradients make one step; paper: 1.
        clip_norm: Largest norm of a step's gradient; None: no limit (paper).
        loss_alpha: Weight α of the class loss in α · class loss + MSE; no effect on the sigmoid head; paper: 0.1.
        class_loss: "cross_entropy" (paper), or "ordinal": the squared earth mover's distance between predicted and true
            class, for which a near class is less wrong than a far one (Hou et al. 2016).
        label_smoothing: Share of the class target that is spread evenly over all classes; paper: 0.1 as an option.
        bootstrap: λ of the bootstrapped cross-entropy: the target's weight is (1 − epoch / epochs)^λ, the rest is what the
            network says itself (Reed et al. 2015); None: none; paper: 0.5 as an option.
        auxiliary: Columns of the lists with further targets, which shape the features in training and are dropped after it;
            not in the paper.
        auxiliary_weight: Weight of their mean squared error (standardised) beside the loss.
        frame_targets: What the lists tell of every frame (:data:`facefatigue.data.frame_targets.FRAME_TARGETS`) and the
            network learns to read; not in the paper.
        frame_weight: Weight of their loss, the mean over targets of the mean squared error, standardised.
        score_weight: Weight of the score's loss; 0 trains the frame targets alone, whose loss then chooses the checkpoint.
        augmentation: "none", "published", or "strong": also turned, shifted, scaled, greyed, coarsened and noisy.
        patience: Epochs in a row without a better validation loss after which training ends early; paper: 20.
        validate: Whether the validation list is looked at after each epoch; if not, the last weights are kept and nothing
            ends early.
        keep_best: The best checkpoint is that of the lowest validation "loss", or is replaced only when loss and MSE both
            get lower ("loss_and_mse", paper).
        seed: Of the first weights, the order of clips, the augmentation and the dropout; paper: 4603.
        init: A model folder, or a trained 2D ResNet to be inflated; empty: from scratch. The paper inflates a 2D ResNet-18
            that was trained on faces.
        init_part: What is taken from the model of ``init``: "all", or of "resnet2d_cues" what looks at "frames" alone; what
            follows over time is then drawn.
        freeze: "frames" leaves what "resnet2d_cues" reads of each frame as it is in the model of ``init``, and trains what
            follows over time alone.
        inflation: Where a 2D kernel goes in time: into the "centre" tap, or its "mean" over all taps.
        backbone: The kind of network: "resnet3d" (paper) or one of the baselines.
        depth: Layers; paper: 18.
        first_channel: Channels of the first stage; paper: 64.
        non_local_position: Stage with the non-local block; 0 for none; paper: 3.
        non_local_mode: How two positions are compared; paper: "embedded_gaussian".
        non_local_placement: "inside" the stage, before its last block (the published code), or "after" it (its figure).
        classes: Bins of [0, 1]; 1 is the sigmoid head with MSE alone; paper: 10.
        dropout: Share of features dropped before the last layer; paper: 0.6.
        cues: What "resnet2d_cues" reads from every frame; each must be a frame target, too.
        temporal_input: What it forms fatigue from over time: "cues", "features" or "both".
        frames: Frames T of a clip; paper: 32.
        size_px: Height and width of a clip in pixels; paper: 224.
        frame_rate_hz: Rate at which the frames of the clips were sampled; paper: that of the video, 30 for most phones.
        precision: "32-true", "bf16-mixed" or "16-mixed"; the latter two on a GPU only.
        compile: Whether torch.compile makes the network faster; worth its minutes for long runs on a GPU.
        threads: CPU threads of torch in each process; None for one for each usable core. Another number gives other rounding
            errors.
        print_every: Batches between two lines of progress where there is no terminal; 0: one line an epoch; paper: 200.
        checkpoint_minutes: Time between two states saved in the middle of an epoch.
        name: Name of the model.
        version: Version of its weights.
        licence: Licence of its weights.
        training_data: One sentence: what it was trained on, under which licence.

    Raises:
        ConfigurationError: One or more values are invalid; the text names all of them.
    """

    epochs: int = 20
    learning_rate: float = 1e-3
    schedule: Schedule = "cosine"
    warmup_epochs: float = 0.5
    optimiser: Optimiser = "adamw"
    momentum: float = 0.9
    weight_decay: float = 0.05
    batch_size: int = 16
    accumulation: int = 1
    clip_norm: float | None = 1.0
    loss_alpha: float = 0.1
    class_loss: ClassLoss = "cross_entropy"
    label_smoothing: float = 0.0
    bootstrap: float | None = None
    auxiliary: tuple[str, ...] = ()
    auxiliary_weight: float = 0.3
    frame_targets: tuple[str, ...] = ()
    frame_weight: float = 1.0
    score_weight: float = 1.0
    augmentation: Augmentations = "published"
    patience: int = 20
    validate: bool = True
    keep_best: KeepBest = "loss"
    seed: int = 4603
    init: str = ""
    init_part: InitPart = "all"
    freeze: Freeze = ""
    inflation: Inflation = "centre"
    backbone: Backbone = "resnet3d"
    depth: int = 18
    first_channel: int = 16
    non_local_position: int = 3
    non_local_mode: NonLocalMode = "embedded_gaussian"
    non_local_placement: NonLocalPlacement = "inside"
    classes: int = 10
    dropout: float = 0.2
    cues: tuple[str, ...] = ()
    temporal_input: TemporalInput = "both"
    frames: int = 32
    size_px: int = 112
    frame_rate_hz: float = 12.5
    precision: Precision = "32-true"
    compile: bool = False
    threads: int | None = None
    print_every: int = 0
    checkpoint_minutes: float = 10.0
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
        if not faults and self.warmup_epochs >= self.epochs:
            faults.append(f"warmup_epochs is {self.warmup_epochs:g} but must be below epochs ({self.epochs})")
        if not faults and self.classes == 1 and (self.label_smoothing or self.bootstrap is not None):
            faults.append("label_smoothing and bootstrap need classes, but the sigmoid head (classes = 1) has none")
        if not faults and self.class_loss == "ordinal" and (self.label_smoothing or self.bootstrap is not None):
            faults.append("label_smoothing and bootstrap belong to the cross-entropy, but class_loss is 'ordinal'")
        if not faults:
            faults += self._frame_faults()
        if faults:
            raise ConfigurationError("invalid training settings: " + "; ".join(faults))

    def _frame_faults(self) -> list[str]:
        faults = []
        if self.freeze and self.backbone != "resnet2d_cues":
            faults.append(f"freeze is {self.freeze!r} but only the backbone 'resnet2d_cues' has a part that can be")
        if self.init_part == "frames" and self.backbone != "resnet2d_cues":
            faults.append("init_part is 'frames' but only the backbone 'resnet2d_cues' has such a part")
        if untaught := [name for name in self.cues if name not in self.frame_targets and not self.freeze]:
            faults.append(f"cues has {', '.join(untaught)}, which must be among frame_targets to be learnt")
        if self.score_weight:
            return faults
        if not self.frame_targets or not self.frame_weight:
            faults.append("score_weight is 0, and without frame_targets of a weight there is nothing to train")
        faults += [
            f"score_weight is 0 but {name} {reason}"
            for name, given, reason in (
                ("freeze", self.freeze, f"is {self.freeze!r}, which leaves nothing to train"),
                ("auxiliary", self.auxiliary, "has targets, which are read where the score is"),
                ("keep_best", self.keep_best != "loss", f"is {self.keep_best!r}; there is no MSE to go by"),
            )
            if given
        ]
        return faults

    @property
    def clip_spec(self) -> ClipSpec:
        """The form of the clips."""
        return self.model_config({}).clip_spec

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
            backbone=self.backbone,
            depth=self.depth,
            first_channel=self.first_channel,
            non_local_position=self.non_local_position,
            non_local_mode=self.non_local_mode,
            non_local_placement=self.non_local_placement,
            head="sigmoid" if self.classes == 1 else "classes",
            classes=self.classes,
            dropout=self.dropout,
            cues=self.cues,
            temporal_input=self.temporal_input,
            frames=self.frames,
            size_px=self.size_px,
            frame_rate_hz=self.frame_rate_hz,
        )

    def rate(self, epoch: int, *, part: float = 0.5) -> float:
        """The learning rate at a point of an epoch, as the schedule has it.

        Args:
            epoch: From 0.
            part: How much of the epoch is done, in [0, 1]; warm-up and cosine go on within an epoch.
        """
        progress = epoch + part
        warm = min(progress / self.warmup_epochs, 1.0) if self.warmup_epochs else 1.0
        if self.schedule == "cosine":
            return self.learning_rate * warm * (1 + math.cos(math.pi * min(progress / self.epochs, 1.0))) / 2
        steps = (3 * epoch >= self.epochs) + (3 * epoch >= 2 * self.epochs)
        return self.learning_rate * warm * RATE_FACTOR**steps

    def decisive(self) -> dict[str, Any]:
        """The settings that decide what the weights become, which a resumed run must share, by name."""
        return {key: value for key, value in dataclasses.asdict(self).items() if key not in _FREE_ON_RESUME}


def _whole(low: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_HUGE < value < _HUGE


def _at_least(low: float) -> Callable[[Any], bool]:
    return lambda value: _number(value) and value >= low


def _above_zero(value: Any) -> bool:
    return _number(value) and value > 0


def _columns(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and all(isinstance(name, str) and name.strip() for name in value)
        and len({*value, "clip", "subject", "score"}) == len(value) + 3
    )


def _one_of(kind: Any) -> tuple[str, Callable[[Any], bool]]:
    choices = get_args(kind)
    return f"one of {', '.join(choices)}", lambda value: value in choices


def _true_or_false(value: object) -> bool:
    return isinstance(value, bool)


_RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "epochs": ("a whole number of at least 1", _whole(1)),
    "learning_rate": ("a number above 0", _above_zero),
    "schedule": _one_of(Schedule),
    "warmup_epochs": ("a number of at least 0", _at_least(0)),
    "optimiser": _one_of(Optimiser),
    "momentum": ("in [0, 1)", lambda value: _number(value) and 0 <= value < 1),
    "weight_decay": ("a number of at least 0", _at_least(0)),
    "batch_size": ("a whole number of at least 2", _whole(2)),
    "accumulation": ("a whole number of at least 1", _whole(1)),
    "clip_norm": ("a number above 0, or none", lambda value: value is None or _above_zero(value)),
    "loss_alpha": ("a number of at least 0", _at_least(0)),
    "class_loss": _one_of(ClassLoss),
    "label_smoothing": ("in [0, 1)", lambda value: _number(value) and 0 <= value < 1),
    "bootstrap": ("a number above 0, or none", lambda value: value is None or _above_zero(value)),
    "auxiliary": ("names of columns, each once and none of clip, subject, score", _columns),
    "auxiliary_weight": ("a number of at least 0", _at_least(0)),
    "frame_targets": (
        f"names among {', '.join(FRAME_TARGETS)}, each once",
        lambda value: not wrong_names(value, FRAME_TARGETS),
    ),
    "frame_weight": ("a number of at least 0", _at_least(0)),
    "score_weight": ("a number of at least 0", _at_least(0)),
    "augmentation": _one_of(Augmentations),
    "patience": ("a whole number of at least 1", _whole(1)),
    "validate": ("true or false", _true_or_false),
    "keep_best": _one_of(KeepBest),
    "seed": ("a whole number from 0 to 2**63 - 1", lambda value: _whole(0)(value) and value < 2**63),
    "init": ("a path, or empty", lambda value: isinstance(value, str)),
    "init_part": _one_of(InitPart),
    "freeze": ("frames, or empty", lambda value: value in get_args(Freeze)),
    "inflation": _one_of(Inflation),
    "precision": _one_of(Precision),
    "compile": ("true or false", _true_or_false),
    "threads": ("a whole number of at least 1, or none", lambda value: value is None or _whole(1)(value)),
    "print_every": ("a whole number of at least 0", _whole(0)),
    "checkpoint_minutes": ("a number above 0", _above_zero),
}
