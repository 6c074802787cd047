"""Scores of windows: by the model, and by the controls that any figure has to beat."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from default_model.figures import ByVideo, Controls
from default_model.store import code_digest
from default_model.untrained import Untrained, batches, closure_place
from facefatigue.engine import open_engine
from facefatigue.model.logits import fatigue_probability
from facefatigue.offline import import_onnxruntime

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from default_model.store import Arrays, Store
    from default_model.windows import Windows
    from facefatigue.engine import Engine
    from facefatigue.model.artefact import Artefact

UNTRAINED = 10
# Of the aligned crop, whose eye centres lie at 0.35 and 0.65 of its width and 0.35 of its height: top, bottom, left, right.
EYE_BAND = (0.27, 0.43, 0.2, 0.8)
_MODEL_CODE = code_digest("clips/normalise.py", "engine", "model/logits.py", "default_model/scoring.py")

Statistic = Callable[[ByVideo], "float | None"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """What the model and its controls say about the windows of several videos.

    Attributes:
        model: (N,) scores of each video.
        probability: (N,) probabilities of fatigue.
        middle: Scores of the middle frame, repeated; None: controls were not asked for.
        middle_probability: Its probabilities of fatigue.
        brightness: Mean of the crops, 0 to 255.
        eye_band: Mean of the crops' eye band.
        untrained: Scores of untrained networks.
    """

    model: ByVideo
    probability: ByVideo
    middle: ByVideo | None = None
    middle_probability: ByVideo | None = None
    brightness: ByVideo | None = None
    eye_band: ByVideo | None = None
    untrained: tuple[ByVideo, ...] = ()

    def where(self, masks: Mapping[str, NDArray[np.bool_]]) -> Scores:
        """Those of some windows of some videos: (N,) bool by video."""

        def kept(values: ByVideo | None) -> Any:
            return None if values is None else {name: values[name][mask] for name, mask in masks.items()}

        fields = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        untrained = tuple(kept(values) for values in fields.pop("untrained"))
        return Scores(**{name: kept(values) for name, values in fields.items()}, untrained=untrained)

    def figure(self, statistic: Statistic, *, chance: float) -> tuple[float | None, Controls]:
        """A statistic of the model's scores and the same of its controls.

        Args:
            statistic: Takes scores by video.
            chance: Its value where nothing is known.
        """
        middle, brightness, band = (
            None if values is None else statistic(values) for values in (self.middle, self.brightness, self.eye_band)
        )
        untrained = tuple(value for values in self.untrained if (value := statistic(values)) is not None)
        controls = Controls(chance=chance, middle=middle, brightness=brightness, eye_band=band, untrained=untrained)
        return statistic(self.model), controls


class Scorer:
    """One model, its engine, and its controls.

    Args:
        artefact: The model.
        store: Where earlier work is kept.
        engine: Name of the engine, or auto: the fastest that is installed; always in f32.
        threads: Threads to compute with.
        untrained: Number of untrained networks.
        say: Called with a line now and then.
    """

    def __init__(
        self, artefact: Artefact, store: Store, *, engine: str, threads: int, untrained: int, say: Callable[[str], None]
    ) -> None:
        self.artefact = artefact
        self.engine: Engine = open_engine(artefact, engine=engine, precision="f32", threads=threads)
        self._store = store
        self.threads = threads
        self._untrained = untrained
        self._say = say

    def score(self, windows: Mapping[str, Windows], *, controls: bool, untrained: bool = True) -> Scores:
        """Score the windows of several videos.

        Args:
            windows: By video.
            controls: With those controls that cost little: middle frame and brightness.
            untrained: With the untrained networks, if there are controls at all.
        """
        self._say(f"{self.artefact.config.name}: {sum(map(len, windows.values()))} windows")
        found = {name: self._model(part, middle=False) for name, part in windows.items()}
        model = {name: values[:, 0] for name, values in found.items()}
        probability = {name: values[:, 1] for name, values in found.items()}
        if not controls:
            return Scores(model=model, probability=probability)
        still = {name: self._model(part, middle=True) for name, part in windows.items()}
        return Scores(
            model=model,
            probability=probability,
            middle={name: values[:, 0] for name, values in still.items()},
            middle_probability={name: values[:, 1] for name, values in still.items()},
            brightness={name: brightness(part) for name, part in windows.items()},
            eye_band={name: brightness(part, band=EYE_BAND) for name, part in windows.items()},
            untrained=self._all_untrained(windows) if untrained else (),
        )

    def untrained_closure(self, windows: Mapping[str, Windows]) -> tuple[ByVideo, ...]:
        """What untrained networks give for the model's cue of eye closure at the middle sample of each window."""
        return self._all_untrained(windows, cue=True)

    def _model(self, windows: Windows, *, middle: bool) -> NDArray[np.float64]:
        def make() -> Arrays:
            parts = [np.zeros((0, 2))]
            for clips in batches(windows, middle=middle):
                output = self.engine.run(clips)
                parts.append(np.stack([output.score, fatigue_probability(output.logits)], axis=1).astype(np.float64))
            return {"scores": np.concatenate(parts)}

        made_from = (self.artefact.sha256, self.engine.name, repr(middle), windows.digest, _MODEL_CODE)
        return self._store.recall("scores", made_from, make)["scores"]

    def _all_untrained(self, windows: Mapping[str, Windows], *, cue: bool = False) -> tuple[ByVideo, ...]:
        found = []
        for seed in range(self._untrained):
            self._say(f"untrained network {seed + 1} of {self._untrained}")
            network = Untrained(self.artefact.config, seed, store=self._store, threads=self.threads)
            outputs = {name: network.outputs(part) for name, part in windows.items()}
            found.append({name: output["closure" if cue else "scores"] for name, output in outputs.items()})
        return tuple(found)


def brightness(windows: Windows, *, band: tuple[float, float, float, float] | None = None) -> NDArray[np.float64]:
    """(N,) mean of each window's pixels, 0 to 255, or of a part of them.

    Args:
        windows: N windows.
        band: Top, bottom, left and right as shares of the crop's side; None: all of it.
    """
    side = windows.frames.shape[1]
    top, bottom, left, right = (0, side, 0, side) if band is None else (round(share * side) for share in band)
    part = windows.frames[:, top:bottom, left:right]
    means = np.array([frame.mean() for frame in part], np.float64)
    return means[windows.index].mean(axis=1) if len(windows) else np.zeros(0)


class CueReader:
    """The cue of eye closure that a model gives frame by frame, if it does.

    Args:
        artefact: The model. Its configuration names its ``cues``, and its graph has an output ``cues`` (N, T, K).
        threads: Threads to compute with.
    """

    def __init__(self, artefact: Artefact, *, threads: int) -> None:
        self._place = closure_place(artefact.config)
        self._session: Any = None
        if self._place is not None:
            onnxruntime = import_onnxruntime()
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            options.log_severity_level = 4
            self._session = onnxruntime.InferenceSession(
                str(artefact.onnx_path), options, providers=["CPUExecutionProvider"]
            )

    @property
    def there(self) -> bool:
        """Whether the model gives that cue."""
        return self._place is not None

    def at_middle(self, windows: Windows, *, middle: bool = False) -> NDArray[np.float64]:
        """(N,) the cue at each window's middle sample (number T // 2); with ``middle`` of that frame repeated."""
        found = [np.zeros(0)]
        for clips in batches(windows, middle=middle):
            cues = self._session.run(["cues"], {"clip": clips})[0]
            found.append(cues[:, cues.shape[1] // 2, self._place].astype(np.float64))
        return np.concatenate(found)
