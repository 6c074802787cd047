"""``facefatigue explain``: why a window of a video was scored as it was."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Self

from facefatigue.cli.progress import Progress
from facefatigue.cli.sources import (
    DEFAULT_FOLDER,
    SEVERAL_EXPLAINED,
    add_model_argument,
    add_source_arguments,
    chosen_sources,
    for_each_source,
    make_writable,
    positive_s,
    print_count,
    worst,
)
from facefatigue.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.estimate.source import Progress as Report
    from facefatigue.explain import Listener, VideoExplanation
    from facefatigue.explain.windows import Choice

DESCRIPTION = """\
Show why a video was scored as it was: which parts of the face, at which moments, speak for fatigue. The video is scored as
`predict` does it; of one window (by default the one with the highest score), or of all, maps of every frame are made, laid
over the picture, and divided among the regions of the face. Of several faces the main one is explained, as predict chooses
it. Needs facefatigue[train]."""

EPILOG = """\
methods, as METHOD or METHOD@LAYER; --method may be given several times, and the first one counts for shares and video:
  grad-cam              Grad-CAM (Selvaraju et al. 2017)
  hires-cam             HiRes-CAM (Draelos and Carin 2020): gradient times map, place by place
  guided                guided backpropagation: fine, for the eye alone
  guided-grad-cam       the same where the class activation map is warm
  integrated-gradients  pixel by pixel; sums to the change of the output against a blurred clip; takes seconds
  occlusion             what happens when a part of the clip is blurred; takes longest, trusts no gradient
  attention             what the non-local block listens to (--attention-from)
  default: hires-cam@read and attention for the shipped model; for a network that averages over places, such as the published
  one, grad-cam@stage4, grad-cam behind the stage of its non-local block, and attention

layers: stage1 to stage4; non-local, the output of the non-local block; read (models of cues), all that is read of a frame:
the maps behind stages 2 to 4 and the look at either eye

files for each source, in the folder of --out:
  NAME.explain.html  a page with all pictures and shares: open this first; the page of `predict` beside it links to it
  NAME.explain.png   contact sheet: frames, maps, shares over time, attention
  NAME.explain.gif   the same window, moving
  NAME.explain.mp4   the map in its place in the video (not with --no-overlay)
  NAME.shares.png    shares of the regions, window by window (--window all)
  NAME.explain.csv   shares of the regions in every frame
  NAME.explain.json  all figures (schema facefatigue.explanation/1)
  NAME.explain.npz   the raw maps, (T, H, W) float32 for each window and method

examples:
  facefatigue explain --sample                                     why the sample's most tired window is called so
  facefatigue explain talk.mp4 --window 42                         the window that covers second 42
  facefatigue explain talk.mp4 --window all --hide-identity        all of it, on a drawn face
  facefatigue explain talk.mp4 --target alert --window best        what looks alert, where it is most so
  facefatigue explain talk.mp4 --method hires-cam --method occlusion --method integrated-gradients
  facefatigue explain talk.mp4 --model my-3d-model --method grad-cam@stage3 --method attention --attention-from mouth@1.2

How far such maps can be trusted, with figures: docs/explain.md.

