"""Whether explanations mean something: where they point, what they take away, whether the weights matter to them.

    python tools/check_explanations.py --rig RIG [--model NAME|PATH] [--clips 8] [--slow-clips 4] [--doc docs/explain.md]

Renders people in whom only the eyes, or only the mouth, are tired, and prints three tables: pointing (is the brightest pixel
where the tiredness is?), deletion and insertion against a random order, and how like maps are to those of a network whose
weights were shuffled. With --doc they also take the place of what stands between the two marks in that file. Integrated
gradients and occlusion take seconds a clip, so that they get fewer.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from explanations.acts import render_acts
from explanations.checks import Pointing, likeness, point, random_order, randomised
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
from facefatigue.model.artefact import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from facefatigue.explain import RegionShares
    from facefatigue.explain.regions import FaceRegion
    from facefatigue.model.network import FatigueNet

    Make = Callable[[FatigueNet, Tensor], Attribution]

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
ACTED: tuple[FaceRegion, FaceRegion] = ("eyes", "mouth")
SLOW = frozenset({"integrated-gradients", "occlusion"})
_RANDOM = "random order"
_INTEGRAL_STEPS = 8
_OCCLUSION_CELLS = (2, 7, 7)
_RANDOMISED_CLIPS = 2


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
    clip: Tensor
    maps: list[NDArray[np.uint8]]
    called: bool


@dataclass(eq=False)
class Figures:
    """What was measured of one method, by the region that acts."""

    pointing: dict[FaceRegion, list[Pointing]] = field(default_factory=lambda: defaultdict(list))
    shares: dict[FaceRegion, list[RegionShares]] = field(default_factory=lambda: defaultdict(list))
    areas: list[tuple[float, float]] = field(default_factory=list)  # under deletion and insertion
    seconds: list[float] = field(default_factory=list)


def cases(explainer: Explainer, rig: Path, count: int) -> Iterator[Case]:
    """Rendered clips, so many of each kind."""
    landmarker = Landmarker()
    for region in ACTED:
        for crops in render_acts(rig, region, explainer.config.clip_spec, count):
            clip = torch.from_numpy(clip_from_crops(crops))[None]
            with torch.inference_mode():
                odds = float(target_of(explainer.network, clip, "fatigue"))
            points, _ = read_points(landmarker, crops)
            maps = [region_map(frame, crops.shape[1]) for frame in points]
            yield Case(region=region, clip=clip, maps=maps, called=odds > 0)


def measure(network: FatigueNet, found: Sequence[Case], *, slow: int) -> dict[str, Figures]:
    """Point with every method, the slow ones on the first clips of each region; delete and insert what is called fatigue."""
    figures: dict[str, Figures] = {name: Figures() for name in (*methods_of(network), _RANDOM)}
    seen: dict[FaceRegion, int] = defaultdict(int)
    for number, case in enumerate(found):
        seen[case.region] += 1
        baseline = blurred(case.clip)
        for name, make in methods_of(network).items():
            if name in SLOW and seen[case.region] > slow:
                continue
            start_s = time.perf_counter()
            made = make(network, case.clip)
            entry = figures[name]
            entry.seconds.append(time.perf_counter() - start_s)
            entry.pointing[case.region].append(point(made.values, case.maps, case.region))
            entry.shares[case.region].append(region_shares(made, case.maps))
            if case.called:
                entry.areas.append(_areas(network, case.clip, baseline, made.values))
        if case.called:
            figures[_RANDOM].areas.append(_areas(network, case.clip, baseline, random_order(case.clip, number)))
        _say(f"{number + 1} of {len(found)} clips are done")
    return figures


def _areas(network: FatigueNet, clip: Tensor, baseline: Tensor, values: NDArray[np.float32]) -> tuple[float, float]:
    deletion, insertion = deletion_and_insertion(network, clip, baseline, values)
    return deletion.area, insertion.area


def explain_cpu_s(explainer: Explainer, clip: Tensor) -> float:
    """CPU time of one window with all that is made of it, once everything is loaded, in seconds."""
    crops = np.rint((clip[0].permute(1, 2, 3, 0).numpy() + 1) * 127.5).astype(np.uint8)
    explainer.explain(crops)
    start_s = time.process_time()
    explainer.explain(crops)
    return time.process_time() - start_s


def pointing_table(figures: dict[str, Figures]) -> list[str]:
    """How often the brightest pixel is where the tiredness is, and how the shares follow it."""
    rows = [
        "| method | hits, eyes tired | hits, mouth tired | share of eyes: eyes / mouth tired | share of mouth | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for name, entry in figures.items():
        if name == _RANDOM:
            continue
        hits = [f"{sum(p.hit for p in entry.pointing[region])} of {len(entry.pointing[region])}" for region in ACTED]
        shares = [
            " / ".join(_percent([s.share[REGIONS.index(of)] for s in entry.shares[when]]) for when in ACTED) for of in ACTED
        ]
        rows.append(f"| {name} | {hits[0]} | {hits[1]} | {shares[0]} | {shares[1]} | {_seconds(entry.seconds)} |")
    first = next(iter(figures.values()))
    chances = [_percent([p.chance for p in first.pointing[region]]) for region in ACTED]
    areas = [" / ".join(_percent([s.area[REGIONS.index(of)] for s in first.shares[when]]) for when in ACTED) for of in ACTED]
    return [*rows, f"| *chance* | *{chances[0]}* | *{chances[1]}* | *{areas[0]}* | *{areas[1]}* | |"]


def _percent(values: Sequence[float]) -> str:
    return f"{100 * np.mean(values):.0f} %" if len(values) else "–"


def _seconds(values: Sequence[float]) -> str:
    return f"{np.median(values):.1f}" if len(values) else "–"


def removal_table(figures: dict[str, Figures]) -> list[str]:
    """Areas under the curves."""
    rows = ["| order of cells | clips | deletion (low is good) | insertion (high is good) |", "|---|---|---|---|"]
    for name, entry in figures.items():
        deletion, insertion = np.array(entry.areas).T if entry.areas else np.empty((2, 0))
        rows.append(f"| {name} | {len(deletion)} | {_mean(deletion)} | {_mean(insertion)} |")
    return rows


def _mean(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.3f}" if len(values) else "–"


def randomised_table(network: FatigueNet, found: Sequence[Case]) -> list[str]:
    """Correlation of each fast method's map with that of the network whose weights were shuffled so far down."""
    makers = {name: make for name, make in methods_of(network).items() if name not in SLOW}
    true = {name: [make(network, case.clip).values for case in found] for name, make in makers.items()}
    likenesses: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number, case in enumerate(found):
        for part, shuffled in randomised(network, case.clip):
            for name, make in makers.items():
                like = likeness(true[name][number], make(shuffled, case.clip).values)
                likenesses[part][name] += [] if like is None else [like]
    rows = [f"| shuffled down to | {' | '.join(makers)} |", f"|---|{'---|' * len(makers)}"]
    for part, by_method in likenesses.items():
        cells = [f"{np.mean(by_method[name]):.2f}" if by_method[name] else "no map" for name in makers]
        rows.append(f"| {part} | {' | '.join(cells)} |")
    return rows


