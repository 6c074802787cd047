"""From videos of one alert person to what is usual for that person."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facefatigue.estimate.source import face_warnings
from facefatigue.faces.identity import MAYBE_TWO_PEOPLE
from facefatigue.signs import Conditions, make_baseline, measure
from facefatigue.signs.baseline import LEAST_READ_S, seconds_read

if TYPE_CHECKING:
    from facefatigue.estimate.report import Analysis, FaceReport
    from facefatigue.faces.identity import Album
    from facefatigue.signs import Baseline, Signs
    from facefatigue.signs.baseline import Glasses


@dataclass(eq=False)
class AlertRecordings:
    """Collects the main face of each video; pictures of faces are compared, and not kept in the baseline.

    Attributes:
        warnings: Plain sentences on what makes it doubtful that one alert person was read, or that it was read well.
    """

    warnings: list[str] = field(default_factory=list)
    _signs: list[Signs] = field(default_factory=list)
    _scores: list[float] = field(default_factory=list)
    _brightness: list[float] = field(default_factory=list)
    _albums: list[tuple[str, Album]] = field(default_factory=list)
    _model: str | None = None

    @property
    def read_s(self) -> float:
        """For how long the face was read in all videos."""
        return sum(seconds_read(own) for own in self._signs)

    @property
    def enough(self) -> bool:
        """Whether that is enough for a baseline."""
        return self.read_s >= LEAST_READ_S

    def add(self, name: str, analysis: Analysis) -> None:
        """Take the main face of a video.

        Args:
            name: How warnings call the video.
            analysis: With signs, and with the main face alone.
        """
        report = analysis.report
        known = face_warnings(len(report.faces), analysis.others, all_faces=False)
        self.warnings += [f"{name}: {warning}" for warning in report.warnings if warning not in known]
        if analysis.others and report.faces:
            self.warnings.append(
                f"{name}: several faces were seen; the main one counts, and should be that of the alert person"
            )
        if not report.faces:
            self.warnings.append(f"{name}: no face was found; this video adds nothing")
            return
        (face,) = report.faces
        signs = measure(analysis.sign_series[face.track])
        if not seconds_read(signs):
            self.warnings.append(f"{name}: the face could not be read; this video adds nothing")
            return
        missing = (signs.not_measurable[sign] for sign in ("blinks", "blink_duration_s") if sign in signs.not_measurable)
        self.warnings += [f"{name}: blinks could not be measured whole: {reason}" for reason in missing]
        self._signs.append(signs)
        self._albums.append((name, analysis.albums[face.track]))
        self._model = f"{report.model.name} {report.model.version}"
        self._take_windows(name, face)

    def _take_windows(self, name: str, face: FaceReport) -> None:
        scores = [window.score for window in face.windows if window.score is not None]
        if not scores:
            self.warnings.append(f"{name}: no window could be scored ({face.abstain_reason}); its signs alone are used")
        self._scores += scores
        self._brightness += [window.quality.brightness for window in face.windows if window.quality is not None]

    def baseline(self, name: str, *, glasses: Glasses = "unknown") -> Baseline:
        """Sum up what is usual.

        Args:
            name: Of the person.
            glasses: Whether glasses were worn.

        Raises:
            ConfigurationError: Less than a minute of the face was read, or the name is empty.
        """
        brightness = statistics.median(self._brightness) if self._brightness else None
        return make_baseline(
            name,
            self._signs,
            self._scores,
            conditions=Conditions(glasses=glasses, brightness=brightness),
            model=self._model,
        )

    def doubts(self) -> list[str]:
        """One sentence on the pairs of videos of which looks do not tell that they show one person; empty if there are none.

        Pairs are compared both ways, since a match of albums is not symmetric; the higher one counts.
        """
        found = []
        for (first, album), (second, other) in itertools.combinations(self._albums, 2):
            match = max(album.match(other), other.match(album))
            if match < MAYBE_TWO_PEOPLE:
                found.append(f"{first} and {second} ({max(match, 0.0):.2f})")
        if not found:
            return []
        pairs = ", ".join(found)
        limit = f"the likeness of two people reaches {MAYBE_TWO_PEOPLE:g}"
        return [f"a baseline must be of one person, and looks do not tell that these show one: {pairs}; {limit}"]