"""

_PLACES = ("left-eye", "right-eye", "nose", "mouth-left", "mouth-right")
_FROM = re.compile(r"(?P<place>[a-z-]+|[0-9.]+,[0-9.]+)(@(?P<time>[0-9.]+))?")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "explain",
        help="why a video was scored as it was: maps, shares of face regions, overlay",
        description=DESCRIPTION,
        epilog=EPILOG + SEVERAL_EXPLAINED,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_source_arguments(parser)
    add_model_argument(parser)
    parser.add_argument(
        "--window",
        type=_window,
        default="worst",
        metavar="worst|best|all|SECONDS",
        help="the window with the highest score, the lowest, all, or the one that covers a time (default: worst)",
    )
    parser.add_argument("--method", action="append", default=[], metavar="METHOD[@LAYER]", help="see below")
    parser.add_argument(
        "--target",
        choices=("fatigue", "alert", "score", "class", "opposite"),
        default="fatigue",
        help="what is explained: a class, the score, the class that the window was called, or the other one "
        "(default: fatigue)",
    )
    parser.add_argument(
        "--attention-from",
        metavar="PLACE[@SECONDS]",
        help="whose attention is shown: all (default), left-eye, right-eye, nose, mouth-left, mouth-right, mouth or X,Y in "
        "parts of the crop's side, at so many seconds into the window (default: its middle); models of cues attend to "
        "frames alone, so that the moment counts and the place does not",
    )
    parser.add_argument("--hide-identity", action="store_true", help="show a drawn average face instead of the person")
    parser.add_argument("--no-overlay", action="store_true", help="do not write the video")
    parser.add_argument("--duration", type=positive_s, metavar="SECONDS", help="leave out what comes later in the video")
    parser.set_defaults(run=run)


def _window(text: str) -> Choice:
    named: dict[str, Choice] = {"worst": "worst", "best": "best", "all": "all"}
    if text in named:
        return named[text]
    try:
        time_s = float(text)
    except ValueError:
        time_s = -1.0
    if not 0 <= time_s < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither worst, best or all nor a time in seconds")
    return time_s


def run(args: argparse.Namespace) -> int:
    """Explain every source; returns the worst exit code."""
    sources = chosen_sources(args)
    try:
        from facefatigue.explain import Explainer, explain_video
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("the explaining of scores", "train") from None
    from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact

    model = DEFAULT_MODEL if args.model is None else args.model
    config = load_artefact(model).config
    listener = None
    if args.attention_from is not None:
        if args.method and "attention" not in args.method:
            raise UsageError("--attention-from chooses whose attention is shown; give --method attention as well")
        listener = _listener(args.attention_from, config.frames, config.frame_rate_hz, config.size_px)
    explainer = Explainer(model, methods=args.method, question=args.target, listener=listener)
    out_dir: Path = DEFAULT_FOLDER if args.out is None else args.out
    make_writable(out_dir, "--out")
    results: list[VideoExplanation] = []

    def work(source: str, stem: str) -> bool:
        with _Stages(source) as stages:
            result = explain_video(
                source,
                explainer,
                out_dir,
                stem,
                choice=args.window,
                hide_identity=args.hide_identity,
                overlay=not args.no_overlay,
                max_duration_s=args.duration,
                stages=stages.begin,
            )
        results.append(result)
        _print(result)
        return not result.windows

    codes = for_each_source(sources, work, results, debug=args.debug)
    print_count(codes, to_stderr=False)
    return worst(codes)


def _listener(text: str, frames: int, frame_rate_hz: float, size_px: int) -> Listener | None:
    """The listener that PLACE[@SECONDS] means; None for all.

    Raises:
        UsageError: No such place or moment.
    """
    from facefatigue.explain import Listener

    match = _FROM.fullmatch(text)
    place = match["place"] if match else ""
    if place == "all" and match is not None and match["time"] is None:
        return None
    try:
        time_s = float(match["time"]) if match and match["time"] else frames / frame_rate_hz / 2
        x, y = _place(place)
    except ValueError:
        raise UsageError(
            f"--attention-from {text}: give all, or PLACE[@SECONDS] with {', '.join(_PLACES)}, mouth, or X,Y as PLACE"
        ) from None
    frame = round(time_s * frame_rate_hz)
    if not (0 <= x <= 1 and 0 <= y <= 1 and frame < frames):
        raise UsageError(
            f"--attention-from {text}: X and Y are from 0 to 1, and a window takes {frames / frame_rate_hz:g} seconds"
        )
    return Listener(frame=frame, x=x * size_px - 0.5, y=y * size_px - 0.5, place=place)


def _place(name: str) -> tuple[float, float]:
    from facefatigue.explain.regions import average_face
    from facefatigue.landmarks.follow import FIVE_POINTS

    if "," in name:
        x, y = name.split(",")
        return float(x), float(y)
    numbers = FIVE_POINTS[3] + FIVE_POINTS[4] if name == "mouth" else FIVE_POINTS[_PLACES.index(name)]
    x, y = average_face()[list(numbers)].mean(axis=0).tolist()
    return x, y


class _Stages:
    """One bar after the other, a bar for each pass over a video."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.__exit__()

    def begin(self, stage: str) -> Report:
        """Open the bar of the next pass."""
        self.__exit__()
        self._bar = Progress(f"{stage} {self._source}")
        return self._bar.at


def _print(result: VideoExplanation) -> None:
    from facefatigue.report import display_name

    name = display_name(result.source)
    if not result.windows:
        print(f"{name}: no face could be scored, so there is nothing to explain. {result.why_nothing}")
    for window in result.windows:
        print(f"{name}, {window.start_s:.1f} to {window.end_s:.1f} s: {window.text}")
    for warning in result.warnings:
        print(f"note: {name}: {warning}")
    if result.files:
        page = next(path for path in result.files if path.suffix == ".html")
        print(f"open {page}")
        print(f"and the pictures, tables and raw maps beside it in {page.parent}")
