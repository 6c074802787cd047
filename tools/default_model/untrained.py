"""Networks of the model's architecture that have learnt nothing: what random features of a face tell.

A network that looks at each frame by itself first (``resnet2d_cues``) sees every frame of a video once, however many windows
share it; any other takes whole windows.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from default_model.store import code_digest
from facefatigue.clips import clip_from_crops
from facefatigue.data.frame_targets import places_of
from facefatigue.model.network import FatigueNet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from default_model.store import Arrays, Store
    from default_model.windows import Windows
    from facefatigue.model.config import ModelConfig

CLOSURE_CUE = "closure"
_BATCH = 8
_FRAMES = 64
_CODE = code_digest(
    *("clips/normalise.py", "data/frame_targets.py", "default_model/untrained.py"),
    *(f"model/{name}.py" for name in ("network", "blocks", "cues", "frame_attention", "non_local")),
)


def closure_place(config: ModelConfig) -> int | None:
    """Where the cue of eye closure stands among a network's cues; None where it gives none."""
    names = tuple(config.cues)
    return places_of(names)[CLOSURE_CUE].start if CLOSURE_CUE in names else None


def batches(windows: Windows, *, middle: bool = False) -> Iterator[NDArray[np.float32]]:
    """Clips of at most 8 windows at a time, (n, 3, T, S, S) float32; with ``middle`` their middle frame, repeated."""
    for start in range(0, len(windows), _BATCH):
        rows = windows.index[start : start + _BATCH]
        if middle:
            rows = np.repeat(rows[:, rows.shape[1] // 2, None], rows.shape[1], axis=1)
        yield np.stack([clip_from_crops(windows.frames[row]) for row in rows])


class Untrained:
    """One such network; torch's own random generator is left alone.

    Args:
        config: The model's configuration.
        seed: The weights follow from it.
        store: Where earlier work is kept.
        threads: Threads to compute with.
    """

    def __init__(self, config: ModelConfig, seed: int, *, store: Store, threads: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = FatigueNet(config).eval()
        digest = hashlib.sha256()
        for name, tensor in network.state_dict().items():
            digest.update(name.encode() + tensor.numpy().tobytes())
        self.weights_sha256 = digest.hexdigest()
        self._network: Any = network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._config = config
        self._store = store
        self._threads = threads

    def outputs(self, windows: Windows) -> Arrays:
        """What it says about windows.

        Args:
            windows: N windows.

        Returns:
            ``scores`` (N,) float64; ``closure`` (N,) float64, its cue at the middle sample, where it gives one.
        """
        form = repr((self._config.backbone, self._config.cues, self._config.temporal_input))
        made_from = (self.weights_sha256, form, windows.digest, _CODE)
        return self._store.recall("untrained", made_from, lambda: self._made(windows))

    def _made(self, windows: Windows) -> Arrays:
        torch.set_num_threads(self._threads)
        with torch.inference_mode():
            if self._config.backbone == "resnet2d_cues":
                return self._frame_by_frame(windows)
            parts = [self._network(_laid_out(clips))[1] for clips in batches(windows)]
        return {"scores": _joined(parts)}

    def _read(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        moments, cues = self._network.read(clip, self._network.maps(clip))
        return moments, cues

    def _frame_by_frame(self, windows: Windows) -> Arrays:
        network = self._network
        used, places = np.unique(windows.index, return_inverse=True)
        places = places.reshape(windows.index.shape)
        parts = [
            self._read(_laid_out(clip_from_crops(windows.frames[used[start : start + _FRAMES]])[None]))
            for start in range(0, len(used), _FRAMES)
        ]  # each (1, f, 4w) and (1, f, K)
        if not parts:
            return {"scores": np.zeros(0)} | ({"closure": np.zeros(0)} if self._config.cues else {})
        every_moment = torch.cat([moments for moments, _ in parts], dim=1)[0]  # (F, 4w)
        every_cue = torch.cat([cues for _, cues in parts], dim=1)[0]  # (F, K)
        scores, closure, place = [], [], closure_place(self._config)
        for start in range(0, len(places), _BATCH):
            rows = torch.from_numpy(places[start : start + _BATCH])  # (n, T)
            moments, cues = every_moment[rows], every_cue[rows]  # (n, T, 4w), (n, T, K)
            scores.append(network.score(network.classify(network.temporal(moments, cues))))  # (n,)
            if place is not None:
                closure.append(cues[:, cues.shape[1] // 2, place])
        return {"scores": _joined(scores)} | ({} if place is None else {"closure": _joined(closure)})


def _laid_out(clips: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(clips).contiguous(memory_format=torch.channels_last_3d)


def _joined(parts: list[Tensor]) -> NDArray[np.float64]:
    return np.concatenate([np.zeros(0), *(part.numpy().astype(np.float64) for part in parts)])
