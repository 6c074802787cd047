"""``facefatigue evaluate``: how good a model is, on people whose truth is known."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import platform
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue._version import __version__
from facefatigue.atomic import make_folder
from facefatigue.cli.progress import CountProgress
from facefatigue.errors import EXIT_OK, ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefatigue.data.clip_list import ClipList
    from facefatigue.data.manifest import Manifest
    from facefatigue.data.split import Split
    from facefatigue.engine import Engine
    from facefatigue.evaluate import Calibration, Evaluation, Predictions, Provenance
    from facefatigue.evaluate.provenance import Unit
    from facefatigue.model.artefact import Artefact

DESCRIPTION = """\
Measure a model on labelled clips (--clips, from `prepare` or `synth render`) or on labelled recordings (--videos, a
manifest of videos, scored as `predict` scores them). Clips that name their recording are evaluated one by one and, by mean
score and majority vote, recording by recording.

OUT gets a folder for each (clips, videos) with index.html, report.md, table.tex, evaluation.json, predictions.csv and the
pictures: confusion matrix, ROC, precision and recall, reliability, scores, errors by person. Every figure has a 95 %
interval by bootstrap over people. Column "Jaccard index" of the second table is what the paper (arXiv:2104.10420) calls
accuracy.

Nobody that the model was trained on may be among the people it is measured on: with --split only the part that is asked
for is used, and a model that lies in the folder of its run is checked against the people of that run."""

EPILOG = """\
examples:
  facefatigue evaluate runs/fold-1/model --clips clips --split split.json --fold 1 --out results/fold-1
  facefatigue evaluate runs/fold-1/model --clips clips --split split.json --calibrate temperature --by glasses,light --out r
  facefatigue evaluate facefatigue-v1 --videos my-videos/manifest.csv --out results/mine"""

DEFAULT_GROUPS = ("scenario", "glasses", "skin_tone", "light", "infrared")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "evaluate",
        help="how good a model is, with intervals, tables and pictures",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", help="name of a shipped model, or a model folder")
    what = parser.add_argument_group("on what")
    what.add_argument("--clips", type=Path, metavar="LIST", help="manifest of clips, or its folder")
    what.add_argument("--videos", type=Path, metavar="MANIFEST", help="manifest of recordings, or its folder")
    what.add_argument("--split", type=Path, metavar="FILE", help="who is on which side (facefatigue data split)")
    what.add_argument("--fold", type=int, default=1, metavar="N", help="fold of the split, from 1 (default: 1)")
    what.add_argument("--part", choices=("test", "validation", "train"), default="test", help="(default: %(default)s)")
    what.add_argument(
        "--people-seen",
        action="store_true",
        help="measure even on people the model was trained on, and say so in every output",
    )
    how = parser.add_argument_group("how")
    how.add_argument(
        "--by", type=_names, metavar="COLUMN,...",
        help=f"columns for tables by group (default: those of {', '.join(DEFAULT_GROUPS)} that there are)",
    )  # fmt: skip
    how.add_argument(
        "--calibrate", choices=("temperature", "isotonic"),
        help="also fit the probability on other people: the validation part of --split, or --calibrate-on",
    )  # fmt: skip
    how.add_argument("--calibrate-on", type=Path, metavar="LIST", help="clips of other people to fit it on")
    how.add_argument("--label-source", metavar="TEXT", help="what the true scores are (default: as the list says)")
    how.add_argument("--draws", type=int, default=2000, metavar="N", help="resamples of people (default: 2000)")
    how.add_argument("--seed", type=int, default=0, metavar="N", help="of the resamples (default: 0)")
    how.add_argument("--engine", default="auto", help="auto, onnxruntime, openvino or torch (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT", help="folder for the results")
    parser.add_argument("--overwrite", action="store_true", help="replace results of something else")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate, and print the main figures."""
    if (args.clips is None) == (args.videos is None):
        raise UsageError("give either --clips or --videos")
    if args.calibrate and args.split is None and args.calibrate_on is None:
        raise UsageError("--calibrate needs other people to fit on: give --split, or --calibrate-on LIST")
    if args.calibrate_on is not None and not args.calibrate:
        raise UsageError("--calibrate-on needs --calibrate temperature or isotonic")
    if args.calibrate and args.calibrate_on is None and args.part == "validation":
        raise UsageError("a calibration is fitted on the validation part, so it cannot be measured there; use --part test")
    check_draws(args.draws, args.seed)
    from facefatigue.data.split import read_split
    from facefatigue.model.artefact import load_artefact

    artefact = load_artefact(args.model)
    split = None if args.split is None else read_split(args.split)
    _check_out(args, artefact, split)
    if args.clips is not None:
        return _on_clips(args, artefact, split)
    return _on_videos(args, artefact, split)