def report(explainer: Explainer, rig: Path, *, clips: int, slow: int, command: str) -> list[str]:
    """All three tables as Markdown."""
    network, config = explainer.network, explainer.config
    found = list(cases(explainer, rig, clips))
    called = {region: sum(case.called for case in found if case.region == region) for region in ACTED}
    _say(f"{len(found)} clips are rendered")
    window_s = explain_cpu_s(explainer, found[0].clip)
    figures = measure(network, found, slow=slow)
    text = (
        f"`{command}`, {config.name} {config.version}. Rendered people, {clips} of whom have tired eyes and nothing else, "
        f"and {clips} a yawning mouth and nothing else; the model calls {called['eyes']} and {called['mouth']} of them "
        "fatigue, and only these are deleted and inserted. Slow methods have fewer clips. One window with the default "
        f"methods, landmarks and shares takes {window_s:.1f} s of CPU time."
    )
    return [
        text,
        "",
        *pointing_table(figures),
        "",
        *removal_table(figures),
        "",
        *randomised_table(network, found[:: max(len(found) // _RANDOMISED_CLIPS, 1)][:_RANDOMISED_CLIPS]),
    ]


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
    parser.add_argument("--doc", type=Path, help="a Markdown file with the marks")
    args = parser.parse_args()
    command = f"python tools/check_explanations.py --rig RIG --clips {args.clips} --slow-clips {args.slow_clips}"
    try:
        lines = report(Explainer(args.model), args.rig, clips=args.clips, slow=args.slow_clips, command=command)
    except FaceFatigueError as error:
        sys.exit(f"check_explanations: {error}")
    print("\n".join(lines))
    if args.doc is not None:
        args.doc.write_text(put_between_marks(args.doc.read_text(encoding="utf-8"), lines), encoding="utf-8")


if __name__ == "__main__":
    main()
