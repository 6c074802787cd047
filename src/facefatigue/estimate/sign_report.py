"""What is said about the signs of one source, without a score, as dataclasses and as JSON (``facefatigue.signs/1``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from facefatigue.estimate.plain import PlainReader, json_text, to_plain
from facefatigue.estimate.report import SourceInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from facefatigue.signs import SignSeries

SIGNS_SCHEMA = "facefatigue.signs/1"
# Whatever else there is in the signs of a face is made of these, or says how well they could be seen.
_SIGNS = ("blinks", "perclos", "microsleeps", "openness", "yawns", "nods", "gaze_down_share", "head_pose")


@dataclass(frozen=True, kw_only=True)
class FaceSignReport:
    """The signs of one face over the whole source.

    Attributes:
        track: Number of the track, from 0 in order of appearance.
        frames: Frames in which the face was followed.
        coverage: Share of the source's frames in which the face was followed, 0 to 1.
        signs, comparison: As in :class:`facefatigue.estimate.report.FaceReport`.
    """

    track: int
    frames: int
    coverage: float
    signs: Mapping[str, Any]
    comparison: Mapping[str, Any] | None = None

    @property
    def measured(self) -> bool:
        """Whether any sign could be measured."""
        return any(self.signs.get(name) is not None for name in _SIGNS)


@dataclass(frozen=True, kw_only=True)
class SignReport:
    """The signs of one source; ``abstained`` is what exit code 4 stands for.

    Attributes:
        source: What was read.
        faces: One entry a face (the main face only, unless all were asked for); empty when no face was found.
        warnings: Plain sentences about what the reader should know.
    """

    source: SourceInfo
    faces: tuple[FaceSignReport, ...]
    warnings: tuple[str, ...] = ()

    @property
    def abstained(self) -> bool:
        """Whether no sign of any face could be measured."""
        return not any(face.measured for face in self.faces)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain dicts, lists, strings and numbers."""
        return {"schema": SIGNS_SCHEMA, **to_plain(self)}

    def to_json(self, *, indent: int | None = 2) -> str:
        """The report as JSON text, which is always valid UTF-8.

        Args:
            indent: Spaces an indented line; None gives one line.

        Raises:
            ValueError: A number is NaN or infinite, which no report may hold.
        """
        return json_text(self.to_dict(), indent=indent)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The report that :meth:`to_dict` gave; fields that this version does not know are passed over.

        Raises:
            UsageError: Not a ``facefatigue.signs/1``, a field missing or of the wrong type, or a number that is not finite.
        """
        report: Self = _READER.read(cls, data)
        return report

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The report that :meth:`to_json` gave.

        Raises:
            UsageError: Not JSON, or as in :meth:`from_dict`.
        """
        report: Self = _READER.parse(cls, text)
        return report


_READER = PlainReader(SIGNS_SCHEMA, (SourceInfo, FaceSignReport), {})


@dataclass(frozen=True, kw_only=True)
class SignAnalysis:
    """A report on signs with the material for tables and pictures of it.

    Attributes:
        report: The report.
        sign_series: By track, what the signs of the reported faces were measured from.
    """

    report: SignReport
    sign_series: Mapping[int, SignSeries] = field(default_factory=dict)