def check_draws(draws: int, seed: int) -> None:
    """Refuse numbers of the bootstrap that make no sense, before anything is computed.

    Raises:
        UsageError: Fewer than one draw, or a seed below 0.
    """
    if draws < 1 or seed < 0:
        raise UsageError(f"--draws is {draws} and --seed {seed}; there must be at least 1 draw, and the seed at least 0")


def _check_out(args: argparse.Namespace, artefact: Artefact, split: Split | None) -> None:
    """Refuse a folder with the results of another model or split before anything is computed."""
    from facefatigue.evaluate import NO_SPLIT

    how = NO_SPLIT if split is None else split.describe(args.fold - 1, args.part)
    for unit in ("clips", "videos"):
        path = args.out / unit / "evaluation.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))["provenance"]
            others = (found["model"]["sha256"], found["split"]) != (artefact.sha256, how)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if others and not args.overwrite:
            raise ConfigurationError(
                f"{path.parent}: holds the results of another model or split; choose another --out, or --overwrite"
            )


def evaluate_run(args: argparse.Namespace) -> int:
    """``train -e``: the model of a run on its own validation clips, into the folder validation of the run."""
    request = argparse.Namespace(
        model=str(args.out / "model"),
        clips=args.val if args.split is None else args.clips,
        videos=None,
        split=args.split,
        fold=args.fold,
        part="validation",
        people_seen=False,
        by=None,
        calibrate=None,
        calibrate_on=None,
        label_source=None,
        draws=2000,
        seed=0,
        engine="auto",
        out=args.out / "validation",
        overwrite=True,
    )
    return run(request)


def _on_clips(args: argparse.Namespace, artefact: Artefact, split: Split | None) -> int:
    from facefatigue.data.clip_list import check_rate, read_clips
    from facefatigue.engine import open_engine
    from facefatigue.evaluate import by_video
    from facefatigue.evaluate.predict import predict_clips
    from facefatigue.evaluate.seen import people_notes

    spec = artefact.config.clip_spec
    whole = read_clips(args.clips, shape=spec.shape)
    check_rate(args.clips, spec)
    needed = (args.part, *(["validation"] if args.calibrate and args.calibrate_on is None else []))
    clips = whole if split is None else split.parts(whole, args.fold - 1, needed=needed)[args.part]
    notes = people_notes(artefact, clips.subjects, allow=args.people_seen)
    make_folder(args.out)
    by = _groups(args, {name for name in clips.columns if any(clips.column(name))})
    engine = open_engine(artefact, engine=args.engine)
    calibration = None
    if args.calibrate:
        others = _others(args, artefact, whole, split)
        calibration = _fit(args.calibrate, predict_clips(others, engine), fitted_on=str(others))
    with CountProgress("clips") as progress:
        predictions = predict_clips(clips, engine, by=by, on_done=progress.at)
    engine.close()
    results = _Results(args, artefact, clips.path, clips.fingerprint, clips.part, tuple(clips.column("label_source")), by)
    results.write(predictions, "clips", notes=notes, calibration=calibration)
    if predictions.kss is not None:
        notes.append("Recordings without a clip are not counted at KSS 8 and above; --videos counts them as missed.")
    if predictions.video is not None:
        results.write(by_video(predictions), "videos", notes=[*notes, *_uncalibrated(args)])
    return EXIT_OK


