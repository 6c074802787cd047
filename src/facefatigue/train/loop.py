"""The training loop, from two lists of clips to a model folder."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from facefatigue.atomic import atomic_path, make_folder
from facefatigue.engine.interface import usable_threads
from facefatigue.errors import ConfigurationError, ModelError
from facefatigue.model.export import write_artefact
from facefatigue.model.network import FatigueNet
from facefatigue.model.weights import load_network, save_weights
from facefatigue.train.auxiliary import AuxiliaryHead
from facefatigue.train.batches import batches, training_order, validation_order
from facefatigue.train.card import card_metrics, card_text
from facefatigue.train.checkpoint import (
    BEST_FILE,
    MODEL_FOLDER,
    RunState,
    load_state,
    refuse_started,
    save_state,
    write_log,
    write_settings,
)
from facefatigue.train.data import read_lists
from facefatigue.train.losses import fatigue_loss
from facefatigue.train.metrics import ScoreFigures, score_figures

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from facefatigue.model.artefact import Artefact
    from facefatigue.train.checkpoint import LogRow
    from facefatigue.train.data import ClipList
    from facefatigue.train.settings import TrainSettings

# A step of width 16 at 32 × 112 × 112 px, 16 clips and 2 CPU threads takes 1.23 s with channels last, 1.67 s without.
MEMORY_FORMAT = torch.channels_last_3d


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """What a run came to.

    Attributes:
        artefact: The model folder with the best weights.
        best: The log row of the best epoch.
        rows: The log, one row for each epoch.
    """

    artefact: Artefact
    best: LogRow
    rows: tuple[LogRow, ...]


def train(
    train_list: str | Path,
    validation_list: str | Path,
    out: str | Path,
    settings: TrainSettings,
    *,
    resume: bool = False,
    device: str = "cpu",
    on_batch: Callable[[int, int, int, float], None] | None = None,
    on_epoch: Callable[[LogRow], None] | None = None,
) -> TrainResult:
    """Train a network in float32, and write it as a model folder.

    The recipe is that of arXiv:2104.10420: Adam, the rate × 0.2 at one third and two thirds of the epochs, validation
    after every epoch. The weights with the lowest validation loss are kept. A run that is stopped can be resumed; on the
    CPU with the same number of threads it then ends with the same weights, bit for bit. torch's generators are left as
    they were found.

    Args:
        train_list: A manifest.csv or its folder; see :func:`facefatigue.train.data.read_lists`.
        validation_list: Another, with other subjects.
        out: Folder for settings.json, log.csv, last.pt, best.safetensors and the model folder ``model``; it is made.
        settings: All hyper-parameters.
        resume: Continue the run that is in ``out``.
        device: "cpu", or "cuda" and the like.
        on_batch: Called after every training batch with the epoch (from 1), the clips done, all clips, and the mean loss.
        on_epoch: Called after every epoch with its row of the log.

    Returns:
        The model folder and the figures.

    Raises:
        ConfigurationError: Lists, device or folder cannot be used; all faults of the lists at once.
        ModelError: The loss or the gradient is not finite, or a training state is damaged.
        OutputError: A file cannot be written.
        MissingExtraError: onnx or safetensors is not installed.
    """
    train_clips, validation_clips = read_lists(train_list, validation_list, settings)
    place = _device(device)
    folder = Path(out)
    lists = {"train_list": train_clips.fingerprint, "validation_list": validation_clips.fingerprint}
    identity = {**settings.decisive(), **lists}
    if not resume:
        refuse_started(folder)
    state = load_state(folder, identity) if resume else None
    make_folder(folder)
    write_settings({**dataclasses.asdict(settings), **lists}, folder)

    threads = torch.get_num_threads()
    torch.set_num_threads(usable_threads(settings.threads))
    cuda = [place] if place.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=cuda):
            rows = _epochs(
                train_clips=train_clips,
                validation_clips=validation_clips,
                folder=folder,
                settings=settings,
                identity=identity,
                state=state,
                device=place,
                on_batch=on_batch,
                on_epoch=on_epoch,
            )
    finally:
        torch.set_num_threads(threads)

    best = best_row(rows)
    config = settings.model_config(card_metrics(best))
    network = load_network(config, folder / BEST_FILE)
    card = card_text(settings, train_clips, validation_clips, rows, best)
    result = write_artefact(network, config, folder / MODEL_FOLDER, card)
    return TrainResult(artefact=result.artefact, best=best, rows=tuple(rows))


def _epochs(
    *,
    train_clips: ClipList,
    validation_clips: ClipList,
    folder: Path,
    settings: TrainSettings,
    identity: dict[str, object],
    state: RunState | None,
    device: torch.device,
    on_batch: Callable[[int, int, int, float], None] | None,
    on_epoch: Callable[[LogRow], None] | None,
) -> list[LogRow]:
    torch.manual_seed(settings.seed)
    network = FatigueNet(settings.model_config({})).to(device)
    network.to(memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]  # missing in torch's stubs
    # Built after the network, whose first weights therefore do not depend on it.
    head = AuxiliaryHead(network.features.in_features, train_clips.auxiliary).to(device) if settings.auxiliary else None
    parameters = [*network.parameters(), *([] if head is None else head.parameters())]
    optimiser = torch.optim.Adam(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    rows: list[LogRow] = []
    if state is not None:
        network.load_state_dict(state.network)
        if head is not None:
            head.load_state_dict(state.auxiliary)
        optimiser.load_state_dict(state.optimiser)
        _set_random_state(state.random, device)
        rows = state.rows
        write_log(rows, folder)  # an interrupt may have come between the state and its log

    for epoch in range(len(rows), settings.epochs):
        if out_of_patience(rows, settings.patience):
            break
        started = time.monotonic()
        for group in optimiser.param_groups:
            group["lr"] = settings.rate(epoch)

        def after_batch(done: int, loss: float, epoch: int = epoch) -> None:
            if on_batch is not None:
                on_batch(epoch + 1, done, len(train_clips), loss)

        train_loss = train_epoch(
            network, head, optimiser, train_clips, settings=settings, epoch=epoch, device=device, after_batch=after_batch
        )
        validation_loss, figures = validate(network, validation_clips, settings, device)
        row: LogRow = {
            "epoch": epoch + 1,
            "learning_rate": settings.rate(epoch),
            "train_loss": train_loss,
            "validation_loss": validation_loss,
            **{f"validation_{name}": value for name, value in dataclasses.asdict(figures).items()},
            "seconds": round(time.monotonic() - started, 1),
        }
        rows.append(row)
        if best_row(rows) is row:
            with atomic_path(folder / BEST_FILE) as path:
                save_weights(network, path)
        state = RunState(
            identity=identity,
            epoch=epoch + 1,
            rows=rows,
            network=network.state_dict(),
            auxiliary={} if head is None else head.state_dict(),
            optimiser=optimiser.state_dict(),
            random=_random_state(device),
        )
        save_state(state, folder)
        if on_epoch is not None:
            on_epoch(row)
    return rows


def train_epoch(
    network: FatigueNet,
    auxiliary: AuxiliaryHead | None,
    optimiser: torch.optim.Optimizer,
    clips: ClipList,
    *,
    settings: TrainSettings,
    epoch: int,
    device: torch.device,
    after_batch: Callable[[int, float], None],
) -> float:
    """One pass over the training clips.

    Args:
        network: Is changed, and left in training mode.
        auxiliary: Reads the auxiliary targets, and is changed; None without them.
        optimiser: Has the parameters of both and the epoch's rate.
        clips: The training list.
        settings: Gives batch size, seed, augmentation and the losses.
        epoch: From 0.
        device: Where the network is.
        after_batch: Called with the clips done and the mean loss so far.

    Returns:
        The mean loss over all clips, without the auxiliary one, each measured just before the step it caused.

    Raises:
        ModelError: The loss or the norm of the gradient is not finite; the weights are those before that step.
    """
    network.train()
    order = training_order(len(clips), batch_size=settings.batch_size, seed=settings.seed, epoch=epoch)
    augmented_with = (settings.seed, epoch) if settings.augment else None
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    done, total = 0, 0.0
    for number, batch in enumerate(batches(clips, order, augmented_with=augmented_with), start=1):
        clip, target = _on_device(batch.clip, device), torch.from_numpy(batch.score).to(device)  # (N, 3, T, H, W), (N,)
        pooled = network.pooled(clip)  # (N, 8e·w)
        logits = network.classify(pooled)  # (N, classes)
        loss = fatigue_loss(logits, network.score(logits), target, alpha=settings.loss_alpha).total  # ()
        total_loss = loss
        if auxiliary is not None:
            further = torch.from_numpy(batch.auxiliary).to(device)  # (N, K)
            total_loss = loss + settings.auxiliary_weight * auxiliary.loss(pooled, further)  # ()
        optimiser.zero_grad(set_to_none=True)
        total_loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])  # ()
        loss_value = float(loss.detach())
        _refuse_non_finite(float(total_loss.detach()), float(norm), epoch=epoch, batch=number)
        optimiser.step()
        done += len(batch.score)
        total += loss_value * len(batch.score)
        after_batch(done, total / done)
    return total / done


@torch.no_grad()
def validate(
    network: FatigueNet, clips: ClipList, settings: TrainSettings, device: torch.device
) -> tuple[float, ScoreFigures]:
    """Loss and figures over all clips of a list, the last partial batch included.

    Args:
        network: Left in evaluation mode.
        clips: The validation list.
        settings: Gives batch size and the loss.
        device: Where the network is.

    Returns:
        The mean loss, and figures of the scores.

    Raises:
        ModelError: The loss is not finite.
    """
    network.eval()
    order = validation_order(len(clips), batch_size=settings.batch_size)
    logits_parts, score_parts = [], []
    for batch in batches(clips, order, augmented_with=None):
        logits, score = network(_on_device(batch.clip, device))  # (N, classes), (N,)
        logits_parts.append(logits.cpu())
        score_parts.append(score.cpu())
    logits, score = torch.cat(logits_parts), torch.cat(score_parts)  # (clips, classes), (clips,)
    loss = float(fatigue_loss(logits, score, torch.from_numpy(clips.scores), alpha=settings.loss_alpha).total)
    if not math.isfinite(loss):
        raise ModelError(f"training stopped: the validation loss is {loss}; try a lower learning rate")
    return loss, score_figures(score.numpy(), clips.scores)


def best_row(rows: list[LogRow]) -> LogRow:
    """The row of the lowest validation loss; the first of equals."""
    return min(rows, key=_validation_loss)


def out_of_patience(rows: list[LogRow], patience: int) -> bool:
    """Whether the validation loss has not got lower for ``patience`` epochs in a row."""
    if not rows:
        return False
    best = rows.index(best_row(rows))
    return len(rows) - 1 - best >= patience


def _validation_loss(row: LogRow) -> float:
    loss = row["validation_loss"]
    return math.inf if loss is None else float(loss)


def _refuse_non_finite(loss: float, norm: float, *, epoch: int, batch: int) -> None:
    for what, value in (("loss", loss), ("norm of the gradient", norm)):
        if not math.isfinite(value):
            raise ModelError(
                f"training stopped: the {what} is {value} in epoch {epoch + 1}, batch {batch}; try a lower learning rate"
            )


def _on_device(clip: NDArray[np.float32], device: torch.device) -> torch.Tensor:
    return torch.from_numpy(clip).to(device).contiguous(memory_format=MEMORY_FORMAT)  # (N, 3, T, H, W)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigurationError(f"there is no device called {name!r}; use cpu or cuda") from None
    if device.type not in {"cpu", "cuda"} or (device.type == "cuda" and not torch.cuda.is_available()):
        raise ConfigurationError(f"device {name!r} is not available to torch {torch.__version__}; use cpu")
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def _random_state(device: torch.device) -> dict[str, torch.Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def _set_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
