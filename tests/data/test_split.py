"""Splits: nobody on two sides, scores spread evenly, files that cannot be changed unseen."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.data.clip_list import read_clips
from facefatigue.data.rows import FaultsError
from facefatigue.data.split import (
    PARTS,
    Labelled,
    labelled,
    read_split,
    split_folds,
    split_given,
    split_leave_one_out,
    split_parts,
    write_split,
)
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}


def people(count: int, *, seed: int = 0) -> list[Labelled]:
    random = np.random.default_rng(seed)
    return [
        Labelled(
            subject=f"p{number:02d}", session=f"p{number:02d}-{item}", score=float(random.random() * (1 + number % 3) / 3)
        )
        for number in range(count)
        for item in range(int(random.integers(2, 12)))
    ]


def everyone(items: list[Labelled]) -> set[str]:
    return {item.subject for item in items}


def test_nobody_is_on_two_sides_and_nobody_is_left_out() -> None:
    items = people(31)
    for split in (
        split_parts(items, SHARES, seed=3, source="x"),
        split_folds(items, 5, seed=3, source="x"),
        split_leave_one_out(items, seed=3, source="x"),
    ):
        for fold in split.folds:
            sides = [set(fold[part]) for part in PARTS]
            assert all(sides)
            assert not any(first & second for first, second in combinations(sides, 2))
            assert set.union(*sides) == everyone(items)
    folds = split_folds(items, 5, seed=3, source="x").folds
    assert sorted(name for fold in folds for name in fold["test"]) == sorted(everyone(items))
    assert [fold["validation"] for fold in folds] == [*(fold["test"] for fold in folds[1:]), folds[0]["test"]]
    alone = split_leave_one_out(items, seed=3, source="x").folds
    assert [fold["test"] for fold in alone] == [(name,) for name in sorted(everyone(items))]


def test_scores_and_sizes_are_spread_evenly() -> None:
    items = people(60)
    shares, tired = [], []
    for fold in split_folds(items, 5, seed=0, source="x").folds:
        own = [item for item in items if item.subject in fold["test"]]
        shares.append(len(own) / len(items))
        tired.append(np.mean([item.score >= 0.5 for item in own]))
    assert np.ptp(shares) < 0.03
    assert np.ptp(tired) < 0.06, "random folds differ by about 0.2"
    (fold,) = split_parts(items, SHARES, seed=0, source="x").folds
    for part, share in SHARES.items():
        assert sum(item.subject in fold[part] for item in items) / len(items) == pytest.approx(share, abs=0.03)


def test_same_seed_same_split_and_the_order_of_lines_does_not_matter() -> None:
    items = people(20)
    first = split_folds(items, 4, seed=1, source="x")
    assert first.sha256 == split_folds(list(reversed(items)), 4, seed=1, source="y").sha256
    assert first.sha256 != split_folds(items, 4, seed=2, source="x").sha256


def test_people_stay_where_they_were_when_others_come() -> None:
    items = people(12)
    before = split_parts(items[: len(items) // 2], SHARES, seed=0, source="x").folds[0]
    kept = {name: part for part, names in before.items() for name in names}
    after = split_parts(items, SHARES, seed=0, source="x", kept=kept).folds[0]
    assert all(set(before[part]) <= set(after[part]) for part in before)
    assert sum(map(len, after.values())) == len({item.subject for item in items})
    everybody_trained = dict.fromkeys(kept, "train")
    assert all(split_parts(items, SHARES, seed=0, source="x", kept=everybody_trained).folds[0].values())
    left = [item for item in items if item.subject in kept]  # those who were tested on withdrew, and nobody came
    parts = split_parts(left, SHARES, seed=0, source="x", kept=everybody_trained).folds[0]
    assert all(parts.values())


def test_people_who_share_a_session_stay_together() -> None:
    items = [
        *people(12),
        Labelled(subject="p03", session="both", score=0.1),
        Labelled(subject="p07", session="both", score=0.2),
    ]
    for fold in split_folds(items, 4, seed=0, source="x").folds:
        assert len([part for part in PARTS if {"p03", "p07"} & set(fold[part])]) == 1
    everyone_in_one = [Labelled(subject=f"p{n}", session="1", score=0.5) for n in range(10)]
    with pytest.raises(ConfigurationError, match="share a session: give sessions names that are unique"):
        split_folds(everyone_in_one, 3, seed=0, source="x")


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_people(count: int) -> None:
    for make in (
        lambda items: split_parts(items, SHARES, seed=0, source="x"),
        lambda items: split_folds(items, 3, seed=0, source="x"),
        lambda items: split_leave_one_out(items, seed=0, source="x"),
    ):
        with pytest.raises(ConfigurationError, match="too few for"):
            make(people(count))


def test_numbers_that_make_no_sense() -> None:
    with pytest.raises(ConfigurationError, match="at least 3"):
        split_folds(people(9), 2, seed=0, source="x")
    with pytest.raises(ConfigurationError, match="each need one above 0"):
        split_parts(people(9), {"train": 1, "validation": 0, "test": 1}, seed=0, source="x")


def test_files_are_read_back_and_refused_when_changed(tmp_path: Path) -> None:
    path, split = tmp_path / "split.json", split_folds(people(9), 3, seed=0, source="people")
    write_split(split, path)
    assert read_split(path) == split
    entries = json.loads(path.read_text())
    moved = json.loads(path.read_text())
    moved["folds"][0]["train"].append(moved["folds"][0]["test"].pop())
    twice = json.loads(path.read_text())
    twice["folds"][1]["train"].append(twice["folds"][1]["test"][0])
    for changed, words in (
        (moved, "is tested 0 times, not once"),
        ({**entries, "seed": 7}, "it was changed after it was made"),
        ({**entries, "scheme": "leave-one-subject-out"}, "it was changed after it was made"),
        ({**entries, "seed": True}, "no split of this version"),
        (twice, "is in more than one part"),
        ({**entries, "schema": "other"}, "no split of this version"),
        ({**entries, "folds": [{"train": "abc"}]}, "no split of this version"),
        ([], "no split of this version"),
    ):
        path.write_text(json.dumps(changed))
        with pytest.raises(FaultsError, match=words):
            read_split(path)
    path.write_text("{")
    with pytest.raises(FaultsError, match="not JSON"):
        read_split(path)
    with pytest.raises(FaultsError, match="No such file"):
        read_split(tmp_path / "none.json")


def test_a_list_is_divided_by_who_is_seen(tmp_path: Path, write_clips: Callable[..., Path]) -> None:
    clips = read_clips(write_clips(tmp_path / "clips", np.random.default_rng(0).random(24), subjects=6))
    split = split_folds(labelled(clips), 3, seed=0, source="x")
    parts = split.parts(clips, 1)
    assert sum(len(part) for part in parts.values()) == 24
    assert "fold 2 of 3" in str(parts["test"])
    assert split.sha256[:12] in parts["test"].part
    assert parts["test"].fingerprint != parts["train"].fingerprint
    stranger = read_clips(write_clips(tmp_path / "others", np.random.default_rng(0).random(7), subjects=1))
    with pytest.raises(FaultsError, match=r"subject 'others-0' of .* is not in the split.*nobody of its train part"):
        split.parts(stranger, 0)
    with pytest.raises(ConfigurationError, match="no fold 4; the split has 3"):
        split.parts(clips, 3)


def test_folds_that_the_data_set_gives(tmp_path: Path) -> None:
    items = [
        Labelled(subject=f"p{n}", session=f"p{n}-{k}", score=0.5, fold=str(n % 5 + 8)) for n in range(15) for k in range(2)
    ]
    split = split_given(items, source="x")
    assert [fold["test"] for fold in split.folds] == [tuple(sorted((f"p{n}", f"p{n + 5}", f"p{n + 10}"))) for n in range(5)]
    assert split.folds[4]["validation"] == split.folds[0]["test"]
    write_split(split, tmp_path / "split.json")
    assert read_split(tmp_path / "split.json") == split
    torn = [*items, Labelled(subject="p3", session="", score=0.5, fold="8"), Labelled(subject="q", session="", score=0.5)]
    with pytest.raises(FaultsError, match="some lines have no fold; subject 'p3' is in the folds 11, 8"):
        split_given(torn, source="x")
    with pytest.raises(FaultsError, match="there are 2 folds"):
        split_given([item for item in items if item.fold in {"8", "9"}], source="x")
