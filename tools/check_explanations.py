"""Whether explanations mean something: where they point, what they take away, whether the weights matter to them.

    python tools/check_explanations.py --rig RIG [--model NAME|PATH] [--clips 8] [--slow-clips 4] [--keep figures.jsonl]
        [--doc docs/explain.md]

Renders people in whom only the eyes, or only the mouth, are tired, and prints three tables: pointing (is the brightest pixel
where the tiredness is?), deletion and insertion against a random order, and how like maps are to those of a network whose
weights were shuffled. With --doc they also take the place of what stands between the two marks in that file. Integrated
gradients and occlusion take seconds a clip, so that they get fewer. Clips are rendered and measured one by one; with --keep
what was measured of each is kept, so that a run that was cut short, or one of more clips, goes on from there. The file is of
one model and one state of the code: remove it when the methods change.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from explanations.acts import render_act
from explanations.checks import likeness, point, random_order, randomised
from explanations.records import MethodFigures, Record, Records
from facefatigue.clips import clip_from_crops
from facefatigue.errors import FaceFatigueError
from facefatigue.explain import (
    REGIONS,
    Attribution,
    Explainer,
    activation_map,
    blurred,
    deletion_and_insertion,
    guided_backpropagation,
    integrated_gradients,
    occlusion,
    read_points,
    region_map,
    region_shares,
    target_of,
)
from facefatigue.explain.layers import layer_names
from facefatigue.landmarks import Landmarker
from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from facefatigue.explain.regions import FaceRegion
    from facefatigue.model.network import FatigueNet

    Make = Callable[[FatigueNet, Tensor], Attribution]

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
ACTED: tuple[FaceRegion, FaceRegion] = ("eyes", "mouth")
SLOW = frozenset({"integrated-gradients", "occlusion"})
_RANDOM = "random order"
_INTEGRAL_STEPS = 8
_OCCLUSION_CELLS = (2, 7, 7)
_SHUFFLED_CLIPS = 1  # of each region


def methods_of(network: FatigueNet) -> dict[str, Make]:
    """The methods that are measured, by name."""
    layers = layer_names(network)
    makers: dict[str, Make] = {}
    if "read" in layers:
        makers["hires-cam@read"] = lambda net, clip: activation_map(net, clip, layer="read", method="hires-cam")
        makers["grad-cam@read"] = lambda net, clip: activation_map(net, clip, layer="read")
    makers["grad-cam@stage4"] = lambda net, clip: activation_map(net, clip, layer="stage4")
    makers["guided"] = guided_backpropagation
    makers["integrated-gradients"] = lambda net, clip: integrated_gradients(net, clip, blurred(clip), steps=_INTEGRAL_STEPS)
    makers["occlusion"] = lambda net, clip: occlusion(net, clip, blurred(clip), cells=_OCCLUSION_CELLS)
    return makers


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A rendered clip, where alone the tiredness is, and whether the model calls it fatigue."""

    region: FaceRegion
    number: int
    clip: Tensor
    maps: list[NDArray[np.uint8]]
    called: bool


def render_case(explainer: Explainer, landmarker: Landmarker, rig: Path, region: FaceRegion, number: int) -> Case:
    """One rendered clip."""
    crops = render_act(rig, region, explainer.config.clip_spec, number)
    clip = torch.from_numpy(clip_from_crops(crops))[None]
    with torch.inference_mode():
        odds = float(target_of(explainer.network, clip, "fatigue"))
    points, _ = read_points(landmarker, crops)
    maps = [region_map(frame, crops.shape[1]) for frame in points]
    return Case(region=region, number=number, clip=clip, maps=maps, called=odds > 0)


def wanted_methods(network: FatigueNet, number: int, slow: int) -> list[str]:
    """The methods for clip number so and so of a region; slow ones for so many."""
    return [name for name in methods_of(network) if name not in SLOW or number < slow]


