"""Rows of the one table: a figure with its goal, its controls and its spread over training seeds; as Markdown and JSON."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from default_model.figures import Controls, Spread
from facefatigue.evaluate.tables import NOTHING, escape_markdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

State = Literal["measured", "missing", "not given"]

HEADER = (
    "Part", "Figure", "Value", "Goal", "Verdict", "n", "Middle frame", "Brightness", "Eye band", "Untrained, mean",
    "Untrained, best", "Above controls", "Training seeds", "Note",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a figure should reach.

    Attributes:
        sense: On which side of the border.
        border: As a fraction, for shares too.
    """

    sense: Literal["at least", "at most", "below"]
    border: float

    def met_by(self, value: float) -> bool:
        """Whether a value reaches it."""
        if self.sense == "at least":
            return value >= self.border
        return value <= self.border if self.sense == "at most" else value < self.border


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure.

    Attributes:
        part: Which part of the measuring it belongs to, "a" to "f".
        key: Its name in JSON; the same for every model.
        name: What it is.
        value: The figure, a share as a fraction; None where there is none.
        is_share: Written as per cent.
        low, high: A 95 % interval, where there is one.
        goal: What it should reach; None: for information.
        n: Of how much it is.
        controls: The same figure of the controls.
        seeds: Over the models, with more than one.
        note: What else to know.
        state: "missing": it could not be measured; "not given": this model has no such output, or nothing could be scored.
    """

    part: str
    key: str
    name: str
    value: float | None = None
    is_share: bool = False
    low: float | None = None
    high: float | None = None
    goal: Goal | None = None
    n: str = ""
    controls: Controls | None = None
    seeds: Spread | None = None
    note: str = ""
    state: State = "measured"

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal or a value."""
        return None if self.goal is None or self.value is None else self.goal.met_by(self.value)

    @property
    def above_controls(self) -> bool | None:
        """Whether the figure is above all its controls; None without value or controls."""
        return None if self.controls is None or self.value is None else self.controls.beaten_by(self.value)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; figures that are not numbers become None."""
        entries = dataclasses.asdict(self)
        if self.controls is not None:
            entries["controls"] |= {
                "untrained_mean": self.controls.untrained_mean,
                "untrained_best": self.controls.untrained_best,
            }
        if self.seeds is not None and math.isnan(self.seeds.deviation):
            entries["seeds"]["deviation"] = None
        return entries | {"met": self.met, "above_controls": self.above_controls}


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A figure that the table always holds, measured or missing."""

    part: str
    key: str
    name: str
    goal: Goal | None = None
    is_share: bool = False

    def row(self, **further: Any) -> Row:
        """Its row with what was measured."""
        return Row(part=self.part, key=self.key, name=self.name, goal=self.goal, is_share=self.is_share, **further)

    def missing(self, reason: str) -> Row:
        """Its row when it could not be measured."""
        return self.row(state="missing", note=reason)


_YAWN = Goal(sense="at least", border=0.97)
_ALERT, _TALKERS = Goal(sense="below", border=0.10), Goal(sense="below", border=0.15)
_CLOSURE = Goal(sense="at least", border=0.6)
_SIDE, _EVERY = "windows side by side, as predict", "a window every 0.5 s"

PLANNED = tuple(
    Planned(part=part, key=key, name=name, goal=goal, is_share="share" in key)
    for part, key, name, goal in (
        ("a", "yawn_auc_pooled", "Yawn windows against the rest, AUC, all windows together", _YAWN),
        ("a", "yawn_auc_paired", "The same, pairs of one video only", None),
        ("b", "franck_mean_side", f"franck.mp4, mean score, {_SIDE}", None),
        ("b", "franck_share_side", f"franck.mp4, share called fatigue, {_SIDE}", _ALERT),
        ("b", "franck_mean_every", f"franck.mp4, mean score, {_EVERY}", None),
        ("b", "franck_share_every", f"franck.mp4, share called fatigue, {_EVERY}", _ALERT),
        ("c", "talkers_mean_side", f"Talkers together, mean score, {_SIDE}", None),
        ("c", "talkers_share_side", f"Talkers together, share called fatigue, {_SIDE}", _TALKERS),
        ("c", "talkers_mean_every", f"Talkers together, mean score, {_EVERY}", None),
        ("c", "talkers_share_every", f"Talkers together, share called fatigue, {_EVERY}", _TALKERS),
        ("d", "closure_mean", "Score against landmarker's eye closure, Spearman, mean of the videos", _CLOSURE),
        ("d", "closure_weighted", "The same, mean of the videos weighted by windows", _CLOSURE),
        ("d", "closure_pooled", "The same, all windows together", _CLOSURE),
        ("d", "landmarker_blinks", "Check of the landmarker: blinks in franck.mp4 (literature: 61)", None),
        ("e", "hand_landmarker_spearman", "Landmarker against hand labels, frame by frame, Spearman", None),
        ("e", "hand_landmarker_pearson", "The same, Pearson", None),
        ("e", "hand_landmarker_mean", "The same, Spearman, mean of the videos", None),
        ("e", "hand_cue_spearman", "The model's cue of closure against hand labels, frame by frame, Spearman", None),
        ("e", "hand_cue_pearson", "The same, Pearson", None),
        ("e", "hand_cue_mean", "The same, Spearman, mean of the videos", None),
        ("e", "hand_auc_pooled", "Windows around shut against open eyes (hand labels), AUC, all together", None),
        ("e", "hand_auc_paired", "The same, pairs of one video only", None),
        ("f", "synthetic_mae", "Synthetic people never seen, MAE", Goal(sense="at most", border=0.08)),
        ("f", "synthetic_ccc", "Synthetic people never seen, CCC", Goal(sense="at least", border=0.9)),
        ("f", "synthetic_accuracy", "Synthetic people never seen, accuracy", Goal(sense="at least", border=0.92)),
        ("f", "synthetic_auc", "Synthetic people never seen, AUC at 0.5", None),
        ("f", "bf16_auc_loss", "What bf16 costs: AUC in f32 less AUC in bf16", Goal(sense="at most", border=0.01)),
    )
)
BY_KEY = {planned.key: planned for planned in PLANNED}


