"""What belongs to the study itself: its name, the protocol's numbers, what volunteers are asked, the scenarios."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from facefatigue.studio import audit
from facefatigue.studio.database.tables import Choice, Recording, Scenario
from facefatigue.studio.refusals import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# The published protocol's occasions (arXiv:2104.10420): the day of somebody who works.
SCENARIOS = ("Waking up", "Going to work", "Working", "Lunch break", "Off work", "Before sleep")
_PROMPT = (
    "Please look into the camera and tell us, in your own words, how you feel right now: your mood, how awake you are, "
    "and what you have done today."
)


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study's own settings, changeable while it runs; the defaults are those of the published protocol.

    Attributes:
        name: As volunteers and raters see it.
        contact: Whom volunteers turn to: an address, a telephone number.
        language: Language of the pages, one of the studio's texts.
        prompt: What a volunteer is asked to talk about.
        shortest_s: Shortest recording that is taken, in seconds.
        longest_s: Longest.
        raters_per_recording: How many raters see each recording.
        repeat_share: Share of a rater's recordings that come a second time, unseen, for self-consistency; 0 to 0.5.
        ask_kss: Ask for the Karolinska sleepiness scale.
        ask_self_fatigue: Ask for one's own fatigue, 1 to 5.
        ask_sleep: Ask for hours slept and awake.
        ask_caffeine: Ask for cups of coffee.

    Raises:
        Refusal: 422; "field" in its detail names the attribute.
    """

    name: str = "Fatigue study"
    contact: str = ""
    language: str = "en"
    prompt: str = _PROMPT
    shortest_s: float = 5.0
    longest_s: float = 60.0
    raters_per_recording: int = 3
    repeat_share: float = 0.1
    ask_kss: bool = True
    ask_self_fatigue: bool = True
    ask_sleep: bool = True
    ask_caffeine: bool = True

    def __post_init__(self) -> None:
        """Check every value."""
        for field in dataclasses.fields(self):
            value, kind = getattr(self, field.name), type(field.default)
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
                object.__setattr__(self, field.name, value)
            if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
                raise _wrong(field.name, f"{field.name} is not of the type {kind.__name__}")
            if isinstance(value, str) and (value != value.encode(errors="replace").decode() or "\0" in value):
                raise _wrong(field.name, f"{field.name} holds what is no text")
        self._check(1 <= len(self.name.strip()) <= 100, "name", "a study's name has 1 to 100 characters")
        self._check(len(self.contact) <= 300, "contact", "a contact has at most 300 characters")
        self._check(len(self.prompt) <= 1000, "prompt", "a prompt has at most 1000 characters")
        self._check(self.shortest_s >= 1, "shortest_s", "the shortest recording has at least 1 s")
        self._check(
            self.shortest_s < self.longest_s <= 600,
            "longest_s",
            "the longest recording is longer than the shortest, up to 600 s",
        )
        self._check(1 <= self.raters_per_recording <= 50, "raters_per_recording", "1 to 50 raters see each recording")
        self._check(0 <= self.repeat_share <= 0.5, "repeat_share", "the share of repeats is between 0 and 0.5")

    @staticmethod
    def _check(good: bool, field: str, message: str) -> None:
        if not good:
            raise _wrong(field, message)


def _wrong(field: str, message: str) -> Refusal:
    return Refusal(422, f"study_{field}", message, field=field)


def read(db: Session) -> Study:
    """The study's settings; the default for what was never set."""
    known = {field.name for field in dataclasses.fields(Study)}
    rows = db.execute(sa.select(Choice.name, Choice.value).where(Choice.name.in_(known)))
    return Study(**{name: value for name, value in rows})  # noqa: C416  # mypy takes no dict() of rows


def write(db: Session, study: Study, *, actor: str) -> None:
    """Keep the study's settings; the audit log tells which of them changed."""
    before = dataclasses.asdict(read(db))
    changed: dict[str, Any] = {}
    for name, value in dataclasses.asdict(study).items():
        if value != before[name]:
            db.merge(Choice(name=name, value=value))
            changed[name] = [before[name], value]
    if changed:
        audit.note(db, actor, "study.changed", **changed)


def prepare(db: Session) -> None:
    """Give a new studio the scenarios of the published protocol."""
    if db.scalar(sa.select(Scenario.id).limit(1)) is None:
        db.add_all([Scenario(name=name, position=position) for position, name in enumerate(SCENARIOS)])


def set_scenarios(db: Session, wanted: list[tuple[int | None, str]], *, actor: str) -> None:
    """The list of scenarios, in order.

    Args:
        db: An open session that writes.
        wanted: Id (None: a new one) and name. One that is missing here is deleted, or hidden where recordings name it.
        actor: Who does it.

    Raises:
        Refusal: 422, a name is empty, too long or there twice; 404, no such scenario.
    """
    names = [" ".join(name.split()) for _, name in wanted]
    if not names or any(not 1 <= len(name) <= 100 for name in names) or len({name.lower() for name in names}) < len(names):
        raise Refusal(
            422, "scenarios_invalid", "scenarios need names of 1 to 100 characters, each different, and at least one"
        )
    rows = {row.id: row for row in db.scalars(sa.select(Scenario))}
    by_name = {row.name.lower(): row for row in rows.values()}
    given = {number for number, _ in wanted}
    for (number, _), name in zip(wanted, names, strict=True):
        other = by_name.get(name.lower())
        if number is not None and other is not None and other.id not in given:
            raise Refusal(409, "scenario_taken", f"a scenario that is hidden or left out is called {name!r} already")
    kept: set[int] = set()
    final: list[tuple[Scenario, str]] = []
    for (number, _), name in zip(wanted, names, strict=True):
        row = rows.get(number) if number is not None else by_name.get(name.lower())
        if number is not None and row is None:
            raise Refusal(404, "not_found", f"there is no scenario {number}")
        if row is None or row.id in kept:
            row = Scenario(name=name)
        else:
            kept.add(row.id)
        final.append((row, name))
    _drop(db, [row for row in rows.values() if row.id not in kept])
    # Names are unique: two that change places would collide half-way.
    for row, name in final:
        if row.id is not None and row.name != name:
            row.name = f"({row.id})"
    db.flush()
    for position, (row, name) in enumerate(final):
        row.name, row.position, row.hidden = name, position, False
        db.add(row)
    audit.note(db, actor, "study.scenarios", names=names)


def _drop(db: Session, rows: list[Scenario]) -> None:
    for row in rows:
        if db.scalar(sa.select(Recording.id).where(Recording.scenario_id == row.id).limit(1)) is None:
            db.delete(row)
        else:
            row.hidden = True
    db.flush()