def measure(network: FatigueNet, case: Case, names: Sequence[str], record: Record | None = None) -> Record:
    """Point with methods, and where the clip is called fatigue, delete and insert.

    Args:
        network: The network.
        case: The clip.
        names: Which methods; those that the record has are left as they are.
        record: What is known of the clip.
    """
    baseline = blurred(case.clip)
    methods = {} if record is None else dict(record.methods)
    makers = methods_of(network)
    for name in names:
        if name in methods:
            continue
        start_s = time.perf_counter()
        made = makers[name](network, case.clip)
        seconds = time.perf_counter() - start_s
        pointed = point(made.values, case.maps, case.region)
        shares = region_shares(made, case.maps)
        deletion, insertion = _areas(network, case.clip, baseline, made.values) if case.called else (None, None)
        methods[name] = MethodFigures(
            hit=pointed.hit,
            chance=pointed.chance,
            shares=dict(zip(REGIONS, shares.share.tolist(), strict=True)),
            area=dict(zip(REGIONS, shares.area.tolist(), strict=True)),
            seconds=seconds,
            deletion=deletion,
            insertion=insertion,
        )
    record = record or Record(region=case.region, number=case.number, called=case.called)
    if case.called and record.random is None:
        order = random_order(case.clip, 2 * case.number + ACTED.index(case.region))
        record = replace(record, random=_areas(network, case.clip, baseline, order))
    return replace(record, methods=methods)


def _areas(network: FatigueNet, clip: Tensor, baseline: Tensor, values: NDArray[np.float32]) -> tuple[float, float]:
    deletion, insertion = deletion_and_insertion(network, clip, baseline, values)
    return deletion.area, insertion.area


def likenesses(network: FatigueNet, case: Case) -> dict[str, dict[str, float | None]]:
    """Correlation of each fast method's map with that of the network whose weights were shuffled so far down."""
    makers = {name: make for name, make in methods_of(network).items() if name not in SLOW}
    true = {name: make(network, case.clip).values for name, make in makers.items()}
    return {
        part: {name: likeness(true[name], make(shuffled, case.clip).values) for name, make in makers.items()}
        for part, shuffled in randomised(network, case.clip)
    }


def explain_cpu_s(explainer: Explainer, clip: Tensor) -> float:
    """CPU time of one window with all that is made of it, once everything is loaded, in seconds."""
    crops = np.rint((clip[0].permute(1, 2, 3, 0).numpy() + 1) * 127.5).astype(np.uint8)
    explainer.explain(crops)
    start_s = time.process_time()
    explainer.explain(crops)
    return time.process_time() - start_s


def measure_all(explainer: Explainer, rig: Path, records: Records, *, clips: int, slow: int) -> list[Record]:
    """Measure so many clips of each region, one at a time, but what the records have; gives the records of these clips."""
    network, landmarker = explainer.network, Landmarker()
    found = []
    for region, number in product(ACTED, range(clips)):
        record = records.of(region, number)
        names = wanted_methods(network, number, slow)
        shuffle = number < _SHUFFLED_CLIPS
        if record is None or not record.methods.keys() >= set(names) or (shuffle and not record.likeness):
            start_s = time.perf_counter()
            case = render_case(explainer, landmarker, rig, region, number)
            rendered_s = time.perf_counter() - start_s
            record = measure(network, case, names, record)
            if shuffle and not record.likeness:
                record = replace(record, likeness=likenesses(network, case))
            if shuffle and record.window_cpu_s is None:
                record = replace(record, window_cpu_s=explain_cpu_s(explainer, case.clip))
            records.put(record)
            _say(f"{region} {number}: {time.perf_counter() - start_s:.0f} s, of which rendering {rendered_s:.0f} s")
        found.append(replace(record, methods={name: record.methods[name] for name in names}))
    return found