def missing_rows(parts: Iterable[str], reason: str, *, keys: str = "") -> list[Row]:
    """The planned rows of some parts (those whose key starts with ``keys``), all missing for one reason."""
    wanted = set(parts)
    return [planned.missing(reason) for planned in PLANNED if planned.part in wanted and planned.key.startswith(keys)]


def with_seeds(rows: Sequence[Row], others: Sequence[Sequence[Row]]) -> list[Row]:
    """The rows of the first model, each with its spread over all models; as they are when there is one model only."""
    values = [{row.key: row.value for row in rows_of_one} for rows_of_one in (rows, *others)]
    merged = []
    for row in rows:
        own = [found for one in values if (found := one.get(row.key)) is not None]
        several = len(values) > 1 and row.value is not None
        merged.append(dataclasses.replace(row, seeds=Spread.of(own)) if several else row)
    return merged


@dataclass(frozen=True)
class Table:
    """All rows, and what was measured how.

    Attributes:
        rows: In order.
        about: Lines above the table.
        details: Further entries of the JSON.
    """

    rows: tuple[Row, ...]
    about: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything asked for was measured."""
        return all(row.state != "missing" for row in self.rows)

    def to_markdown(self) -> str:
        """The table, one row a figure, and a line that counts goals."""
        lines = [*self.about, "", _line(HEADER), "|" + "---|" * len(HEADER)]
        lines += [_line(tuple(escape_markdown(cell) for cell in cells(row))) for row in self.rows]
        with_goal = [row for row in self.rows if row.goal is not None]
        met = sum(row.met is True for row in with_goal)
        missing = sum(row.state == "missing" for row in self.rows)
        return "\n".join([*lines, "", f"Goals met: {met} of {len(with_goal)}. Figures missing: {missing}."]) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"complete": self.complete, "about": self.about, "rows": [row.to_dict() for row in self.rows]} | self.details


def cells(row: Row) -> tuple[str, ...]:
    """The texts of a row, in the order of :data:`HEADER`."""
    controls = row.controls or Controls(chance=0.0)
    values = (controls.middle, controls.brightness, controls.eye_band, controls.untrained_mean, controls.untrained_best)
    value = row.state if row.value is None else _number(row.value, row)
    if row.low is not None and row.high is not None:
        value += f" [{_number(row.low, row)}, {_number(row.high, row)}]"
    goal = "" if row.goal is None else f"{row.goal.sense} {_number(row.goal.border, row, short=True)}"
    verdict = {None: "" if row.state == "measured" else row.state, True: "met", False: "missed"}[row.met]
    above = {None: NOTHING, True: "yes", False: "no"}[row.above_controls]
    return (
        row.part, row.name, value, goal, verdict, row.n, *(_number(v, row) for v in values), above, _seeds(row), row.note,
    )  # fmt: skip


def _seeds(row: Row) -> str:
    if row.seeds is None:
        return NOTHING
    mean, low, high = (_number(value, row) for value in (row.seeds.mean, row.seeds.low, row.seeds.high))
    deviation = "" if math.isnan(row.seeds.deviation) else f" ± {_number(row.seeds.deviation, row)}"
    return f"{mean}{deviation} ({low} to {high}), {row.seeds.count} models"


def _number(value: float | None, row: Row, *, short: bool = False) -> str:
    if value is None or math.isnan(value):
        return NOTHING
    if row.key == "landmarker_blinks":
        return f"{value:.0f}"
    if row.is_share:
        return f"{100 * value:.0f} %" if short else f"{100 * value:.1f} %"
    return (f"{value:g}" if short else f"{value:.3f}").replace("-", "−")


def _line(texts: tuple[str, ...]) -> str:
    return "| " + " | ".join(texts) + " |"
