"""``facefatigue synth``: labelled clips of synthetic people, and the sample video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.cli.progress import CountProgress
from facefatigue.errors import EXIT_OK, MissingExtraError

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
Render synthetic people from the face rig ICT-FaceKit, who act out a known state of fatigue. The rig does not ship with
facefatigue: make its file with 'facefatigue synth rig' and give it with --rig."""

RIG = """\
Make the rig file that --rig wants from a clone of ICT-FaceKit (the light face model of the USC ICT Vision and Graphics Lab,
MIT licence; search for ICT-FaceKit on GitHub). Takes about a minute and writes about 17 MB."""

RENDER = """\
Render clips of synthetic people into shards of 50 with a manifest.csv (clip, subject, score and what was acted out), ready
for 'facefatigue train'. The same seed gives the same clips, whatever the number of workers; a stopped command goes on
where it was. Other seeds give other people: use one seed each for training, validation and test."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand with its own subcommands."""
    parser = subparsers.add_parser("synth", help="labelled clips of synthetic people", description=DESCRIPTION)
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    render = parts.add_parser("render", help="render labelled clips", description=RENDER)
    render.add_argument("--rig", type=Path, required=True, metavar="PATH", help="the face rig (npz)")
    render.add_argument("--clips", type=int, required=True, metavar="N", help="number of clips in all")
    render.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for shards and manifest.csv")
    render.add_argument("--seed", type=int, default=0, help="everything follows from it (default: 0)")
    render.add_argument("--frames", type=int, default=32, help="frames of a clip (default: 32)")
    render.add_argument("--frame-rate", type=float, default=12.5, metavar="HZ", help="their rate (default: 12.5, as train)")
    render.add_argument("--size", type=int, default=112, metavar="PX", help="height and width of a clip (default: 112)")
    render.add_argument(
        "--clips-per-person",
        type=int,
        default=5,
        metavar="N",
        help="clips of each person (default: 5); 1 teaches more faces",
    )
    render.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    render.set_defaults(run=run_render)
    rig = parts.add_parser("rig", help="make the rig file from a clone of ICT-FaceKit", description=RIG)
    rig.add_argument("facekit", type=Path, metavar="FACEKIT", help="the clone of ICT-FaceKit")
    rig.add_argument("out", type=Path, metavar="OUT", help="the rig file to write (.npz)")
    rig.set_defaults(run=run_rig)
    sample = parts.add_parser(
        "sample",
        help="render the sample video that ships with the package",
        description="Render the sample video again: 20 s of a synthetic person who becomes drowsy.",
    )
    sample.add_argument("--rig", type=Path, required=True, metavar="PATH", help="the face rig (npz)")
    sample.add_argument("--out", type=Path, required=True, metavar="FILE", help="the video to write (.mp4)")
    sample.set_defaults(run=run_sample)


def run_render(args: argparse.Namespace) -> int:
    """Render clips."""
    _need_numba()
    from facefatigue.synth.clips import ClipSettings
    from facefatigue.synth.shards import render_clips

    with CountProgress("clips") as progress:
        settings = ClipSettings(
            seed=args.seed,
            frames=args.frames,
            frame_rate_hz=args.frame_rate,
            size_px=args.size,
            clips_a_person=args.clips_per_person,
        )
        manifest = render_clips(args.rig, args.clips, args.out, settings, workers=args.workers, progress=progress.at)
    print(f"{args.clips} clips listed in {manifest}")
    return EXIT_OK


def run_rig(args: argparse.Namespace) -> int:
    """Convert the rig."""
    from facefatigue.synth.convert import convert_rig

    with CountProgress("meshes") as progress:
        convert_rig(args.facekit, args.out, progress=progress.at)
    print(f"{args.out}: give it with --rig")
    return EXIT_OK


def run_sample(args: argparse.Namespace) -> int:
    """Render the sample video."""
    _need_numba()
    from facefatigue.synth.sample import write_sample

    with CountProgress("frames") as progress:
        write_sample(args.rig, args.out, progress=progress.at)
    print(f"open {args.out}")
    return EXIT_OK


def _need_numba() -> None:
    import importlib.util

    if importlib.util.find_spec("numba") is None:
        raise MissingExtraError("rendering (numba)", "train")
