"""The Report: what facefatigue says about one source, as frozen dataclasses and as JSON (``facefatigue.report/1``)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from facefatigue.errors import MissingExtraError
from facefatigue.estimate.plain import PlainReader, json_text, to_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from facefatigue.faces.identity import Album
    from facefatigue.signs import SignSeries

SCHEMA = "facefatigue.report/1"

Label = Literal["alert", "fatigue", "abstain"]
AbstainReason = Literal["no_face", "too_short", "too_small", "too_dark", "too_blurred", "low_coverage"]


@dataclass(frozen=True, kw_only=True)
class SourceInfo:
    """What was read.

    Attributes:
        path: The source as the user gave it.
        duration_s: Length on the repaired clock, in seconds.
        frames: Number of frames decoded.
        width, height: Upright frame size in pixels.
        rotation_deg: Clockwise turn that was applied to make the frames upright (0, 90, 180 or 270).
        mirrored: Whether the display matrix asked for a mirror image (applied).
        variable_frame_rate: Whether the frame intervals vary by more than a quarter of their median.
        frame_rate_hz: Median frame rate; null for fewer than two frames.
        timestamp_repairs: Number of repaired timestamps by kind ("missing", "duplicate", "backwards", "jump").
        corrupt_frames: Frames or packets the decoder reported as damaged.
    """

    path: str
    duration_s: float
    frames: int
    width: int
    height: int
    rotation_deg: int
    variable_frame_rate: bool
    mirrored: bool = False
    frame_rate_hz: float | None = None
    timestamp_repairs: Mapping[str, int] = field(default_factory=dict)
    corrupt_frames: int = 0


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """Which model and which engine made the scores; ``sha256`` is that of the weights file that ran."""

    name: str
    version: str
    sha256: str
    licence: str
    engine: str


@dataclass(frozen=True, kw_only=True)
class WindowQuality:
    """Picture quality of a window, medians over its sampled frames.

    Attributes:
        eye_distance_px: Distance between the eye centres in source pixels.
        brightness: Mean luma of the aligned crop, 0 (black) to 1 (white).
        sharpness: Variance of the Laplacian of the aligned crop's luma (grey levels squared); low is blurred.
        yaw: Signed position of the nose between the eyes, 0 = frontal, ±1 = nose below one eye (no unit).
        roll_deg: Turn of the eye line against the horizontal, in degrees.
    """

    eye_distance_px: float
    brightness: float
    sharpness: float
    yaw: float
    roll_deg: float


@dataclass(frozen=True, kw_only=True)
class WindowResult:
    """One window of a face's timeline; ``score`` and ``fatigue_probability`` are None where it abstains."""

    start_s: float
    end_s: float
    score: float | None
    fatigue_probability: float | None
    label: Label
    coverage: float
    abstain_reason: AbstainReason | None = None
    quality: WindowQuality | None = None


