"""The shortest way in: one call from a video to a report."""

from __future__ import annotations

import logging
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.estimate import AlertRecordings, Estimator, SignReader
from facefatigue.model.artefact import DEFAULT_MODEL

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from facefatigue.engine import EngineName
    from facefatigue.estimate import Report, SignReport
    from facefatigue.signs import Baseline
    from facefatigue.signs.baseline import Glasses

_log = logging.getLogger(__name__)


def analyze(
    source: str | os.PathLike[str] | int,
    *,
    model: str | Path = DEFAULT_MODEL,
    engine: EngineName = "auto",
    all_faces: bool = False,
    stride_s: float | None = None,
    max_duration_s: float | None = None,
    signs: bool = True,
    baseline: Baseline | str | os.PathLike[str] | None = None,
    glasses: Glasses = "unknown",
) -> Report:
    """Analyse one video; for many, keep an :class:`Estimator`, which loads the model once.

    Args:
        source: A video file, a pattern of numbered images, a camera number or an address.
        model: Name of a shipped model or path of a model folder.
        engine: "auto" (the fastest installed), "onnxruntime", "openvino" or "torch".
        all_faces: Report every face instead of the main one.
        stride_s: Seconds from one window's start to the next; None: windows do not overlap.
        max_duration_s: Stop after this many seconds of video.
        signs: Also measure the visible signs: blinks, eye closure, yawns, nods.
        baseline: What is usual for the person with the main face: the name or the file of a baseline, or itself
            (:func:`measure_baseline`). None: people at large.
        glasses: Whether that person wears glasses here.

    Returns:
        The report; ``report.abstained`` tells when no face could be scored.

    Raises:
        FaceFatigueError: The source cannot be read (SourceError), the model cannot be loaded (ModelError), or the engine is
            not installed (MissingExtraError); there is no such baseline (ConfigurationError).
    """
    with Estimator(
        model,
        engine=engine,
        all_faces=all_faces,
        stride_s=stride_s,
        signs=signs,
        baseline=baseline,
        glasses=glasses,
    ) as estimator:
        return estimator.analyze(source, max_duration_s=max_duration_s).report


def measure_signs(
    source: str | os.PathLike[str] | int,
    *,
    all_faces: bool = False,
    max_duration_s: float | None = None,
    baseline: Baseline | str | os.PathLike[str] | None = None,
    glasses: Glasses = "unknown",
) -> SignReport:
    """Measure the visible signs of one video, without any score; for many, keep a :class:`facefatigue.estimate.SignReader`.

    Args:
        source: A video file, a pattern of numbered images, a camera number or an address.
        all_faces: Report every face instead of the main one.
        max_duration_s: Stop after this many seconds of video.
        baseline: As in :func:`analyze`.
        glasses: As in :func:`analyze`.

    Returns:
        The report; ``report.abstained`` tells when no sign could be measured.

    Raises:
        FaceFatigueError: The source cannot be read (SourceError), weights are damaged (ModelError), or there is no such
            baseline (ConfigurationError).
    """
    return (
        SignReader(all_faces=all_faces, baseline=baseline, glasses=glasses)
        .analyze(source, max_duration_s=max_duration_s)
        .report
    )


def measure_baseline(
    sources: Sequence[str | os.PathLike[str] | int],
    *,
    name: str,
    glasses: Glasses = "unknown",
    model: str | Path = DEFAULT_MODEL,
    engine: EngineName = "auto",
    max_duration_s: float | None = None,
) -> Baseline:
    """Measure what is usual for one person; :func:`facefatigue.signs.write_baseline` keeps it.

    Args:
        sources: Videos in which this person is alert and has the main face.
        name: Of the person.
        glasses: Whether glasses are worn in them.
        model: Name of a shipped model or path of a model folder, whose scores count.
        engine: As in :func:`analyze`.
        max_duration_s: Stop after this many seconds of each video.

    Raises:
        FaceFatigueError: A source cannot be read (SourceError), less than a minute of the face was read
            (ConfigurationError), or as in :func:`analyze`.
    """
    recordings = AlertRecordings()
    with Estimator(model, engine=engine) as estimator:
        for source in sources:
            recordings.add(str(source), estimator.analyze(source, max_duration_s=max_duration_s))
    for warning in [*recordings.warnings, *recordings.doubts()]:
        _log.warning("%s", warning)
    return recordings.baseline(name, glasses=glasses)


def sample_video() -> Path:
    """Path of the sample that ships with the package: 20 s of a rendered (synthetic) face that becomes drowsy."""
    return Path(str(resources.files("facefatigue"))) / "sample" / "drowsy.mp4"