def pointing_table(found: Sequence[Record], methods: Sequence[str]) -> list[str]:
    """How often the brightest pixel is where the tiredness is, and how the shares follow it."""
    rows = [
        "| method | hits, eyes tired | hits, mouth tired | share of eyes: eyes / mouth tired | share of mouth | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for name in methods:
        of = {region: _figures(found, name, region) for region in ACTED}
        hits = [f"{sum(entry.hit for entry in of[region])} of {len(of[region])}" for region in ACTED]
        shares = [" / ".join(_percent([f.shares[at] for f in of[when]]) for when in ACTED) for at in ACTED]
        seconds = [entry.seconds for entries in of.values() for entry in entries]
        rows.append(f"| {name} | {hits[0]} | {hits[1]} | {shares[0]} | {shares[1]} | {_seconds(seconds)} |")
    of = {region: _figures(found, methods[0], region) for region in ACTED}
    chances = [_percent([entry.chance for entry in of[region]]) for region in ACTED]
    areas = [" / ".join(_percent([f.area[at] for f in of[when]]) for when in ACTED) for at in ACTED]
    return [*rows, f"| *chance* | *{chances[0]}* | *{chances[1]}* | *{areas[0]}* | *{areas[1]}* | |"]


def _figures(found: Sequence[Record], name: str, region: str) -> list[MethodFigures]:
    return [record.methods[name] for record in found if record.region == region and name in record.methods]


def _percent(values: Sequence[float]) -> str:
    return f"{100 * np.mean(values):.0f} %" if len(values) else "–"


def _seconds(values: Sequence[float]) -> str:
    return f"{np.median(values):.1f}" if len(values) else "–"


def removal_table(found: Sequence[Record], methods: Sequence[str]) -> list[str]:
    """Areas under the curves."""
    rows = ["| order of cells | clips | deletion (low is good) | insertion (high is good) |", "|---|---|---|---|"]
    areas = {
        name: [(entry.deletion, entry.insertion) for region in ACTED for entry in _figures(found, name, region)]
        for name in methods
    }
    areas[_RANDOM] = [record.random for record in found if record.random is not None]
    for name, pairs in areas.items():
        known = [(deletion, insertion) for deletion, insertion in pairs if deletion is not None]
        means = [f"{np.mean(column):.3f}" for column in zip(*known, strict=True)] or ["–", "–"]
        rows.append(f"| {name} | {len(known)} | {means[0]} | {means[1]} |")
    return rows


def randomised_table(found: Sequence[Record]) -> list[str]:
    """Means of :func:`likenesses` over the clips that have them."""
    shuffled = [record.likeness for record in found if record.likeness]
    parts, names = list(shuffled[0]), list(next(iter(shuffled[0].values())))
    rows = [f"| shuffled down to | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for part in parts:
        likes = [[like for one in shuffled if (like := one[part][name]) is not None] for name in names]
        rows.append(f"| {part} | {' | '.join(f'{np.mean(of):.2f}' if of else 'no map' for of in likes)} |")
    return rows


def report(explainer: Explainer, found: Sequence[Record], command: str) -> list[str]:
    """All three tables as Markdown."""
    config, methods = explainer.config, list(methods_of(explainer.network))
    of = {region: [record for record in found if record.region == region] for region in ACTED}
    called = {region: sum(record.called for record in of[region]) for region in ACTED}
    window_s = np.median([record.window_cpu_s for record in found if record.window_cpu_s is not None])
    text = (
        f"`{command}`, {config.name} {config.version}. Rendered people, {len(of['eyes'])} of whom have tired eyes and "
        f"nothing else, and {len(of['mouth'])} a yawning mouth and nothing else; the model calls {called['eyes']} and "
        f"{called['mouth']} of them fatigue, and only these are deleted and inserted. Slow methods have fewer clips, "
        f"shuffled weights {2 * _SHUFFLED_CLIPS}. One window with the default methods, landmarks and shares takes "
        f"{window_s:.1f} s of CPU time."
    )
    tables = (pointing_table(found, methods), removal_table(found, methods), randomised_table(found))
    return [text, *(line for table in tables for line in ("", *table))]


def put_between_marks(text: str, lines: Sequence[str]) -> str:
    """The text with the lines in place of what stands between the marks.

    Raises:
        SystemExit: The text has no marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"there is no {BEGIN} and {END}")
    return "\n".join([before + BEGIN, *lines, END + after])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rig", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--clips", type=int, default=8, help="of each kind (default: 8)")
    parser.add_argument("--slow-clips", type=int, default=4, help="of each kind, for the slow methods (default: 4)")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep what is measured, and go on from what was kept")
    parser.add_argument("--doc", type=Path, help="a Markdown file with the marks")
    args = parser.parse_args()
    command = f"python tools/check_explanations.py --rig RIG --clips {args.clips} --slow-clips {args.slow_clips}"
    try:
        explainer = Explainer(args.model)
        records = Records(args.keep, load_artefact(args.model).safetensors_sha256())
        found = measure_all(explainer, args.rig, records, clips=args.clips, slow=args.slow_clips)
    except FaceFatigueError as error:
        sys.exit(f"check_explanations: {error}")
    lines = report(explainer, found, command)
    print("\n".join(lines))
    if args.doc is not None:
        args.doc.write_text(put_between_marks(args.doc.read_text(encoding="utf-8"), lines), encoding="utf-8")


if __name__ == "__main__":
    main()