def _on_videos(args: argparse.Namespace, artefact: Artefact, split: Split | None) -> int:
    from facefatigue.data.manifest import read_manifest
    from facefatigue.data.rows import write_csv
    from facefatigue.engine import open_engine
    from facefatigue.evaluate import by_video
    from facefatigue.evaluate.drowsiness import DROWSY_KSS
    from facefatigue.evaluate.predict import predict_recordings
    from facefatigue.evaluate.seen import people_notes

    manifest = read_manifest(args.videos)
    recordings, how = list(manifest.recordings), ""
    if split is not None:
        people = split.people(args.fold - 1, args.part)
        recordings = [recording for recording in recordings if recording.subject in people]
        how = split.describe(args.fold - 1, args.part)
        if not recordings:
            raise ConfigurationError(f"nobody of the {args.part} part is in {manifest.path}")
    notes = people_notes(artefact, {recording.subject for recording in recordings}, allow=args.people_seen)
    make_folder(args.out)
    columns = {name for recording in recordings for name, cell in recording.further.items() if cell}
    if any(recording.scenario for recording in recordings):
        columns.add("scenario")
    by = _groups(args, columns)
    engine = open_engine(artefact, engine=args.engine)
    calibration = None
    if args.calibrate:
        calibration = _fit_on_videos(args, artefact, manifest, split, engine)
    with CountProgress("videos") as progress:
        predictions, unscored = predict_recordings(
            recordings, engine, artefact.config, named_from=manifest.path.parent, by=by, on_done=progress.at
        )
    if unscored:
        notes.append(
            f"{len(unscored)} of {len(recordings)} recordings could not be scored (unscored.csv); figures are without them"
        )
    engine.close()
    sources = tuple(recording.label_source for recording in recordings)
    results = _Results(args, artefact, manifest.path, _fingerprint(manifest.path), how, sources, by)
    results.write(
        predictions, "clips", notes=[*notes, "The clips are the windows of the recordings."], calibration=calibration
    )
    missed = tuple(entry.subject for entry in unscored if (entry.kss or 0) >= DROWSY_KSS)
    results.write(by_video(predictions), "videos", notes=[*notes, *_uncalibrated(args)], missed=missed)
    header = ["name", "subject", "kss", "reason"]
    write_csv(args.out / "unscored.csv", header, [dataclasses.asdict(entry) for entry in unscored])
    return EXIT_OK


def _groups(args: argparse.Namespace, there: set[str]) -> tuple[str, ...]:
    return args.by if args.by is not None else tuple(name for name in DEFAULT_GROUPS if name in there)


def _uncalibrated(args: argparse.Namespace) -> list[str]:
    if not args.calibrate:
        return []
    return ["The calibration is of single clips (see there); these are means of uncalibrated scores and probabilities."]


def _others(args: argparse.Namespace, artefact: Artefact, whole: ClipList, split: Split | None) -> ClipList:
    """The clips on which a calibration is fitted: never those that are measured, nor those that were trained on."""
    from facefatigue.evaluate.seen import refuse_trained_on

    if args.calibrate_on is not None:
        return _given_others(args, artefact)
    assert split is not None
    others = split.parts(whole, args.fold - 1, needed=("validation",))["validation"]
    refuse_trained_on(artefact, others.subjects, str(others))
    return others


def _given_others(args: argparse.Namespace, artefact: Artefact) -> ClipList:
    from facefatigue.data.clip_list import check_rate, read_clips
    from facefatigue.evaluate.seen import refuse_trained_on

    spec = artefact.config.clip_spec
    others = read_clips(args.calibrate_on, shape=spec.shape)
    check_rate(args.calibrate_on, spec)
    refuse_trained_on(artefact, others.subjects, str(args.calibrate_on))
    return others


def _fit(kind: str, predictions: Predictions, *, fitted_on: str) -> Calibration:
    from facefatigue.evaluate import fit_isotonic, fit_temperature

    fit = fit_temperature if kind == "temperature" else fit_isotonic
    return fit(predictions, fitted_on=fitted_on)


