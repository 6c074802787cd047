"""Every figure by which the default model is judged, in one table: on real video beside controls, and on synthetic people.

    python tools/evaluate_default.py [MODEL ...] --media FOLDER --synthetic FOLDER --cache FOLDER
                                     [--json FILE] [--write FILE]

The first MODEL (default: the one that ships) is the one judged; further ones are the same model from other training seeds,
of which mean and spread are given. docs/evaluation-default.md says how each figure is measured. Real video serves for
measuring: nothing is trained or set by it (docs/evaluation-default.md says what was once chosen).

The table is Markdown on standard output; progress goes to standard error. The exit code is 0 only if everything asked for
was measured; what could not be is in the table, with the reason, and makes it 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from default_model.media import read_media
from default_model.real import real_rows, window_details
from default_model.scoring import UNTRAINED, CueReader, Scorer
from default_model.store import Store
from default_model.synthetic import synthetic_rows
from default_model.table import Row, Table, missing_rows, with_seeds
from facefatigue.atomic import atomic_path
from facefatigue.errors import ConfigurationError, FaceFatigueError
from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from default_model.media import Media
    from facefatigue.clips import ClipSpec

BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
ALL_PARTS, REAL_PARTS = "abcdef", "abcde"
_STARTED = time.monotonic()


def say(text: str) -> None:
    """A line of progress."""
    print(f"[{time.monotonic() - _STARTED:5.0f} s] {text}", file=sys.stderr, flush=True)


class Judge:
    """Measures models; media of one form of windows are read once.

    Args:
        args: The command line.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._store = Store(None if args.fresh else args.cache)
        self._media: dict[ClipSpec, Media] = {}

    def rows(self, model: str, *, controls: bool) -> tuple[list[Row], Scorer]:
        """All rows of one model.

        Args:
            model: Its name or folder.
            controls: With controls beside the figures on real video.

        Raises:
            FaceFatigueError: The model cannot be loaded.
        """
        args = self._args
        artefact = load_artefact(model)
        untrained = args.untrained if controls else 0
        scorer = Scorer(artefact, self._store, engine=args.engine, threads=args.threads, untrained=untrained, say=say)
        rows: list[Row] = []
        real = sorted(set(args.parts) & set(REAL_PARTS))
        if real:
            try:
                media = self.media(artefact.config.clip_spec)
                rows += real_rows(media, scorer, CueReader(artefact, threads=args.threads), real, controls=controls)
            except FaceFatigueError as error:
                say(f"error: {error}")
                rows = missing_rows(real, str(error))
        if "f" in args.parts:
            try:
                if args.synthetic is None:
                    raise ConfigurationError("no list of synthetic clips was given; name it with --synthetic")
                rows += synthetic_rows(args.synthetic, scorer, say=say)
            except FaceFatigueError as error:
                say(f"error: {error}")
                rows += missing_rows("f", str(error))
        return rows, scorer

    def details(self, scorer: Scorer) -> dict[str, Any]:
        """Scores of single windows, for whoever looks for failures; empty without real videos."""
        media = self._media.get(scorer.artefact.config.clip_spec)
        return {} if media is None else {"windows": window_details(media, scorer.score(media.every, controls=False))}

    def media(self, spec: ClipSpec) -> Media:
        """The real videos in windows of one form.

        Raises:
            ConfigurationError: There is no media folder.
        """
        args = self._args
        if args.media is None:
            raise ConfigurationError("no folder with real videos was given; name it with --media")
        if spec not in self._media:
            self._media[spec] = read_media(
                args.media, spec, labels=args.labels, cache=args.cache, store=self._store, threads=args.threads, say=say
            )
            for what, problem in self._media[spec].problems.items():
                say(f"error: {what}: {problem}")
        return self._media[spec]


def judge(args: argparse.Namespace) -> Table:
    """Measure all models and put their rows together.

    Raises:
        FaceFatigueError: A model cannot be loaded.
    """
    judging = Judge(args)
    first, scorer = judging.rows(args.models[0], controls=True)
    others = [judging.rows(model, controls=False)[0] for model in args.models[1:]]
    config = scorer.artefact.config
    windows = f"{config.frames} frames at {config.frame_rate_hz:g} Hz ({config.window_s:.2f} s), {config.size_px} px"
    model = f"Model {config.name} {config.version}, model.onnx {scorer.artefact.sha256[:12]}, {scorer.engine.name}"
    networks = f"{args.untrained} untrained networks, {len(others)} models of further training seeds"
    about = (f"{model}; windows of {windows}; {networks}.",)
    details = {"models": args.models, "sha256": scorer.artefact.sha256} | (judging.details(scorer) if args.json else {})
    return Table(with_seeds_sorted(first, others), about, details)


def with_seeds_sorted(first: Sequence[Row], others: Sequence[Sequence[Row]]) -> tuple[Row, ...]:
    """The rows in the order of their parts, with the spread over all models."""
    return tuple(sorted(with_seeds(first, others), key=lambda row: row.part))


def write_between_marks(text: str, path: Path) -> None:
    """Put the table between the two marks of a document.

    Raises:
        ConfigurationError: The document cannot be read, or has not the marks.
        OutputError: It cannot be written.
    """
    try:
        document = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ConfigurationError(f"{path}: has no place for the table; it goes between {BEGIN} and {END}")
    with atomic_path(path) as partial:
        partial.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="name or folder; the first is judged")
    parser.add_argument("--media", type=Path, help="folder with yawdd, talking_face, liveportrait and edge_cases")
    parser.add_argument("--synthetic", type=Path, help="list of rendered clips of people never seen")
    parser.add_argument("--labels", type=Path, default=Path(__file__).with_name("real_eye_closure.csv"), help="hand labels")
    parser.add_argument("--cache", type=Path, required=True, help="folder for what takes long; outside the project")
    parser.add_argument("--fresh", action="store_true", help="measure everything anew, and keep nothing")
    parser.add_argument("--untrained", type=int, default=UNTRAINED, help="number of untrained networks")
    parser.add_argument("--parts", default=ALL_PARTS, help="which parts of the table, such as abc")
    parser.add_argument("--engine", default="auto", help="auto, onnxruntime, openvino or torch; always in f32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write all figures into this file")
    parser.add_argument("--write", type=Path, help="write the table between the marks of this document")
    args = parser.parse_args(given)
    args.models = args.models or [DEFAULT_MODEL]
    if unknown := sorted(set(args.parts) - set(ALL_PARTS)):
        parser.error(f"there is no part {', '.join(unknown)}; choose of {ALL_PARTS}")
    if args.untrained < 0 or args.threads < 1:
        parser.error("--untrained must be at least 0, --threads at least 1")
    return args


def run(args: argparse.Namespace) -> int:
    """Measure, print, write; returns the exit code."""
    table = judge(args)
    text = table.to_markdown()
    print(text)
    entries: dict[str, Any] = table.to_dict()
    if args.json is not None:
        with atomic_path(args.json) as partial:
            partial.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if args.write is not None:
        write_between_marks(text, args.write)
    return 0 if table.complete else 1


def main() -> None:
    """Run, with errors as one line."""
    try:
        sys.exit(run(arguments()))
    except FaceFatigueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
