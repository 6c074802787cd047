"""What was measured of each clip, kept in a file as it comes, so that a run that was cut short goes on where it stopped."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from facefatigue.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class MethodFigures:
    """What was measured of one method on one clip.

    Attributes:
        hit: Whether its brightest pixel is where the tiredness is.
        chance: How likely a random pixel would be.
        shares: By region of the face.
        area: Share of the pixels, by region.
        seconds: What the map took.
        deletion, insertion: Areas under the curves; None where the model does not call the clip fatigue.
    """

    hit: bool
    chance: float
    shares: Mapping[str, float]
    area: Mapping[str, float]
    seconds: float
    deletion: float | None = None
    insertion: float | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """What was measured of one clip.

    Attributes:
        region: Where alone the tiredness is.
        number: Of the clip among those of its region, from 0.
        called: Whether the model calls it fatigue.
        methods: By name.
        random: Deletion and insertion in a random order; None where the clip is not called fatigue.
        likeness: By the lowest shuffled part and method; None where there is no map to compare.
        window_cpu_s: CPU time of explaining the clip with the default methods, where it was measured.
    """

    region: str
    number: int
    called: bool
    methods: Mapping[str, MethodFigures] = field(default_factory=dict)
    random: tuple[float, float] | None = None
    likeness: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    window_cpu_s: float | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Which clip."""
        return self.region, self.number


class Records:
    """The records of a run, and of those before it that the file holds.

    Args:
        path: A line of JSON for the model, then one for each clip; None: nothing is kept.
        model: What tells models apart, such as a hash of the weights.

    Raises:
        SystemExit: The file is of another model.
    """

    def __init__(self, path: Path | None, model: str) -> None:
        self._path = path
        self._records: dict[tuple[str, int], Record] = {}
        self._first = json.dumps({"model": model})
        if path is None or not path.exists():
            return
        first, *lines = path.read_text(encoding="utf-8").splitlines()
        if json.loads(first)["model"] != model:
            sys.exit(f"{path} holds figures of another model; name another file, or remove it")
        for line in lines:
            record = _read(line)
            self._records[record.key] = record

    def of(self, region: str, number: int) -> Record | None:
        """What is known of a clip."""
        return self._records.get((region, number))

    def put(self, record: Record) -> None:
        """Keep what is known of a clip in place of what was."""
        self._records[record.key] = record
        if self._path is not None:
            lines = [self._first, *(json.dumps(asdict(known)) for known in self._records.values())]
            with atomic_path(self._path) as partial:
                partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _read(line: str) -> Record:
    fields = json.loads(line)
    methods = {name: MethodFigures(**figures) for name, figures in fields.pop("methods").items()}
    record = Record(**fields, methods=methods)
    return replace(record, random=None if record.random is None else (record.random[0], record.random[1]))
