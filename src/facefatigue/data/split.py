"""Splits: who is trained on, who chooses, who is tested; a person is never on two sides."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from facefatigue.atomic import atomic_path
from facefatigue.data.leaks import leaks
from facefatigue.data.rows import FaultsError
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from facefatigue.data.clip_list import ClipList

SCHEMA = "facefatigue.split/1"
PARTS = ("train", "validation", "test")
SCORE_BINS = 5
LOSO_VALIDATION_SHARE = 0.2

Scheme = Literal["parts", "k-fold", "leave-one-subject-out", "given folds"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """What a split looks at, of one recording or clip: who, when, and how tired; and a fold that is given, if one is."""

    subject: str
    session: str
    score: float
    fold: str = ""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Who is on which side, for one or more folds.

    Attributes:
        scheme: How it was made.
        seed: Of the order in which equals were dealt out.
        source: The list that it was made of, in words.
        folds: For each fold the subjects of each part, sorted.
        sha256: Over scheme, seed and all folds, 64 hex digits.
    """

    scheme: Scheme
    seed: int
    source: str
    folds: tuple[Mapping[str, tuple[str, ...]], ...]

    @property
    def sha256(self) -> str:
        """SHA-256 over how it was made and who is where, 64 hex digits."""
        folds = [{part: list(fold[part]) for part in PARTS} for fold in self.folds]
        text = json.dumps([self.scheme, self.seed, folds], ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def describe(self, fold: int, part: str) -> str:
        """One fold's part in words, for every result that rests on it.

        Args:
            fold: From 0.
            part: train, validation or test.
        """
        which = "" if len(self.folds) == 1 else f", fold {fold + 1} of {len(self.folds)}"
        return f"{part} part of a subject-disjoint split ({self.scheme}{which}, seed {self.seed}, sha256 {self.sha256[:12]})"

    def people(self, fold: int, part: str) -> frozenset[str]:
        """Everyone of one part.

        Args:
            fold: From 0.
            part: train, validation or test.

        Raises:
            ConfigurationError: There is no such fold.
        """
        if not 0 <= fold < len(self.folds):
            raise ConfigurationError(f"there is no fold {fold + 1}; the split has {len(self.folds)}")
        return frozenset(self.folds[fold][part])

    def parts(self, clips: ClipList, fold: int = 0, *, needed: Sequence[str] = PARTS) -> dict[str, ClipList]:
        """Divide a list of clips.

        Args:
            clips: The list; everyone in it must be in the split.
            fold: Which fold, from 0.
            needed: Parts that must have clips.

        Returns:
            A list of clips for train, validation and test.

        Raises:
            FaultsError: Somebody is not in the split, a needed part has no clips, or two parts share a session.
            ConfigurationError: There is no such fold.
        """
        sides = {part: self.people(fold, part) for part in PARTS}
        strangers = sorted(clips.subjects - {name for part in PARTS for name in sides[part]})
        faults = [f"subject {name!r} of {clips.path} is not in the split" for name in strangers]
        divided = {part: clips.of_subjects(sides[part], self.describe(fold, part)) for part in PARTS}
        faults += [f"nobody of its {part} part has clips in {clips.path}" for part in needed if not len(divided[part])]
        faults += leaks(list(divided.items()))
        if faults:
            raise FaultsError("the split", faults)
        return divided


def labelled(clips: ClipList, *, fold: str = "") -> list[Labelled]:
    """What a split looks at, of every clip.

    Args:
        clips: The list.
        fold: The column with a given fold; empty: none.
    """
    return [
        Labelled(subject=clip.subject, session=clip.session, score=clip.score, fold=clip.cells.get(fold, ""))
        for clip in clips.clips
    ]


def split_parts(
    items: Sequence[Labelled],
    shares: Mapping[str, float],
    *,
    seed: int,
    source: str,
    kept: Mapping[str, str] | None = None,
) -> Split:
    """One division into train, validation and test.

    Args:
        items: All recordings or clips.
        shares: Share of each part, above 0; they are scaled to sum to 1.
        seed: Of the order in which equals are dealt out.
        source: The list, in words.
        kept: The part of people who have one from before, when the list was shorter: they stay there, and others are dealt
            out around them. Where that would leave a part empty, all are dealt out anew.

    Raises:
        ConfigurationError: Fewer groups of people than parts, or shares that are none.
    """
    wrong = [part for part in PARTS if not 0 < shares.get(part, 0) < math.inf]
    if wrong or set(shares) != set(PARTS):
        raise ConfigurationError(f"the shares are {dict(shares)}; train, validation and test each need one above 0")
    groups = _groups(items)
    _enough(groups, 3, "train, validation and test")
    fixed = [_part_before(group, kept or {}) for group in groups]
    if fixed.count(None) < len(set(range(len(PARTS))) - set(fixed)):
        fixed = [None] * len(groups)
    dealt = _deal(groups, [shares[part] for part in PARTS], seed, fixed)
    fold = {part: tuple(sorted(_names(groups, dealt, {number}))) for number, part in enumerate(PARTS)}
    return Split(scheme="parts", seed=seed, source=source, folds=(fold,))


def split_folds(items: Sequence[Labelled], folds: int, *, seed: int, source: str) -> Split:
    """Stratified group k-fold: each fold's people are tested once, the next fold's choose, the rest is trained on.

    Args:
        items: All recordings or clips.
        folds: k, at least 3.
        seed: Of the order in which equals are dealt out.
        source: The list, in words.

    Raises:
        ConfigurationError: Too few folds, or fewer groups of people than folds.
    """
    if folds < 3:
        raise ConfigurationError(f"{folds} folds leave nothing to train on beside validation and test; give at least 3")
    groups = _groups(items)
    _enough(groups, folds, f"{folds} folds")
    dealt = _deal(groups, [1.0] * folds, seed)
    sides = []
    for number in range(folds):
        validation = (number + 1) % folds
        rest = set(range(folds)) - {number, validation}
        wanted = {"train": rest, "validation": {validation}, "test": {number}}
        sides.append({part: tuple(sorted(_names(groups, dealt, own))) for part, own in wanted.items()})
    return Split(scheme="k-fold", seed=seed, source=source, folds=tuple(sides))


def split_given(items: Sequence[Labelled], *, source: str) -> Split:
    """Folds that the data set itself gives: each one's people are tested once, the next one's choose the checkpoint.

    Args:
        items: All recordings or clips, each with its fold.
        source: The list, in words.

    Raises:
        FaultsError: An item has no fold, there are fewer than three, or people or sessions are in two, who are named.
    """
    names = sorted({item.fold for item in items}, key=lambda name: (len(name), name))
    faults = [] if "" not in names else ["some lines have no fold"]
    if len(names) < 3:
        faults.append(f"there are {len(names)} folds; training, validation and test need at least 3")
    for what, key in (("subject", "subject"), ("session", "session")):
        folds_of: dict[str, set[str]] = {}
        for item in items:
            folds_of.setdefault(getattr(item, key), set()).add(item.fold)
        faults += [
            f"{what} {name!r} is in the folds {', '.join(sorted(folds))}"
            for name, folds in sorted(folds_of.items())
            if name and len(folds) > 1
        ]
    if faults:
        raise FaultsError(f"the folds of {source}", faults)
    people = [tuple(sorted({item.subject for item in items if item.fold == name})) for name in names]
    sides = []
    for number in range(len(names)):
        validation = (number + 1) % len(names)
        rest = [own for place, own in enumerate(people) if place not in {number, validation}]
        train = tuple(sorted(name for own in rest for name in own))
        sides.append({"train": train, "validation": people[validation], "test": people[number]})
    return Split(scheme="given folds", seed=0, source=source, folds=tuple(sides))


def split_leave_one_out(items: Sequence[Labelled], *, seed: int, source: str) -> Split:
    """Leave one subject out: everyone is tested once; a fifth of the others, by clips, choose the checkpoint.

    People who share a session are left out together.

    Args:
        items: All recordings or clips.
        seed: Of the order in which equals are dealt out.
        source: The list, in words.

    Raises:
        ConfigurationError: Fewer than three groups of people.
    """
    groups = _groups(items)
    _enough(groups, 3, "leave-one-subject-out")
    sides = []
    for number, group in enumerate(groups):
        others = groups[:number] + groups[number + 1 :]
        dealt = _deal(others, [1 - LOSO_VALIDATION_SHARE, LOSO_VALIDATION_SHARE], seed)
        wanted = {part: tuple(sorted(_names(others, dealt, {side}))) for side, part in enumerate(PARTS[:2])}
        sides.append({**wanted, "test": tuple(sorted(group.subjects))})
    return Split(scheme="leave-one-subject-out", seed=seed, source=source, folds=tuple(sides))


def write_split(split: Split, path: str | Path) -> None:
    """Write a split as JSON.

    Raises:
        OutputError: It cannot be written.
    """
    entries = {
        "schema": SCHEMA,
        "scheme": split.scheme,
        "seed": split.seed,
        "source": split.source,
        "sha256": split.sha256,
        "folds": [{part: list(fold[part]) for part in PARTS} for fold in split.folds],
    }
    with atomic_path(Path(path)) as partial:
        partial.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_split(path: str | Path) -> Split:
    """Read a split file and check that it is one: nobody on two sides, everyone tested once, unchanged since it was made.

    Raises:
        FaultsError: It cannot be read, is none, was changed, or somebody is on two sides, who is named.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is not JSON"
        raise FaultsError(f"the split {path}", [str(reason)]) from None
    if not _is_split(entries):
        raise FaultsError(f"the split {path}", [f"it is no split of this version ({SCHEMA})"])
    folds = tuple({part: tuple(fold[part]) for part in PARTS} for fold in entries["folds"])
    split = Split(scheme=entries["scheme"], seed=entries["seed"], source=entries["source"], folds=folds)
    faults = [
        f"fold {number}: subject {name!r} is in more than one part"
        for number, fold in enumerate(folds, start=1)
        for name, count in Counter(name for part in PARTS for name in fold[part]).items()
        if count > 1
    ]
    faults += _unfair(split)
    if not faults and entries["sha256"] != split.sha256:
        faults = ["its sha256 is not that of its folds: it was changed after it was made; make it again"]
    if faults:
        raise FaultsError(f"the split {path}", faults)
    return split


def _unfair(split: Split) -> list[str]:
    """Faults of folds that are not about the same people, or that test somebody more or less often than once."""
    everyone = [frozenset(name for part in PARTS for name in fold[part]) for fold in split.folds]
    faults = [] if len(set(everyone)) == 1 else ["its folds are not about the same people"]
    if split.scheme != "parts" and not faults:
        tested = Counter(name for fold in split.folds for name in fold["test"])
        faults += [
            f"subject {name!r} is tested {tested[name]} times, not once" for name in sorted(everyone[0]) if tested[name] != 1
        ]
    return faults


def _is_split(entries: Any) -> bool:
    return (
        isinstance(entries, dict)
        and entries.get("schema") == SCHEMA
        and entries.get("scheme") in SCHEMES
        and type(entries.get("seed")) is int
        and isinstance(entries.get("source"), str)
        and isinstance(entries.get("folds"), list)
        and bool(entries["folds"])
        and all(
            isinstance(fold, dict)
            and all(isinstance(fold.get(part), list) and all(isinstance(n, str) for n in fold[part]) for part in PARTS)
            for fold in entries["folds"]
        )
    )


@dataclass(frozen=True, eq=False)
class _Group:
    """People who must stay together, because they share a session; mostly one person."""

    subjects: tuple[str, ...]
    bins: NDArray[np.float64]  # (SCORE_BINS,) items with a score in each bin


def _groups(items: Sequence[Labelled]) -> list[_Group]:
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    first_of: dict[str, str] = {}
    for item in items:
        mine = find(item.subject)
        if item.session:
            leader[mine] = find(first_of.setdefault(item.session, item.subject))
    bins: dict[str, NDArray[np.float64]] = {}
    members: dict[str, set[str]] = {}
    for item in items:
        root = find(item.subject)
        members.setdefault(root, set()).add(item.subject)
        counts = bins.setdefault(root, np.zeros(SCORE_BINS))
        counts[min(int(item.score * SCORE_BINS), SCORE_BINS - 1)] += 1
    found = [_Group(tuple(sorted(members[root])), bins[root]) for root in members]
    return sorted(found, key=lambda group: group.subjects)


def _enough(groups: Sequence[_Group], wanted: int, what: str) -> None:
    if len(groups) >= wanted:
        return
    people = sum(len(group.subjects) for group in groups)
    joined = f" ({people} people, of whom some share a session: give sessions names that are unique over the list)"
    raise ConfigurationError(
        f"{len(groups)} {'person is' if len(groups) == 1 else 'people are'} too few for {what}"
        f"{joined if people > len(groups) else ''}; a person belongs to one side only"
    )


def _part_before(group: _Group, kept: Mapping[str, str]) -> int | None:
    """The part that a group had; None for a new one, and where its people had different parts."""
    parts = {kept[name] for name in group.subjects if name in kept}
    return PARTS.index(parts.pop()) if len(parts) == 1 else None


def _deal(
    groups: Sequence[_Group], shares: Sequence[float], seed: int, fixed: Sequence[int | None] | None = None
) -> list[int]:
    """The part of each group: largest first, each to where the scores' counts then come nearest to the parts' shares.

    Groups that are `fixed` have theirs already.
    """
    table = np.stack([np.append(group.bins, group.bins.sum()) for group in groups])  # (G, SCORE_BINS + 1)
    if seed < 0:
        raise ConfigurationError(f"the seed is {seed}; it must be a whole number of at least 0")
    total = table.sum(axis=0)
    wanted = np.outer(np.array(shares) / sum(shares), total)  # (parts, SCORE_BINS + 1)
    scale = np.maximum(total, 1)
    shuffled = np.random.default_rng(seed).permutation(len(groups))
    order = sorted(shuffled.tolist(), key=lambda number: -table[number, -1])
    have = np.zeros_like(wanted)
    dealt = [0] * len(groups)
    filled: Counter[int] = Counter()
    for number, given in enumerate(fixed or ()):
        if given is not None:
            have[given] += table[number]
            dealt[number] = given
            filled[given] += 1
            order.remove(number)
    for done, number in enumerate(order):
        empty = [part for part in range(len(shares)) if not filled[part]]
        # The last groups go where there would otherwise be nobody.
        open_parts = empty if len(order) - done <= len(empty) else range(len(shares))
        part = min(open_parts, key=lambda side: _misfit_gain(have[side], wanted[side], table[number], scale))
        have[part] += table[number]
        dealt[number] = part
        filled[part] += 1
    return dealt


def _misfit_gain(
    have: NDArray[np.float64], wanted: NDArray[np.float64], more: NDArray[np.float64], scale: NDArray[np.float64]
) -> float:
    """How much worse (or, below 0, better) a part fits its share when it gets ``more``, relative to the share."""
    before, after = (have - wanted) ** 2, (have + more - wanted) ** 2
    return float(np.sum((after - before) / (scale * np.maximum(wanted, 1e-9))))


def _names(groups: Sequence[_Group], dealt: Sequence[int], sides: set[int]) -> Iterable[str]:
    return (name for group, side in zip(groups, dealt, strict=True) if side in sides for name in group.subjects)
