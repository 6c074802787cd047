"""Albums: looks spread over time, and whether two albums show one person."""

from __future__ import annotations

import numpy as np
import pytest

from facefatigue.faces.identity import SAME_PERSON, Album


def look(person: int, moment: int, change: float = 0.2) -> np.ndarray:
    base, other = (np.random.default_rng(seed).normal(size=506) for seed in ((person,), (person, moment)))
    picture = base + change * other
    picture -= picture.mean()
    return (picture / np.linalg.norm(picture)).astype(np.float32)


def album(person: int, looks: int, *, start: int = 0, change: float = 0.2) -> Album:
    made = Album()
    for moment in range(looks):
        made.add(look(person, start + moment, change))
    return made


def test_the_same_person_matches_and_another_does_not() -> None:
    assert album(1, 5).match(album(1, 5, start=100)) > SAME_PERSON
    assert album(1, 5).match(album(2, 5)) < 0.3


def test_one_look_alone_is_no_match() -> None:
    assert album(1, 5).match(album(1, 1)) == -1
    assert Album().match(album(1, 5)) == -1
    chance = Album()
    chance.add(look(1, 7))
    chance.add(look(2, 7))
    assert album(1, 5).match(chance) < SAME_PERSON


def test_few_looks_are_kept_and_they_are_spread() -> None:
    long = album(3, 1000, change=0.6)
    assert len(long._pictures) <= 12
    assert long.match(album(3, 3, start=990, change=0.0)) == pytest.approx(long.match(album(3, 3, change=0.0)), abs=0.2)
    short = album(3, 5)
    short.merge(long)
    assert len(short._pictures) <= 12
