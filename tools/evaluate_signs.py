"""How good the measured signs are on real video: blinks, yawns, and whether they depend on the frame rate.

    python tools/evaluate_signs.py --media DIR [--cache DIR] [--marks FILE]

Prints one table. `DIR` has the folders `yawdd` (with `yawns.csv`: video, start_s, end_s), `talking_face` (with
`franck.mp4`), `liveportrait` and `edge_cases`; whatever is missing is left out. Blinks of `franck.mp4` marked by eye are in
tools/franck_blinks.csv. Real video is for measuring only: no constant of signs/ was chosen on it (docs/signs.md, which also
lists every look). Every video is read as it is, and again with every second and every third frame, by our own tracker and
landmark nets; what was read is kept in the cache folder under a name that changes with video and code.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from default_model.labels import read_yawns
from default_model.store import Store, code_digest, file_digest
from facefatigue.errors import FaceFatigueError
from facefatigue.signs import SignCollector, SignSeries, measure, observe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from facefatigue.signs import Blink, Signs

Row = tuple[str, ...]

FOLDERS = ("talking_face", "yawdd", "liveportrait", "edge_cases")
FRANCK = "talking_face/franck.mp4"
FRANCK_BLINKS = 61  # "in the literature": the number given for the Talking Face video
# Between these times, and nowhere else, were blinks of franck.mp4 marked (tools/franck_blinks.md).
MARKED_S = ((0.0, 60.0), (120.0, 160.0))
STEPS = (1, 2, 3)
_SUFFIXES = frozenset({".avi", ".mp4", ".mov", ".mkv", ".webm"})
_CODE = code_digest("video", "faces", "landmarks", "signs/frame.py", "signs/cover.py", "signs/series.py")


@dataclass(frozen=True)
class Marks:
    """Blinks marked by eye."""

    start_s: NDArray[np.float64]
    peak_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    complete: tuple[bool | None, ...]


def read_marks(path: Path) -> Marks:
    """The marked blinks; columns start_s, peak_s, end_s, complete (1, 0 or empty)."""
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()[1:] if line.strip()]
    times = np.array([[float(cell) for cell in row[:3]] for row in rows]).reshape(-1, 3)
    complete = tuple({"1": True, "0": False}.get(row[3].strip()) for row in rows)
    return Marks(times[:, 0], times[:, 1], times[:, 2], complete)


def follow(video: Path, step: int) -> SignSeries:
    """The signs of the face that is seen longest, from every ``step``-th frame."""
    from facefatigue.faces import FaceTracker, Mtcnn
    from facefatigue.landmarks import Landmarker, LandmarkFollower
    from facefatigue.video import open_video

    tracker, landmarker = FaceTracker(Mtcnn(), largest_only=True), Landmarker(threads=1)
    followers: dict[int, LandmarkFollower] = {}
    collectors: dict[int, SignCollector] = {}
    end_s = 0.0
    with open_video(video) as frames:
        for frame in frames:
            end_s = frame.time_s
            if frame.index % step:
                continue
            seen = {tracked.track: tracked.face for tracked in tracker.step(frame.rgb, frame.time_s)}
            for track in {*followers, *seen}:
                follower = followers.setdefault(track, LandmarkFollower(landmarker))
                reading = follower.read(frame.rgb, seen.get(track))
                if reading is not None:
                    collectors.setdefault(track, SignCollector()).add(observe(reading, frame.time_s, frame.rgb))
    main = max(collectors.values(), key=len, default=SignCollector())
    main.watched_until(end_s)
    return main.series()


def recall(video: Path, step: int, store: Store) -> SignSeries:
    """The same, from the cache where it was read before."""

    def make() -> dict[str, NDArray[Any]]:
        return {name: np.asarray(value) for name, value in vars(follow(video, step)).items()}

    kept = store.recall("signs", (file_digest(video), str(step), _CODE), make)
    fields: dict[str, Any] = {name: float(array) if array.ndim == 0 else array for name, array in kept.items()}
    return SignSeries(**fields)


def match(
    found: Sequence[Blink], marks: Marks, within_s: Iterable[tuple[float, float]]
) -> tuple[list[tuple[int, int]], int, int]:
    """Pairs (found, marked) that overlap in time, one to one, and how many of either lie in what was marked."""
    inside = [n for n, blink in enumerate(found) if any(a <= blink.peak_s < b for a, b in within_s)]
    pairs = []
    free = list(range(len(marks.start_s)))
    for n in inside:
        blink = found[n]
        near = [m for m in free if blink.start_s <= marks.end_s[m] and blink.end_s >= marks.start_s[m]]
        if near:
            best = min(near, key=lambda m: abs(blink.peak_s - marks.peak_s[m]))
            free.remove(best)
            pairs.append((n, best))
    return pairs, len(inside), len(marks.start_s)


def franck_rows(signs: dict[int, Signs], marks: Marks | None) -> list[Row]:
    """Blinks against the literature and against marks."""
    rows: list[Row] = []
    for own in signs.values():
        if own.blinks is None:
            rows.append((FRANCK, _rate(own), "blinks", "None", str(FRANCK_BLINKS), own.not_measurable["blinks"]))
            continue
        note = f"{own.blink_rate_per_min or 0:.1f} a minute; {own.lid_coverage:.0%} of the time with lids read"
        rows.append((FRANCK, _rate(own), "blinks in 200 s", str(len(own.blinks)), str(FRANCK_BLINKS), note))
        if marks is None:
            continue
        pairs, here, marked = match(own.blinks, marks, MARKED_S)
        off_s = [abs(own.blinks[n].peak_s - marks.peak_s[m]) for n, m in pairs]
        both = [(own.blinks[n].complete, marks.complete[m]) for n, m in pairs]
        known = [a == b for a, b in both if a is not None and b is not None]
        note = f"{len(pairs)} of {here} found ones, {marked} marked; peaks {1000 * np.mean(off_s or [np.nan]):.0f} ms apart"
        rows += [
            (FRANCK, _rate(own), "blinks by eye: precision", f"{len(pairs) / max(here, 1):.3f}", "", note),
            (FRANCK, _rate(own), "blinks by eye: recall", f"{len(pairs) / marked:.3f}", "", note),
            (FRANCK, _rate(own), "blinks by eye: same completeness", f"{sum(known)} of {len(known)}", "", ""),
        ]
    return rows


def yawn_rows(name: str, signs: dict[int, Signs], true: list[tuple[float, float]]) -> list[Row]:
    """Yawns found and false ones."""
    rows: list[Row] = []
    for own in signs.values():
        if own.yawns is None:
            rows.append((name, _rate(own), "yawns", "None", str(len(true)), own.not_measurable["yawns"]))
            continue
        hits = [any(yawn.start_s < end and yawn.end_s > start for yawn in own.yawns) for start, end in true]
        false = [y for y in own.yawns if not any(y.start_s < end and y.end_s > start for start, end in true)]
        spans = ", ".join(f"{yawn.start_s:.1f}-{yawn.end_s:.1f} s" for yawn in own.yawns) or "none"
        found = f"{sum(hits)} found, {len(false)} false"
        rows.append((name, _rate(own), "yawns", found, f"{len(true)} found, 0 false", f"found: {spans}"))
    return rows


def other_rows(name: str, signs: dict[int, Signs]) -> list[Row]:
    """What else was measured, and whether it depends on the rate."""
    rows: list[Row] = []
    for own in signs.values():
        values = {
            "blinks": None if own.blinks is None else len(own.blinks),
            "a minute": own.blink_rate_per_min,
            "duration": own.blink_duration_s,
            "PERCLOS": own.perclos,
            "microsleeps": None if own.microsleeps is None else len(own.microsleeps),
            "nods": None if own.nods is None else len(own.nods),
            "gaze down": own.gaze_down_share,
        }
        text = ", ".join(f"{what} {value:.3g}" for what, value in values.items() if value is not None)
        first = next(iter(own.not_measurable.items()), ("", ""))
        rows.append(
            (name, _rate(own), "signs", text or "none", "", f"not measurable: {first[0]}: {first[1]}" if first[0] else "")
        )
    return rows


def _rate(signs: Signs) -> str:
    return "-" if signs.frame_rate_hz is None else f"{signs.frame_rate_hz:.1f}"


def main() -> None:
    """Read the videos and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--marks", type=Path, default=Path(__file__).with_name("franck_blinks.csv"))
    args = parser.parse_args()
    try:
        videos = [
            path
            for folder in FOLDERS
            for path in sorted((args.media / folder).glob("*"))
            if path.suffix.lower() in _SUFFIXES
        ]
        if not videos:
            sys.exit(f"error: {args.media}: holds no videos in {', '.join(FOLDERS)}")
        listed = args.media / "yawdd" / "yawns.csv"
        yawns = {f"yawdd/{name}": own for name, own in read_yawns(listed).items()} if listed.is_file() else {}
        marks = read_marks(args.marks) if args.marks.is_file() else None
        store = Store(args.cache)
        rows: list[Row] = []
        for video in videos:
            name = video.relative_to(args.media).as_posix()
            print(f"reading {name}", file=sys.stderr)
            signs = {step: measure(recall(video, step, store)) for step in STEPS}
            if name == FRANCK:
                rows += franck_rows(signs, marks)
            rows += yawn_rows(name, signs, yawns.get(name, []))
            rows += other_rows(name, signs)
        print("| video | frames/s | what | measured | expected | note |\n|---|---|---|---|---|---|")
        for row in rows:
            print("| " + " | ".join(row) + " |")
    except FaceFatigueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
