"""Fifty people: whole, different, the same for the same seed, and what fatigue does to their skin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.synth.look import make_person, swollen, tired_skin
from facefatigue.synth.parts import Part
from facefatigue.synth.performance import SkinState

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.synth.look import Person
    from facefatigue.synth.rig import Rig

RESTED = SkinState(redness=0, paleness=0, dark_circles=0, swelling=0)


@pytest.fixture(scope="module")
def people(rig: Rig) -> list[Person]:
    return [make_person(rig, np.random.default_rng([1, number])) for number in range(50)]


def test_everybody_is_whole(people: list[Person], check_part: Callable[[Part], None]) -> None:
    for person in people:
        whole = Part(
            person.vertices, person.triangles, person.film_triangles, person.albedo, person.gloss, person.sharpness,
            person.alpha, person.openness,
        )  # fmt: skip
        check_part(whole)
        assert person.albedo.max() <= 1
        assert person.albedo.min() >= 0.01
        for share in (person.under_eyes, person.whites, person.skin):
            assert share.shape == person.gloss.shape
            assert share.min() >= 0
            assert share.max() <= 1
            assert not share[person.rig_vertices :].any()


def test_people_differ(people: list[Person], rig: Rig) -> None:
    tones = np.array([person.skin_tone for person in people])
    assert tones.min() < 0.15
    assert tones.max() > 0.85
    light = [np.median(person.albedo[: person.rig_vertices][rig.made_of("M_Face")]) for person in people]
    assert np.corrcoef(tones, light)[0, 1] < -0.8
    assert 5 <= sum(person.glasses for person in people) <= 25
    assert len({len(person.vertices) for person in people}) > 20
    assert np.std([person.vertices[rig.marks[8], 1] for person in people]) > 0.03


def test_the_same_seed_gives_the_same_person(people: list[Person], rig: Rig) -> None:
    again = make_person(rig, np.random.default_rng([1, 7]))
    for name in ("vertices", "triangles", "film_triangles", "albedo", "gloss", "alpha"):
        assert np.array_equal(getattr(again, name), getattr(people[7], name))


@pytest.mark.parametrize(("sign", "where"), [("redness", "whites"), ("paleness", "skin"), ("dark_circles", "under_eyes")])
def test_tired_skin_changes_only_where_it_should(people: list[Person], sign: str, where: str) -> None:
    for person in people[:10]:
        state = SkinState(**{**vars(RESTED), sign: 1.0})
        changed = np.abs(tired_skin(person, state) - person.albedo).max(axis=1)
        mask = getattr(person, where)
        assert not changed[mask == 0].any()
        assert changed[mask > 0.9 * mask.max()].mean() > 0.01


def test_tired_skin_leaves_the_person_alone(people: list[Person]) -> None:
    person = people[0]
    before = person.albedo.copy()
    assert np.array_equal(tired_skin(person, RESTED), before)
    worst = tired_skin(person, SkinState(redness=1, paleness=1, dark_circles=1, swelling=1))
    assert np.array_equal(person.albedo, before)
    assert worst.min() >= 0
    assert worst.max() <= 1


def test_eyes_redden_and_circles_darken(people: list[Person]) -> None:
    person = people[3]
    red = tired_skin(person, SkinState(**{**vars(RESTED), "redness": 1.0})) / person.albedo
    eyes = person.whites == 1
    assert red[eyes].mean(axis=0) == pytest.approx([0.98, 0.70, 0.72], abs=1e-3)
    dark = tired_skin(person, SkinState(**{**vars(RESTED), "dark_circles": 0.5})) / person.albedo
    deepest = person.under_eyes.argmax()
    assert dark[deepest] == pytest.approx(1 - 0.5 * person.under_eyes[deepest] * np.array([0.42, 0.46, 0.38]), abs=1e-3)


def test_bags_under_the_eyes_come_forward(people: list[Person]) -> None:
    person = people[0]
    assert np.array_equal(swollen(person, 0.0), person.vertices)
    way = swollen(person, 0.8) - person.vertices
    assert not way[:, :2].any()
    assert np.allclose(way[:, 2], 0.2 * person.under_eyes, atol=1e-5)


def test_irises_lie_in_the_middle_of_the_white(people: list[Person], rig: Rig) -> None:
    for person in people[:10]:
        for eyeball in rig.eyeballs.values():
            front = person.vertices[eyeball, 2] - person.vertices[eyeball, 2].max()
            pupil, back = person.albedo[eyeball][front.argmax()], person.albedo[eyeball][front < -0.5].mean(axis=0)
            assert pupil == pytest.approx(0.02, abs=1e-3) or pupil.mean() < back.mean()
