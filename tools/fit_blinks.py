"""Fit the blinks of synth/cues.py to UTA-RLDD, and compare acted blinks with the real ones.

    python tools/fit_blinks.py DIR [--people 58] [--minutes 10]

DIR holds the blink features published with UTA-RLDD (Ghoddoosian, Galib & Athitsos 2019): sequences of 30 blinks with
frequency, amplitude, duration and eye-opening velocity, one BlinksTest_30_FoldN.npy and LabelsTest_30_FoldN.npy for each of
five folds, and video_starts.json with the first sequence of each video. What its published code says of them:

* A video of a person gives one sequence every two blinks: they overlap, and are unrolled here, so that a blink counts once.
  Rows of zeros fill up a video of less than 30 blinks, and are left out.
* Each person has an alert, a low-vigilant and a drowsy video of about ten minutes, in this order. Mean and standard
  deviation of the last third of the alert blinks normalise all; the alert video gives its first two thirds.
* Frequency is 100 times the blinks so far over the frames so far: a running mean, whose normalised values say little. The
  blink rate is fitted to the number of blinks of a video instead, that of the alert video times 1.5.

Everything is worked out for each person first, then over people. Acted blinks are measured at 30 Hz from what the lids do,
with noise like that of a landmark tracker, and normalised in the same way.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.synth.cues import STATES, make_temperament, perform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.synth.performance import Performance

    Blinks = NDArray[np.float64]  # (B, 4) frequency, amplitude, duration, eye-opening velocity
    Person = list[Blinks]  # alert, low vigilance, drowsy

NAMES = ("alert", "low vigilance", "drowsy")
FEATURES = ("frequency", "amplitude", "duration", "opening velocity")
SEQUENCE, STEP = 30, 2
RATE_HZ = 30.0
OPEN_EAR, LEAST_EAR = 0.30, 0.04  # aspect ratio of an open eye; the published detector drops blinks of less than 0.04
NOISE_EAR = 0.010  # standard deviation of a tracker's aspect ratio from frame to frame: an estimate of ours
SLOW = 2.0  # a blink is slow from this many alert standard deviations over the alert mean
ROBUST = 1.349  # interquartile range of a normal distribution, in standard deviations


def read_people(folder: Path) -> list[Person]:
    """The blinks of each person in each state, each once."""
    starts = json.loads((folder / "video_starts.json").read_text(encoding="utf-8"))["fold"]
    people: list[Person] = []
    for fold, firsts in starts.items():
        sequences = np.load(folder / f"BlinksTest_{SEQUENCE}_Fold{fold}.npy")
        labels = np.load(folder / f"LabelsTest_{SEQUENCE}_Fold{fold}.npy")[:, 0]
        videos = [unroll(sequences[a:b]) for a, b in zip(firsts, [*firsts[1:], len(sequences)], strict=True)]
        if [int(labels[first]) for first in firsts] != [0, 5, 10] * (len(firsts) // 3):
            raise SystemExit(f"fold {fold}: its videos are not alert, low-vigilant, drowsy in turn")
        people += [videos[i : i + 3] for i in range(0, len(videos), 3)]
    return people


def unroll(sequences: NDArray[np.float64]) -> Blinks:
    """The blinks of one video from its overlapping sequences."""
    if not all(np.allclose(a[STEP:], b[:-STEP]) for a, b in itertools.pairwise(sequences)):
        raise SystemExit("sequences of one video do not overlap as expected; is video_starts.json of the same data?")
    blinks = np.concatenate([sequences[0], *(sequence[-STEP:] for sequence in sequences[1:])])
    return np.asarray(blinks[(blinks != 0).any(axis=1)])


def act_person(seed: int, minutes: float) -> Person:
    """Blinks of one acted person, measured and normalised like the real ones."""
    rng = np.random.default_rng([17, seed])
    person = make_temperament(rng)
    time_s = np.arange(round(minutes * 60 * RATE_HZ)) / RATE_HZ
    videos = [measure(perform(state, person, time_s, rng, yawns=[], distract=False), rng) for state in STATES]
    alert = videos[0]
    if len(alert) < 6:
        return []
    last = alert[-(len(alert) // 3) :]
    mean, spread = last.mean(axis=0), np.maximum(last.std(axis=0), 1e-9)
    return [(video - mean) / spread for video in (alert[: len(alert) - len(last)], *videos[1:])]


def measure(act: Performance, rng: np.random.Generator) -> Blinks:
    """What a tracker sees of each blink, defined as in the published code."""
    shut = (act.expressions["eyeBlink_L"] + act.expressions["eyeBlink_R"]) / 2
    ear = OPEN_EAR * (1 - shut) + rng.normal(0, NOISE_EAR, len(act.time_s))
    ear = np.convolve(np.pad(ear, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")
    found: list[tuple[float, ...]] = []
    for blink in act.blinks:
        first, last = np.searchsorted(act.time_s, (blink.start_s - 0.1, blink.end_s + 0.15))
        if last - first < 4 or first == 0 or last == len(ear):
            continue
        part = ear[first:last]
        bottom = int(part.argmin())
        if not 0 < bottom < len(part) - 1:
            continue
        top, end = int(part[:bottom].argmax()), bottom + int(part[bottom:].argmax())
        amplitude = 0.5 * (part[top] + part[end]) - part[bottom]
        if amplitude > LEAST_EAR:
            low = bottom + int(np.flatnonzero(part[bottom : end + 1] < part[bottom] + 0.2 * amplitude)[-1])
            velocity = (part[end] - part[low]) / (end - low + 1)
            found.append((100 * (len(found) + 1) / last, amplitude, end - top + 1, velocity))
    return np.array(found).reshape(-1, 4)


def spread(values: NDArray[np.float64]) -> float:
    """Standard deviation that a few wild people do not move."""
    return float(np.subtract(*np.quantile(values, (0.75, 0.25))) / ROBUST)


def rates(people: list[Person]) -> NDArray[np.float64]:
    """(P, 2) natural log of the blinks in the other two videos over those of the alert one."""
    counts = np.array([[1.5 * len(p[0]), len(p[1]), len(p[2])] for p in people])
    return np.asarray(np.log(counts[:, 1:] / counts[:, :1]))


def slow_share(people: list[Person], state: int) -> NDArray[np.float64]:
    """(P,) share of slow blinks."""
    return np.array([(person[state][:, 2] > SLOW).mean() for person in people])


def correlations(people: list[Person], state: int) -> NDArray[np.float64]:
    """(3, 3) rank correlations of amplitude, duration and velocity within a person, the median over people."""
    ranks = [person[state][:, 1:].argsort(axis=0).argsort(axis=0) for person in people if len(person[state]) > 5]
    return np.asarray(np.median([np.corrcoef(rank.T) for rank in ranks], axis=0))


def table(what: str, people: list[Person]) -> None:
    """Print the distribution over and within people."""
    print(f"\n{what}: {len(people)} people, {sum(len(video) for person in people for video in person)} blinks")
    print(f"{'':34}{'person medians':>16}{'':8}{'person means':>14}{'':10}{'within':>8}{'p10':>8}{'p90':>8}")
    print(f"{'':34}{'median':>8}{'spread':>8}{'':8}{'mean':>6}{'sd':>8}{'':10}{'spread':>8}")
    for number, feature in enumerate(FEATURES):
        for state, name in enumerate(NAMES):
            values = [person[state][:, number] for person in people]
            medians = np.array([np.median(v) for v in values])
            means = np.array([v.mean() for v in values])
            inner = np.median([spread(v) for v in values])
            low, high = np.median([np.quantile(v, (0.1, 0.9)) for v in values], axis=0)
            print(
                f"  {feature:17}{name:15}{np.median(medians):8.2f}{spread(medians):8.2f}{'':6}{means.mean():8.2f}"
                f"{means.std():8.2f}{'':10}{inner:8.2f}{low:8.2f}{high:8.2f}"
            )
    change = rates(people)
    for state in (1, 2):
        own = change[:, state - 1]
        print(
            f"  log of blinks over alert, {NAMES[state]:13} median {np.median(own):5.2f} spread {spread(own):.2f}"
            f" sd {own.std():.2f}; {100 * (own > 0).mean():.0f} % of people blink more"
        )
    for state, name in enumerate(NAMES):
        share, matrix = slow_share(people, state), correlations(people, state)
        print(
            f"  slow blinks, {name:13} mean {share.mean():.3f}, quartiles {np.quantile(share, 0.25):.3f} and"
            f" {np.quantile(share, 0.75):.3f}; rank correlations: amplitude-duration {matrix[0, 1]:.2f},"
            f" amplitude-velocity {matrix[0, 2]:.2f}, duration-velocity {matrix[1, 2]:.2f}"
        )


def constants(people: list[Person]) -> None:
    """Print what cues.py holds."""
    change = rates(people)
    medians = np.array([[np.median(video[:, 2]) for video in person] for person in people])
    shift = medians[:, 1:] - medians[:, :1]
    slow = [slow_share(people, state).mean() for state in range(3)]
    tired = [np.concatenate([person[1][:, 2], person[2][:, 2]]) for person in people]
    beyond = [(lengths[lengths > SLOW] - SLOW).mean() for lengths in tired if (lengths > SLOW).any()]
    # Durations are whole frames: the smallest step between two is one frame.
    steps = [np.diff(np.unique(np.concatenate([video[:, 2] for video in person]).round(6))) for person in people]
    frames = np.median([1 / step[step > 1e-4].min() for step in steps])
    alert = correlations(people, 0)
    print("\nConstants of synth/cues.py")
    for name, values in (("RATE_LOG", change), ("DURATION_SHIFT", shift)):
        print(f"  {name} {np.median(values, axis=0).round(2).tolist()}, spread {np.mean([spread(v) for v in values.T]):.2f}")
    print(f"  SLOW_SHARE {[round(float(share - slow[0]), 2) for share in slow[1:]]} over {slow[0]:.3f} when alert")
    print(
        f"  SLOW_EXCESS {np.median(beyond):.1f} (median over people; some have values of 100 and more, which are no blinks)"
    )
    print(f"  DURATION_SD_S {frames / RATE_HZ:.3f}: {frames:.1f} frames at {RATE_HZ:.0f} Hz")
    print(f"  AMPLITUDE_DURATION {alert[0, 1]:.2f}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--people", type=int, default=58, help="how many to act (default: as many as are real)")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of each acted video")
    args = parser.parse_args()
    real = read_people(args.folder)
    print(f"{len(real)} people × 3 videos in five subject-disjoint folds, in units of the own alert blinks (last third)")
    table("Real (UTA-RLDD)", real)
    constants(real)
    acted = [person for seed in range(args.people) if (person := act_person(seed, args.minutes))]
    table(f"Acted at fatigue {', '.join(f'{state:g}' for state in STATES)} (synthetic)", acted)


if __name__ == "__main__":
    main()