def _fit_on_videos(
    args: argparse.Namespace, artefact: Artefact, manifest: Manifest, split: Split | None, engine: Engine
) -> Calibration:
    """A calibration of windows, fitted on the validation part's recordings or on a list of clips."""
    from facefatigue.evaluate.predict import predict_clips, predict_recordings
    from facefatigue.evaluate.seen import refuse_trained_on

    if args.calibrate_on is not None:
        clips = _given_others(args, artefact)
        return _fit(args.calibrate, predict_clips(clips, engine), fitted_on=str(clips))
    assert split is not None
    people = split.people(args.fold - 1, "validation")
    refuse_trained_on(artefact, people, "the validation part")
    recordings = [recording for recording in manifest.recordings if recording.subject in people]
    if not recordings:
        raise ConfigurationError(f"nobody of the validation part is in {manifest.path}, so nothing can be calibrated")
    predictions, _ = predict_recordings(recordings, engine, artefact.config, named_from=manifest.path.parent)
    return _fit(args.calibrate, predictions, fitted_on=split.describe(args.fold - 1, "validation"))


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class _Results:
    """What all results of one command share."""

    args: argparse.Namespace
    artefact: Artefact
    list_path: Path
    fingerprint: str
    split: str
    label_sources: tuple[str, ...]
    by: tuple[str, ...]

    def write(
        self,
        predictions: Predictions,
        unit: Unit,
        *,
        notes: Sequence[str],
        calibration: Calibration | None = None,
        missed: Sequence[str] = (),
    ) -> None:
        """Evaluate and write one kind of item, and print the main figures."""
        from facefatigue.evaluate import evaluate_predictions, write_evaluation

        of_recordings = unit == "clips" and predictions.video is not None
        evaluation = evaluate_predictions(
            predictions,
            provenance=self._provenance(unit),
            by=self.by,
            calibration=calibration,
            drowsiness=not of_recordings,
            missed=missed,
            draws=self.args.draws,
            seed=self.args.seed,
        )
        if of_recordings and predictions.kss is not None:
            notes = [*notes, "Sensitivity at KSS 8 and above is counted by recordings: see the results of the videos."]
        evaluation = dataclasses.replace(evaluation, notes=(*notes, *evaluation.notes))
        folder = self.args.out / unit
        paths = write_evaluation(evaluation, predictions, folder, overwrite=self.args.overwrite)
        print(_summary(evaluation, unit))
        print(f"written: {paths[-1]}")

    def _provenance(self, unit: Unit) -> Provenance:
        from facefatigue.evaluate import NO_SPLIT, Provenance

        stated = sorted({source for source in self.label_sources if source})
        return Provenance(
            model_name=self.artefact.config.name,
            model_version=self.artefact.config.version,
            model_sha256=self.artefact.sha256,
            list_path=str(self.list_path),
            list_fingerprint=self.fingerprint,
            split=self.split or NO_SPLIT,
            label_source=self.args.label_source or "; ".join(stated) or "not stated",
            synthetic=any(source.startswith("synthetic") for source in stated),
            unit=unit,
            command="facefatigue " + shlex.join(sys.argv[1:]),
            versions={"facefatigue": __version__, "Python": platform.python_version()},
        )


def _summary(evaluation: Evaluation, unit: str) -> str:
    names = {"accuracy": "accuracy", "auc": "AUC", "f1_average": "F1", "mae": "MAE", "ccc": "CCC", "ece": "ECE"}
    shown = []
    for key, name in names.items():
        figure = evaluation.figures[key]
        if figure.value is not None:
            interval = "" if figure.low is None or figure.high is None else f" [{figure.low:.3f}, {figure.high:.3f}]"
            shown.append(f"{name} {figure.value:.3f}{interval}")
    kind = " (synthetic)" if evaluation.provenance.synthetic else ""
    return f"{evaluation.items} {unit} of {evaluation.subjects} people{kind}: {', '.join(shown)}"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
