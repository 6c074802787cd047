"""The data card: what a data set is, for whoever uses it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from facefatigue._version import __version__
from facefatigue.data.labels import BORDER, score_from_ratings
from facefatigue.studio.database.tables import State, now

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from facefatigue.data.agreement import Agreement, Coefficient
    from facefatigue.studio.agreement import Summary
    from facefatigue.studio.exchange.gathering import Entry, Gathered


_PERSONAL = (
    "Subjects are pseudonyms; videos show faces and voices and are personal data all the same: keep to what the consent "
    "text allows."
)
_PROTOCOL = (
    'Each label is (mean − 1) / 4 of all raters\' ratings from 1 to 5 in half points (arXiv:2104.10420). "Cannot judge" and '
    "hidden repeats are not part of it. Raters saw recordings in a random order of their own, with sound, and did not see "
    "the person's code, the scenario or the ratings of others."
)
_WITHDRAWN = (
    "Their recordings and ratings are deleted from the studio. Whoever holds a copy of an earlier export must delete "
    "theirs, too: export again into the same folder."
)


def card(gathered: Gathered, parts: Mapping[str, int], no_split: str) -> str:
    """The card as Markdown.

    Args:
        gathered: What was exported.
        parts: People in each part of the split; empty without one.
        no_split: Why there is none.
    """
    sections = {
        "What is in it": _content(gathered),
        "Labels": _labels(gathered.entries),
        "Agreement of the raters": _agreement(gathered.summary),
        "Scenarios": _scenarios(gathered.entries),
        "Consent": _consent(gathered),
        "What is left out": _left_out(gathered),
        "Split": [_split(parts, no_split)],
    }
    lines = [f"# {gathered.study.name}: data card", "", f"Made by facefatigue studio {__version__} on {now():%Y-%m-%d}.", ""]
    lines += [_PERSONAL, ""]
    for title, own in sections.items():
        lines += [f"## {title}", "", *own, ""]
    return "\n".join(lines)


def _content(gathered: Gathered) -> list[str]:
    entries = gathered.entries
    people = Counter(entry.person for entry in entries)
    rows = [
        ("recordings with a label", len(entries)),
        ("people", len(people)),
        ("recordings of one person", f"{min(people.values())} to {max(people.values())}"),
        ("recorded from, to", f"{_day(gathered.first_at)}, {_day(gathered.last_at)}"),
        ("length in seconds", _range(entries, "duration_s")),
        ("brought as a file, not recorded in the page", sum(entry.further["brought"] == "yes" for entry in entries)),
        ("without audible sound", sum(entry.further["has_sound"] == "no" for entry in entries)),
    ]
    return _table(("what", "count"), rows)


def _labels(entries: Sequence[Entry]) -> list[str]:
    scores = [_score(entry) for entry in entries]
    tired = sum(score >= BORDER for score in scores)
    counts = sorted(Counter(len(entry.ratings) for entry in entries).items())
    return [
        _PROTOCOL,
        "",
        f"Mean score {sum(scores) / len(scores):.3f}; {tired} of {len(scores)} at least {BORDER:g} (fatigue).",
        "",
        *_table(("score from, to", "recordings"), _histogram(scores)),
        "",
        *_table(("ratings of a recording", "recordings"), counts),
    ]


def _scenarios(entries: Sequence[Entry]) -> list[str]:
    found: dict[str, list[float]] = {}
    for entry in entries:
        found.setdefault(entry.scenario or "not told", []).append(_score(entry))
    rows = [(name, len(own), f"{sum(own) / len(own):.3f}") for name, own in sorted(found.items())]
    return _table(("scenario", "recordings", "mean score"), rows)


def _consent(gathered: Gathered) -> list[str]:
    rows = [(f"version {version}", count) for version, count in gathered.consents.items()]
    return [
        *_table(("version of the consent text", "people of this export"), rows),
        "",
        f"{gathered.people} people signed a consent in all; {gathered.withdrawn} of them withdrew. {_WITHDRAWN}",
    ]


def _left_out(gathered: Gathered) -> list[str]:
    rows = [
        ("accepted, without a rating that counts", gathered.unrated),
        ("accepted, with fewer ratings than asked for", gathered.too_few),
        ("for the raters' training", gathered.training),
        *((state, count) for state, count in sorted(gathered.states.items()) if state != State.ACCEPTED),
    ]
    return _table(("recordings", "count"), rows)


def _split(parts: Mapping[str, int], no_split: str) -> str:
    if not parts:
        return f"None: {no_split}."
    told = ", ".join(f"{part} {count}" for part, count in parts.items())
    return f"`split.json` divides people, never recordings: {told}. `facefatigue data split` makes others, with folds."


def _agreement(summary: Summary) -> list[str]:
    found = summary.agreement
    if found is None:
        return ["No recording has the ratings of two raters."]
    rests_on = (
        f"The ICC rests on the {found.complete} recordings that all {len(found.raters)} raters rated, alpha on the "
        f"{found.recordings} with two ratings or more. `facefatigue data agreement manifest.csv` gives the same figures."
    )
    lines = [*_coefficients(found, "all raters"), "", rests_on, ""]
    busiest = summary.busiest
    if busiest is not None:
        names = ", ".join(busiest.raters)
        among = (
            "Where there are more raters than rate each recording, few recordings have the ratings of all. Among the "
            f"{len(busiest.raters)} with most ratings ({names}), on the {busiest.complete} recordings that all of these "
            "rated:"
        )
        lines += [among, "", *_coefficients(busiest, "these raters"), ""]
    rows = []
    for bias in found.bias:
        own = summary.consistency[bias.rater]
        again = "none" if own.difference is None else f"{own.difference:.2f} ({own.repeats})"
        rows.append((bias.rater, bias.ratings, f"{bias.bias:+.2f}" if bias.ratings else "none", again))
    heads = ("rater", "recordings rated with others", "bias in points", "mean difference to own hidden repeats (number)")
    return lines + _table(heads, rows)


def _coefficients(found: Agreement, whom: str) -> list[str]:
    rows = [
        ("ICC(2,1), absolute agreement of one rater", *_coefficient(found.icc_single)),
        (f"ICC(2,{len(found.raters)}), of the mean of {whom}", *_coefficient(found.icc_mean)),
        ("Krippendorff's alpha, interval", *_coefficient(found.alpha)),
    ]
    return _table(("measure", "value", "95 % interval"), rows)


def _coefficient(value: Coefficient | None) -> tuple[str, str]:
    if value is None:
        return "not measurable", ""
    return f"{value.value:.3f}", "" if value.low is None else f"{value.low:.3f} to {value.high:.3f}"


def _histogram(scores: Sequence[float]) -> list[tuple[str, int]]:
    counts = Counter(min(int(score * 5), 4) for score in scores)
    return [(f"{part / 5:.1f}, {(part + 1) / 5:.1f}", counts[part]) for part in range(5)]


def _score(entry: Entry) -> float:
    return score_from_ratings(list(entry.ratings.values()))


def _range(entries: Sequence[Entry], column: str) -> str:
    values = [float(entry.further[column]) for entry in entries if entry.further[column]]
    return f"{min(values):.1f} to {max(values):.1f}, {sum(values):.0f} in all" if values else "not known"


def _day(moment: dt.datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(heads), line(["---"] * len(heads)), *(line(row) for row in rows)]
