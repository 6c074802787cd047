"""From a torch network to a model folder: the ONNX graph, checked against torch, and the folder, written whole or not."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import os
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from facefatigue.errors import ConfigurationError, MissingExtraError, ModelError, OutputError
from facefatigue.model.artefact import (
    ARTEFACT_FILES,
    CARD_FILE,
    CONFIG_FILE,
    ONNX_FILE,
    SAFETENSORS_FILE,
    Artefact,
    artefact_folder,
    load_artefact,
)
from facefatigue.model.config import ModelConfig
from facefatigue.model.weights import load_network, save_weights
from facefatigue.offline import import_onnxruntime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from facefatigue.model.network import FatigueNet

OPSET = 17
TOLERANCE = 1e-3
CHECKED_BATCHES = (1, 3)
_PROVENANCE = frozenset({"name", "version", "licence", "training_data", "metrics", "frames", "size_px", "frame_rate_hz"})


@dataclass(frozen=True, kw_only=True)
class ExportCheck:
    """How far ONNX Runtime is from torch on the same random clips, in f32.

    Attributes:
        logits_difference: Largest absolute difference of a logit.
        score_difference: Largest absolute difference of a score.
        batches: Numbers of clips N that were run.
        cues_difference: Largest absolute difference of a cue; 0 where there are none.
    """

    logits_difference: float
    score_difference: float
    cues_difference: float = 0.0
    batches: tuple[int, ...] = CHECKED_BATCHES


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """A model folder that was written, and what its check measured."""

    artefact: Artefact
    check: ExportCheck


def write_artefact(network: FatigueNet, config: ModelConfig, folder: str | Path, card_text: str) -> ExportResult:
    """Write a model folder: config.json, model.safetensors, model.onnx, card.md.

    It is written beside its place, read back and checked, then renamed: there is never half a model folder. A model folder
    that is there already is replaced; a folder with anything else in it is left alone.

    Args:
        network: The network, on any device and in any mode; it is not changed.
        config: Its configuration, whose name, licence, metrics and input may differ from the network's own.
        folder: Where to write; folders above it are made.
        card_text: The model card, Markdown.

    Raises:
        ConfigurationError: The configuration describes another network.
        ModelError: The ONNX graph differs from torch by more than 1e-3, or the weights are not finite.
        OutputError: The folder holds other things or cannot be written.
        MissingExtraError: onnx or safetensors is not installed.
    """
    _check_same_network(network.config, config)
    final = Path(os.path.abspath(folder))  # noqa: PTH100  # Path.resolve would follow a link to the folder that it names
    _refuse_foreign(final)
    with _written_beside(final) as partial:
        config.write(partial / CONFIG_FILE)
        (partial / CARD_FILE).write_text(card_text, encoding="utf-8")
        save_weights(network, partial / SAFETENSORS_FILE)
        reread = load_network(config, partial / SAFETENSORS_FILE)
        check = export_onnx(reread, config, partial / ONNX_FILE)
        load_artefact(partial)
    return ExportResult(artefact=load_artefact(Path(folder)), check=check)


def export_again(name_or_path: str | Path, out: str | Path | None = None) -> ExportResult:
    """Make a model's ONNX file again from its safetensors, and check it; the ONNX file that is there is not read.

    Args:
        name_or_path: Name of a shipped model or path of a model folder.
        out: Folder to write; None: in place.

    Raises:
        ModelError: The model cannot be read, or the new graph differs from torch.
        OutputError: The folder cannot be written.
        MissingExtraError: onnx or safetensors is not installed.
    """
    folder = artefact_folder(name_or_path)
    config = ModelConfig.read(folder / CONFIG_FILE)
    network = load_network(config, folder / SAFETENSORS_FILE)
    try:
        card_text = (folder / CARD_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder / CARD_FILE} cannot be read: {error}") from None
    return write_artefact(network, config, folder if out is None else out, card_text)


def export_onnx(network: FatigueNet, config: ModelConfig, path: Path) -> ExportCheck:
    """Write a network as ONNX and compare ONNX Runtime with torch.

    Args:
        network: The network; a copy on the CPU in evaluation mode is exported.
        config: Gives the clip's size (T, H, W), which is fixed in the graph; N is free. A network that reads cues has a
            third output ``cues`` (N, T, K).
        path: The file to write.

    Returns:
        The largest differences, each at most 1e-3.

    Raises:
        ModelError: The graph cannot be made, or differs by more than 1e-3.
        OutputError: The file cannot be written.
        MissingExtraError: onnx is not installed.
    """
    try:
        import onnx  # noqa: F401  # torch's exporter needs it
    except ImportError:
        raise MissingExtraError("ONNX export", "train") from None
    network = copy.deepcopy(network).cpu().float().eval()
    outputs = output_names(config)
    clip = torch.zeros(1, *config.clip_shape)
    try:
        with warnings.catch_warnings():
            # This form of the exporter is announced as old, but needs no onnxscript and folds batch norm into convolutions.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _Outputs(network).eval() if "cues" in outputs else network,
                (clip,),
                path,
                dynamo=False,
                opset_version=OPSET,
                input_names=["clip"],
                output_names=outputs,
                dynamic_axes={name: {0: "N"} for name in ("clip", *outputs)},
            )
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}") from None
    except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
        raise ModelError(f"the network cannot be exported to ONNX: {str(error).splitlines()[0]}") from error
    return compare_with_torch(network, config, path)


def compare_with_torch(network: FatigueNet, config: ModelConfig, onnx_path: Path) -> ExportCheck:
    """Run the same random clips through an ONNX file and a network, in f32.

    Args:
        network: The network, on the CPU in evaluation mode.
        config: Gives the clip's size.
        onnx_path: The graph.

    Returns:
        The largest differences.

    Raises:
        ModelError: The graph cannot be run, gives other shapes, or differs by more than 1e-3.
    """
    onnxruntime = import_onnxruntime()

    random = np.random.default_rng(0)
    names = output_names(config)
    differences: dict[str, list[float]] = {name: [] for name in names}
    for batch in CHECKED_BATCHES:
        clip = random.uniform(-1, 1, (batch, *config.clip_shape)).astype(np.float32)
        run = network.forward_with_cues if "cues" in names else network
        with torch.inference_mode():
            expected = [output.numpy() for output in run(torch.from_numpy(clip))]
        try:
            session = onnxruntime.InferenceSession(onnx_path, providers=["CPUExecutionProvider"])
            found = session.run(names, {"clip": clip})
        except Exception as error:  # ONNX Runtime's errors have no common type but this
            raise ModelError(f"{onnx_path} cannot be run: {str(error).splitlines()[0]}") from error
        if any(ours.shape != theirs.shape for ours, theirs in zip(expected, found, strict=True)):
            shapes = ", ".join(f"{name} {output.shape}" for name, output in zip(names, found, strict=True))
            raise ModelError(f"{onnx_path} gives {shapes} for {batch} clips")
        for name, ours, theirs in zip(names, expected, found, strict=True):
            differences[name].append(float(np.abs(theirs - ours).max()))
    largest = {name: float(np.max(values)) for name, values in differences.items()}
    if not all(value <= TOLERANCE for value in largest.values()):  # also if not a number
        said = " and ".join(f"{value:.2g} in the {name}" for name, value in largest.items())
        raise ModelError(f"{onnx_path} differs from torch by {said}, more than {TOLERANCE:g}")
    return ExportCheck(
        logits_difference=largest["logits"],
        score_difference=largest["score"],
        cues_difference=largest.get("cues", 0.0),
    )


def output_names(config: ModelConfig) -> list[str]:
    """What a network's graph gives, in order.

    Args:
        config: Its configuration.
    """
    return ["logits", "score", *(["cues"] if config.cues else [])]


class _Outputs(torch.nn.Module):
    """A network that gives its cues, too."""

    def __init__(self, network: FatigueNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, clip: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.network.forward_with_cues(clip)


def _check_same_network(built: ModelConfig, described: ModelConfig) -> None:
    built_as, described_as = dataclasses.asdict(built), dataclasses.asdict(described)
    faults = [
        f"{key} is {described_as[key]!r} but the network has {value!r}"
        for key, value in built_as.items()
        if key not in _PROVENANCE and described_as[key] != value
    ]
    if faults:
        raise ConfigurationError("the configuration describes another network: " + "; ".join(faults))


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; a model is a folder")
    if not folder.is_dir():
        return
    try:
        foreign = sorted(path.name for path in folder.iterdir() if path.name not in ARTEFACT_FILES or not path.is_file())
    except OSError as error:
        raise OutputError(f"{folder} cannot be read: {error.strerror or error}") from None
    if foreign:
        raise OutputError(
            f"{folder} is not replaced: it holds other things ({', '.join(foreign[:3])}); choose another folder"
        )


@contextlib.contextmanager
def _written_beside(final: Path) -> Iterator[Path]:
    """A new folder beside ``final`` that takes its place at the end, or vanishes if anything goes wrong."""
    with _as_output_error(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent))
    try:
        partial = beside / "new"
        with _as_output_error(final):
            partial.mkdir()  # unlike the folder around it, with the user's usual permissions
            yield partial
            if final.is_dir():
                final.rename(beside / "old")
            try:
                partial.rename(final)
            except BaseException:  # an interrupt, too, must not cost the model that was there
                if (beside / "old").is_dir():
                    (beside / "old").rename(final)
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextlib.contextmanager
def _as_output_error(final: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{final} cannot be written: {error.strerror or error}") from None
