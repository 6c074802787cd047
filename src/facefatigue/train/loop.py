"""A training run, from two lists of clips to a model folder."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from facefatigue.atomic import atomic_path, make_folder
from facefatigue.engine.interface import usable_threads
from facefatigue.errors import ConfigurationError
from facefatigue.locks import only_run_in
from facefatigue.model.export import write_artefact
from facefatigue.model.logits import fatigue_probability
from facefatigue.model.weights import load_network, save_weights
from facefatigue.train.auxiliary import AuxiliaryHead
from facefatigue.train.card import card_metrics, card_text
from facefatigue.train.checkpoint import (
    BEST_FILE,
    CURVES_FILE,
    MODEL_FOLDER,
    SETTINGS_FILE,
    RunState,
    load_state,
    refuse_started,
    save_state,
    write_log,
)
from facefatigue.train.curves import draw_curves
from facefatigue.train.epoch import Sums, Task, train_epoch, validate
from facefatigue.train.lists import checked_lists, checked_people, frame_statistics
from facefatigue.train.log import Board, best_row, log_row, out_of_patience, validation_figures
from facefatigue.train.parallel import gathered, make_fabric, processes_here, share_batch_norm
from facefatigue.train.people import write_people
from facefatigue.train.presets import to_toml
from facefatigue.train.readings import read_frames
from facefatigue.train.start import first_network, frame_head, starts_from_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lightning_fabric import Fabric

    from facefatigue.data.clip_list import ClipList
    from facefatigue.model.artefact import Artefact
    from facefatigue.train.checkpoint import LogRow
    from facefatigue.train.frames import FrameStatistics
    from facefatigue.train.lists import Lists
    from facefatigue.train.readings import KeptReadings, Readings
    from facefatigue.train.settings import TrainSettings

# A step of width 16 at 32 × 112 × 112 px, 16 clips and 2 CPU threads takes 1.23 s with channels last, 1.67 s without.
MEMORY_FORMAT = torch.channels_last_3d


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """What a run came to.

    Attributes:
        artefact: The model folder with the best weights; None in all processes but the first.
        best: The log row of the best epoch.
        rows: The log, one row for each epoch.
    """

    artefact: Artefact | None
    best: LogRow
    rows: tuple[LogRow, ...]


def train(
    train_list: str | Path | ClipList,
    validation_list: str | Path | ClipList,
    out: str | Path,
    settings: TrainSettings,
    *,
    resume: bool = False,
    device: str = "auto",
    devices: int = 1,
    kept: KeptReadings | None = None,
    on_batch: Callable[[int, int, int, float], None] | None = None,
    on_epoch: Callable[[LogRow], None] | None = None,
) -> TrainResult:
    """Train a network, and write it as a model folder.

    The weights with the lowest validation loss are kept. A run that is stopped can be resumed; on the CPU with the same
    number of threads it then ends with the same weights, bit for bit. torch's generators are left as they were found.

    Args:
        train_list: A manifest of clips or its folder (:func:`facefatigue.data.clip_list.read_lists`), or one already read.
        validation_list: Another, with other subjects.
        out: Folder for settings.toml, log.csv, curves.png, tensorboard, last.pt, best.safetensors and the model folder
            ``model``; it is made.
        settings: All hyper-parameters.
        resume: Continue the run that is in ``out``.
        device: "auto", "cpu" or "cuda".
        devices: Processes on this machine, each with a device of its own. Inside torchrun its numbers count.
        kept: What earlier trainings read of frames that stay as they are; this one adds to it. None: nothing is kept.
        on_batch: Called after every step with the epoch (from 1), the clips done, all clips, and the mean loss so far.
        on_epoch: Called after every epoch with its row of the log.

    Returns:
        The model folder and the figures.

    Raises:
        ConfigurationError: Lists, device or folder cannot be used; all faults of the lists at once.
        ModelError: The loss or the gradient is not finite, or a training state or the first weights are damaged.
        OutputError: A file cannot be written.
        MissingExtraError: lightning-fabric, tensorboardX, onnx or safetensors is not installed.
    """
    lists = checked_lists(train_list, validation_list, settings)
    fabric = make_fabric(device=device, devices=devices, precision=settings.precision)
    folder = Path(out)
    if not resume:
        refuse_started(folder)
    fabric.launch()
    if len(lists[0]) < 2 * fabric.world_size:
        raise ConfigurationError(
            f"{len(lists[0])} training clips are too few for {fabric.world_size} processes, which need two each"
        )
    prints = {"train_list": lists[0].fingerprint, "validation_list": lists[1].fingerprint}
    if settings.auxiliary:
        prints["auxiliary_targets"] = hashlib.sha256(lists[0].auxiliary.tobytes()).hexdigest()
    statistics = frame_statistics(lists, settings)
    if statistics is not None:
        prints |= {f"{side}_frames": own.sha256 for side, own in zip(("training", "validation"), statistics, strict=True)}
    identity = {**settings.decisive(), **prints, "processes": fabric.world_size}
    state = load_state(folder, identity) if resume else None
    if state is not None:  # the first weights are what they were, and who shaped them is written down
        settings = dataclasses.replace(settings, init=state.init[0])
    elif settings.freeze and not starts_from_model(settings):
        raise ConfigurationError(f"freeze is {settings.freeze!r}, but init names no model whose weights could stay")
    elif settings.init_part != "all" and not starts_from_model(settings):
        raise ConfigurationError(f"init_part is {settings.init_part!r}, but init names no model to take it from")
    people = None if state is not None else checked_people(lists, settings)
    fabric.barrier()  # nobody writes before all have looked
    threads = torch.get_num_threads()
    torch.set_num_threads(_threads(settings))
    cuda = [fabric.device] if fabric.device.type == "cuda" else []
    try:
        with _only_run(folder, fabric), torch.random.fork_rng(devices=cuda):
            run = _Run(
                fabric,
                lists,
                folder,
                settings,
                statistics=None if statistics is None else statistics[0],
                state=state,
                identity=identity,
                kept=kept,
                on_batch=on_batch,
                on_epoch=on_epoch,
            )
            if fabric.is_global_zero and people is not None:
                write_people(folder, people)
            run.begin()
            if fabric.is_global_zero:
                _write_settings(settings, lists, folder, identity)
            rows, origin = run.go()
            best = best_row(rows, settings.keep_best)
            artefact = _write_model(folder, settings, lists, rows, origin) if fabric.is_global_zero else None
            fabric.barrier()
    finally:
        torch.set_num_threads(threads)
    return TrainResult(artefact=artefact, best=best, rows=tuple(rows))


@contextmanager
def _only_run(folder: Path, fabric: Fabric) -> Iterator[None]:
    """Hold the folder in the first process; all others hear whether that went well."""
    problem: ConfigurationError | None = None
    with ExitStack() as stack:
        if fabric.is_global_zero:
            try:
                stack.enter_context(only_run_in(folder))
            except ConfigurationError as error:
                problem = error
        said = fabric.broadcast("" if problem is None else str(problem))
        if said:
            raise problem or ConfigurationError(said)
        yield


def _threads(settings: TrainSettings) -> int:
    return settings.threads or max(usable_threads(None) // processes_here(), 1)


def _write_settings(settings: TrainSettings, lists: Lists, folder: Path, identity: dict[str, Any]) -> None:
    make_folder(folder)
    comments = {
        "training list": f"{lists[0]}, {len(lists[0])} clips of {len(lists[0].subjects)} subjects, {lists[0].fingerprint}",
        "validation list": f"{lists[1]}, {len(lists[1])} clips of {len(lists[1].subjects)} subjects, {lists[1].fingerprint}",
        "processes": str(identity["processes"]),
    }
    with atomic_path(folder / SETTINGS_FILE) as path:
        path.write_text(to_toml(settings, comments=comments), encoding="utf-8")


def _write_model(folder: Path, settings: TrainSettings, lists: Lists, rows: list[LogRow], origin: str) -> Artefact:
    best = best_row(rows, settings.keep_best)
    config = settings.model_config(card_metrics(best))
    network = load_network(config, folder / BEST_FILE)
    card = card_text(settings, lists, rows, best, origin=origin)
    return write_artefact(network, config, folder / MODEL_FOLDER, card).artefact


class _Run:
    """A run under way: what is trained, and where it stands."""

    def __init__(
        self,
        fabric: Fabric,
        lists: Lists,
        folder: Path,
        settings: TrainSettings,
        *,
        statistics: FrameStatistics | None,
        state: RunState | None,
        identity: dict[str, Any],
        kept: KeptReadings | None,
        on_batch: Callable[[int, int, int, float], None] | None,
        on_epoch: Callable[[LogRow], None] | None,
    ) -> None:
        self._fabric = fabric
        self._train, self._validation = lists
        self._folder = folder
        self._settings = settings
        self._identity = identity
        self._kept = kept
        self._on_batch = on_batch
        self._on_epoch = on_epoch
        # What a run started from is not needed any more to go on with it.
        drawn = dataclasses.replace(settings, init="")
        network, self._origin = first_network(settings if state is None else drawn)
        self._best: dict[str, torch.Tensor] = {}
        # Built after the network, whose first weights therefore do not depend on it.
        auxiliary = None
        if settings.auxiliary:
            auxiliary = AuxiliaryHead(network.features.in_features, self._train.auxiliary)
        frames = None if statistics is None else frame_head(network, statistics, settings)
        network = share_batch_norm(network, fabric)  # type: ignore[assignment]
        self.task = Task(
            network, auxiliary, frames, scores=settings.score_weight > 0, frozen=settings.freeze == "frames"
        ).to(fabric.device)
        self.task.to(memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]  # missing in torch's stubs
        kind = torch.optim.Adam if settings.optimiser == "adam" else torch.optim.AdamW
        self.optimiser = kind(
            [parameter for parameter in self.task.parameters() if parameter.requires_grad],
            lr=settings.learning_rate,
            betas=(settings.momentum, 0.999),
            weight_decay=settings.weight_decay,
        )
        torch.manual_seed(settings.seed + fabric.global_rank)  # of the dropout
        self._rows, self._started = self._take_up(state)
        self._readings: tuple[Readings | None, Readings | None] = None, None

    def begin(self) -> None:
        """Save the state of a new run, from where on it can be resumed, whatever happens."""
        if not self._rows and self._started is None:
            self._save(self._rows)

    def go(self) -> tuple[list[LogRow], str]:
        """Train to the end; returns the log, and where the first weights came from."""
        rows, started = self._rows, self._started
        compiled = torch.compile(self.task) if self._settings.compile else self.task
        wrapped, optimiser = self._fabric.setup(compiled, self.optimiser, move_to_device=False)  # type: ignore[arg-type]
        first = self._fabric.is_global_zero
        if self._settings.freeze == "frames" and self._settings.augmentation == "none":
            self.task.eval()
            self._readings = self._read(self._train), self._read(self._validation) if self._settings.validate else None
        with Board(self._folder, epochs=len(rows)) if first else nullcontext() as board:
            for epoch in range(len(rows), self._settings.epochs):
                if out_of_patience(rows, self._settings.patience):
                    break
                row = self._epoch(wrapped, optimiser, epoch, rows, started)
                started = None
                rows.append(row)
                self._keep(rows)
                self._save(rows)
                if first and board is not None:
                    self._write_best()
                    write_log(rows, self._folder)
                    draw_curves(rows, self._folder / CURVES_FILE, title=self._title())
                    board.add(row)
                    if self._on_epoch is not None:
                        self._on_epoch(row)
        return rows, self._origin

    def _read(self, clips: ClipList) -> Readings:
        read = read_frames if self._kept is None else self._kept.read
        return read(self.task.network, clips, settings=self._settings, fabric=self._fabric)

    def _take_up(self, state: RunState | None) -> tuple[list[LogRow], RunState | None]:
        if state is None:
            return [], None
        self.task.network.load_state_dict(state.network)
        if self.task.auxiliary is not None:
            self.task.auxiliary.load_state_dict(state.auxiliary)
        if self.task.frames is not None:
            self.task.frames.load_state_dict(state.frames)
        self.optimiser.load_state_dict(state.optimiser)
        scaler = getattr(self._fabric.strategy.precision, "load_state_dict", None)
        if scaler is not None and state.scaler:
            scaler(state.scaler)
        _set_random_state(state.random[self._fabric.global_rank], self._fabric.device)
        self._best, self._origin = state.best, state.init[1]
        if self._fabric.is_global_zero:  # an interrupt may have come between the state and the files that follow from it
            write_log(state.rows, self._folder)
            self._write_best()
        return state.rows, state if state.batches else None

    def _epoch(self, wrapped: Any, optimiser: Any, epoch: int, rows: list[LogRow], started: RunState | None) -> LogRow:
        settings, begun = self._settings, time.monotonic()
        before_s = 0.0 if started is None else started.seconds
        saved = begun

        def after_step(done: int, sums: Sums) -> None:
            nonlocal saved
            if self._on_batch is not None and self._fabric.is_global_zero:
                shown = sums.loss if settings.score_weight else sums.frames
                self._on_batch(epoch + 1, int(sums.clips), len(self._train), shown / sums.clips)
            due = time.monotonic() - saved > 60 * settings.checkpoint_minutes
            if self._fabric.broadcast(due):  # all save or none does: the first one's clock counts
                self._save(rows, batches=done, sums=sums, seconds=before_s + time.monotonic() - begun)
                saved = time.monotonic()

        sums = train_epoch(
            self.task,
            wrapped,
            optimiser,
            self._train,
            settings=settings,
            fabric=self._fabric,
            epoch=epoch,
            start=0 if started is None else started.batches,
            sums=None if started is None else Sums(*started.sums),
            readings=self._readings[0],
            after_step=after_step,
        )
        loss = figures = frames = None
        if settings.validate:
            found = validate(self.task, self._validation, settings=settings, fabric=self._fabric, readings=self._readings[1])
            loss, frames = found.loss, found.frames
            if found.logits is not None and found.scores is not None:
                probability = fatigue_probability(found.logits.numpy())
                figures = validation_figures(found.scores.numpy(), probability, self._validation.scores)
        return log_row(
            epoch=epoch + 1,
            settings=settings,
            sums=sums,
            loss=loss,
            figures=figures,
            frames=frames,
            seconds=before_s + time.monotonic() - begun,
        )

    def _keep(self, rows: list[LogRow]) -> None:
        if best_row(rows, self._settings.keep_best) is rows[-1]:
            weights = self.task.network.state_dict()
            self._best = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}

    def _write_best(self) -> None:
        if self._best:
            with atomic_path(self._folder / BEST_FILE) as path:
                save_weights(self._best, path)

    def _save(self, rows: list[LogRow], *, batches: int = 0, sums: Sums | None = None, seconds: float = 0.0) -> None:
        random = gathered(_random_state(self._fabric.device), self._fabric)
        if not self._fabric.is_global_zero:
            return
        scaler: dict[str, Any] = getattr(self._fabric.strategy.precision, "state_dict", dict)()
        state = RunState(
            identity=self._identity,
            epoch=len(rows),
            batches=batches,
            sums=[] if sums is None else list(dataclasses.astuple(sums)),
            seconds=seconds,
            rows=rows,
            network=self.task.network.state_dict(),
            auxiliary={} if self.task.auxiliary is None else self.task.auxiliary.state_dict(),
            frames={} if self.task.frames is None else self.task.frames.state_dict(),
            optimiser=self.optimiser.state_dict(),
            scaler=scaler,
            best=self._best,
            init=(self._settings.init, self._origin),
            random=random,
        )
        save_state(state, self._folder)

    def _title(self) -> str:
        people = len(self._train.subjects), len(self._validation.subjects)
        return f"{self._settings.name}: {people[0]} people to train on, {people[1]} others to validate"


def _random_state(device: torch.device) -> dict[str, torch.Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def _set_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