@dataclass(frozen=True, kw_only=True)
class FaceReport:
    """One face over the whole source.

    Attributes:
        track: Number of the track, from 0 in order of appearance.
        frames: Frames in which the face was followed.
        coverage: Share of the source's frames in which the face was followed, 0 to 1.
        score: Mean score of the scored windows, in [0, 1]; None when the face abstains.
        score_interval: 95 % interval of that mean from the spread of the windows; None when the face abstains.
        fatigue_probability: Mean over the scored windows.
        label: Majority vote of the scored windows, or "abstain".
        abstain_reason: Why, when it abstains.
        windows: The timeline, in order of time.
        signs: The visible signs: :meth:`facefatigue.signs.Signs.to_dict`, and ``fatigue``, what the blinks say about it. A
            sign that could not be measured is None, with the reason in ``not_measurable``. None as a whole when nobody asked
            for signs. A face that abstains may have signs, and one without signs a score.
        comparison: The signs and the score beside what is usual for this person, or for people at large:
            :meth:`facefatigue.signs.Comparison.to_dict`. None without signs.
        fusion: The network's score and the blinks' estimate, how they agree, and what they come to:
            :meth:`facefatigue.estimate.fusion.Fusion.to_dict`. None without signs.
    """

    track: int
    frames: int
    coverage: float
    score: float | None
    score_interval: tuple[float, float] | None
    fatigue_probability: float | None
    label: Label
    abstain_reason: AbstainReason | None
    windows: tuple[WindowResult, ...]
    signs: Mapping[str, Any] | None = None
    comparison: Mapping[str, Any] | None = None
    fusion: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything said about one source; ``abstained`` is what exit code 4 stands for.

    Attributes:
        source: What was read.
        model: What scored it.
        faces: One entry a face (the main face only, unless all were asked for); empty when no face was found.
        warnings: Plain sentences about what the reader should know (repaired clock, damaged frames, second person, …).
    """

    source: SourceInfo
    model: ModelInfo
    faces: tuple[FaceReport, ...]
    warnings: tuple[str, ...] = ()

    @property
    def abstained(self) -> bool:
        """Whether no face could be scored."""
        return all(face.score is None for face in self.faces)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain dicts, lists, strings and numbers, in the order of the schema."""
        return {"schema": SCHEMA, **to_plain(self)}

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
            UsageError: Not a ``facefatigue.report/1``: another schema, a field missing or of the wrong type, or a number
                that is not finite.
        """
        report: Self = _READER.read(cls, data)
        return report

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The report that :meth:`to_json` gave.

        Raises:
            UsageError: Not JSON, or not a ``facefatigue.report/1``.
        """
        report: Self = _READER.parse(cls, text)
        return report

    def to_rows(self) -> list[dict[str, str | int | float | None]]:
        """The windows of all faces as flat rows, with the columns of :data:`WINDOW_COLUMNS` in that order."""
        quality_names = [entry.name for entry in dataclasses.fields(WindowQuality)]
        return [
            {
                "source": self.source.path,
                "track": face.track,
                "start_s": window.start_s,
                "end_s": window.end_s,
                "score": window.score,
                "fatigue_probability": window.fatigue_probability,
                "label": window.label,
                "coverage": window.coverage,
                "abstain_reason": window.abstain_reason,
                **{name: None if window.quality is None else getattr(window.quality, name) for name in quality_names},
            }
            for face in self.faces
            for window in face.windows
        ]

    def to_dataframe(self) -> pd.DataFrame:
        """One row a window, over all faces, with the columns of ``<stem>.windows.csv``; missing numbers are NaN.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd  # optional, and slow to import
        except ImportError as error:
            raise MissingExtraError("pandas", "dataframe") from error
        frame = pd.DataFrame(self.to_rows(), columns=list(WINDOW_COLUMNS))
        texts = {"source", "label", "abstain_reason"}
        kinds = {name: "int64" if name == "track" else "float64" for name in WINDOW_COLUMNS if name not in texts}
        return frame.astype(kinds)


WINDOW_COLUMNS = (
    "source",
    "track",
    "start_s",
    "end_s",
    "score",
    "fatigue_probability",
    "label",
    "coverage",
    "abstain_reason",
    *(entry.name for entry in dataclasses.fields(WindowQuality)),
)


_READER = PlainReader(
    SCHEMA,
    (SourceInfo, ModelInfo, FaceReport, WindowResult, WindowQuality),
    {"Label": get_args(Label), "AbstainReason": get_args(AbstainReason)},
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectory:
    """Where one face was, frame by frame.

    Attributes:
        track: Number of the track.
        time_s: (F,) float64, ascending, seconds on the source's repaired clock.
        boxes: (F, 4) float32, x0 y0 x1 y1 in upright source pixels.
        landmarks: (F, 5, 2) float32, pixels: left eye, right eye (image left first), nose, mouth left, mouth right.
    """

    track: int
    time_s: NDArray[np.float64]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A small picture of one window: ``jpeg`` holds a JPEG of the aligned crop from the middle of the window."""

    track: int
    start_s: float
    jpeg: bytes


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """A report with the material for pictures of it.

    Attributes:
        report: The report.
        trajectories: One a reported face; empty unless asked for.
        thumbnails: At most a few dozen a face, spread evenly over its windows; empty unless asked for.
        sign_series: By track, what the signs of the reported faces were measured from; empty without signs.
        albums: By track, what the reported faces look like; kept in memory only.
        others: How many more faces were seen.
    """

    report: Report
    trajectories: tuple[Trajectory, ...] = ()
    thumbnails: tuple[Thumbnail, ...] = ()
    sign_series: Mapping[int, SignSeries] = field(default_factory=dict)
    albums: Mapping[int, Album] = field(default_factory=dict)
    others: int = 0
