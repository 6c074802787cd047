"""Made-up reports: their numbers are drawn here, so that a test knows what must come out."""

from __future__ import annotations

import dataclasses
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from facefatigue.estimate.report import (
    Analysis,
    FaceReport,
    ModelInfo,
    Report,
    SourceInfo,
    Thumbnail,
    Trajectory,
    WindowQuality,
    WindowResult,
)
from facefatigue.signs import SignSeries, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _window(start_s: float, length_s: float, score: float | None, reason: Any = "too_dark") -> WindowResult:
    return WindowResult(
        start_s=start_s,
        end_s=start_s + length_s,
        score=score,
        fatigue_probability=None if score is None else round(min(1.0, score * 0.9 + 0.05), 4),
        label="abstain" if score is None else "fatigue" if score >= 0.5 else "alert",
        coverage=0.97 if score is not None else 0.4,
        abstain_reason=reason if score is None else None,
        quality=WindowQuality(eye_distance_px=61.5, brightness=0.41, sharpness=180.0, yaw=0.08, roll_deg=-3.5),
    )


def _face(track: int, windows: list[WindowResult], duration_s: float) -> FaceReport:
    scores = [window.score for window in windows if window.score is not None]
    mean = sum(scores) / len(scores) if scores else None
    spread = float(np.std(scores)) / max(len(scores) ** 0.5, 1) * 1.96 + 0.01 if scores else 0.0
    tired = sum(window.label == "fatigue" for window in windows)
    return FaceReport(
        track=track,
        frames=round(duration_s * 24),
        coverage=0.98,
        score=mean,
        score_interval=None if mean is None else (max(mean - spread, 0.0), min(mean + spread, 1.0)),
        fatigue_probability=mean,
        label="abstain" if mean is None else "fatigue" if 2 * tired > len(scores) else "alert",
        abstain_reason=None if scores else "too_short" if not windows else windows[0].abstain_reason,
        windows=tuple(windows),
    )


def _score(index: int, count: int, track: int) -> float:
    wave = 0.5 + 0.35 * math.sin(6 * index / max(count, 1) + track) + 0.08 * math.sin(2.3 * index + track)
    return min(max(wave, 0.02), 0.98)


@pytest.fixture
def make_report() -> Callable[..., Report]:
    """A report of so many faces and windows, with a stretch that abstains and a gap in the longer ones."""

    def make(
        *,
        faces: int = 1,
        windows: int = 12,
        length_s: float = 2.0,
        path: str = "clips/driver 07.mp4",
        warnings: tuple[str, ...] = (),
        scored: bool = True,
        duration_s: float | None = None,
    ) -> Report:
        end_s = windows * length_s + 1.0 if duration_s is None else duration_s
        made = []
        for track in range(faces):
            entries = []
            for index in range(windows):
                if windows >= 10 and index == windows // 2:
                    continue  # a gap
                dark = windows >= 10 and 0.7 < index / windows < 0.82
                score = _score(index, windows, track) if scored and not dark else None
                entries.append(_window(index * length_s, length_s, score))
            made.append(_face(track, entries, end_s))
        return Report(
            source=SourceInfo(
                path=path,
                duration_s=end_s,
                frames=round(end_s * 24),
                width=640,
                height=480,
                rotation_deg=90,
                variable_frame_rate=False,
                frame_rate_hz=24.0,
                timestamp_repairs={"missing": 2},
            ),
            model=ModelInfo(
                name="some-model", version="0.1.0", sha256="5f" * 32, licence="Apache-2.0", engine="onnxruntime"
            ),
            faces=tuple(made),
            warnings=warnings,
        )

    return make


@pytest.fixture
def make_analysis(make_report: Callable[..., Report]) -> Callable[..., Analysis]:
    """An analysis with thumbnails and with a trajectory a face that walks to the right."""

    def make(**given: Any) -> Analysis:
        report = make_report(**given)
        thumbnails = []
        trajectories = []
        for face in report.faces:
            every = max(len(face.windows) // 12, 1)
            thumbnails += [
                Thumbnail(track=face.track, start_s=window.start_s, jpeg=_jpeg(90 + 10 * index))
                for index, window in enumerate(face.windows[::every])
            ]
            time_s = np.arange(0, report.source.duration_s, 1 / 24)
            left = 10 + 40 * face.track + 5 * time_s
            boxes = np.stack([left, 20 + 0 * left, left + 40, 80 + 0 * left], axis=1).astype(np.float32)
            landmarks = np.zeros((len(time_s), 5, 2), np.float32)
            trajectories.append(Trajectory(track=face.track, time_s=time_s, boxes=boxes, landmarks=landmarks))
        return Analysis(report=report, trajectories=tuple(trajectories), thumbnails=tuple(thumbnails))

    return make


def _jpeg(level: int) -> bytes:
    y, x = np.mgrid[0:96, 0:96]
    face = (np.hypot((x - 48) / 30, (y - 48) / 40) < 1) * 80 + min(level, 170)
    rgb = np.stack([face, face * 0.85, face * 0.7], axis=2).clip(0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def make_series() -> Callable[..., SignSeries]:
    """What is read from a made-up face that blinks every 3.7 s and does what it is told."""

    def make(
        *,
        duration_s: float = 60.0,
        rate_hz: float = 25.0,
        blinks_s: Sequence[float] | None = None,
        shut: Sequence[tuple[float, float]] = (),
        yawns: Sequence[tuple[float, float]] = (),
        nods_s: Sequence[float] = (),
        away: Sequence[tuple[float, float]] = (),
        aside: Sequence[tuple[float, float]] = (),
    ) -> SignSeries:
        time_s = np.arange(0, duration_s, 1 / rate_hz)
        for start_s, end_s in away:
            time_s = time_s[(time_s < start_s) | (time_s >= end_s)]
        # So many readings stray a little, as those of the nets do; nothing is drawn at random.
        wide = 0.6 + 0.01 * np.sin(37.0 * time_s) + 0.01 * np.sin(91.0 * time_s)
        blinks = np.asarray(np.arange(2.0, duration_s - 1, 3.7) if blinks_s is None else blinks_s)
        if len(blinks):
            nearest = blinks[np.abs(np.searchsorted(blinks, time_s)[:, None] + [-1, 0]).clip(0, len(blinks) - 1)]
            away_s = np.abs(nearest - time_s[:, None]).min(axis=1)
            wide = wide * (1 - 0.75 * (1 - away_s / 0.15).clip(0, 1))
        for start_s, end_s in shut:
            wide[(time_s >= start_s) & (time_s < end_s)] = 0.15
        mouth = np.full(len(time_s), 0.03)
        for start_s, end_s in yawns:
            inside = (time_s >= start_s) & (time_s <= end_s)
            mouth[inside] += 0.8 * np.sin(np.pi * (time_s[inside] - start_s) / (end_s - start_s)) ** 2
        pitch = np.zeros(len(time_s))
        for start_s in nods_s:  # sinks for 1.6 s, comes up in 0.4 s
            pitch += 0.35 * np.interp(time_s, [start_s, start_s + 1.6, start_s + 2.0], [0, 1, 0], 0, 0)
        seen = np.ones((len(time_s), 2), np.bool_)
        for start_s, end_s in aside:
            seen[(time_s >= start_s) & (time_s < end_s)] = False
        still = np.zeros(len(time_s), np.float32)
        return SignSeries(
            time_s=time_s,
            openness=np.stack([wide, 0.97 * wide], axis=1).astype(np.float32),
            mouth_open=mouth.astype(np.float32),
            smile=still,
            squint=still,
            gaze_down=still,
            yaw_rad=still,
            pitch_rad=pitch.astype(np.float32),
            roll_rad=still,
            eye_visible=seen,
            start_s=0.0,
            end_s=duration_s,
        )

    return make


@pytest.fixture
def with_signs() -> Callable[..., Analysis]:
    """An analysis whose faces have signs, measured from series by track."""

    def add(analysis: Analysis, series: dict[int, SignSeries], **changed: Any) -> Analysis:
        """Entries of ``changed`` replace what was measured."""
        faces = tuple(
            dataclasses.replace(face, signs={**signs_of(series[face.track]), **changed}) if face.track in series else face
            for face in analysis.report.faces
        )
        report = dataclasses.replace(analysis.report, faces=faces)
        return dataclasses.replace(analysis, report=report, sign_series=series)

    return add


def signs_of(series: SignSeries) -> dict[str, Any]:
    """Signs as a report holds them."""
    signs = measure(series).to_dict()
    reasons = {**signs["not_measurable"], "fatigue": "there is no baseline"}
    return {**signs, "fatigue": None, "not_measurable": reasons}


@pytest.fixture
def compared() -> Callable[..., Analysis]:
    """An analysis whose faces have estimates, and signs beside what is usual for somebody."""
    from facefatigue.estimate.fusion import fuse

    deviations = [
        ("blink_rate_per_min", 17.2, 17.0, 0.1, "blinks as often as usual for you"),
        ("perclos", 0.151, 0.03, 12.0, "eyes are closed for more of the time, much beyond usual for you"),
        ("pitch_rad", -0.1, 0.1, -2.6, "head is held higher, beyond usual for you"),
    ]

    def add(analysis: Analysis, *, name: str | None = "me", blinks: float | None = 0.3) -> Analysis:
        estimate = {"score": blinks, "score_interval": [0.1, 0.5], "blinks": 30, "reference": "own"}
        comparison = {
            "name": name,
            "deviations": [
                {"sign": sign, "value": value, "usual": usual, "spread": 1.0, "deviation": away, "words": words,
                 "reference": "own" if name else "population", "source": "" if name else "<i>Doughty</i> 2001"}
                for sign, value, usual, away, words in deviations
            ],
            "cautions": ["glasses: yes now, no in the baseline"],
        }  # fmt: skip
        faces = tuple(
            dataclasses.replace(
                face,
                comparison=comparison,
                fusion=fuse(
                    score=face.score, score_interval=face.score_interval, blinks=None if blinks is None else estimate,
                    network_error=0.1, no_blinks="3 blinks are too few",
                ).to_dict(),
            )
            for face in analysis.report.faces
        )  # fmt: skip
        return dataclasses.replace(analysis, report=dataclasses.replace(analysis.report, faces=faces))

    return add
