"""The shortest way in: one call from a video to a report."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.estimate import Estimator, SignReader
from facefatigue.model.artefact import DEFAULT_MODEL

if TYPE_CHECKING:
    import os

    from facefatigue.engine import EngineName
    from facefatigue.estimate import Report, SignReport


def analyze(
    source: str | os.PathLike[str] | int,
    *,
    model: str | Path = DEFAULT_MODEL,
    engine: EngineName = "auto",
    all_faces: bool = False,
    stride_s: float | None = None,
    max_duration_s: float | None = None,
    signs: bool = True,
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

    Returns:
        The report; ``report.abstained`` tells when no face could be scored.

    Raises:
        FaceFatigueError: The source cannot be read (SourceError), the model cannot be loaded (ModelError), or the engine is
            not installed (MissingExtraError).
    """
    with Estimator(model, engine=engine, all_faces=all_faces, stride_s=stride_s, signs=signs) as estimator:
        return estimator.analyze(source, max_duration_s=max_duration_s).report


def measure_signs(
    source: str | os.PathLike[str] | int, *, all_faces: bool = False, max_duration_s: float | None = None
) -> SignReport:
    """Measure the visible signs of one video, without any score; for many, keep a :class:`facefatigue.estimate.SignReader`.

    Args:
        source: A video file, a pattern of numbered images, a camera number or an address.
        all_faces: Report every face instead of the main one.
        max_duration_s: Stop after this many seconds of video.

    Returns:
        The report; ``report.abstained`` tells when no sign could be measured.

    Raises:
        FaceFatigueError: The source cannot be read (SourceError), or weights are damaged (ModelError).
    """
    return SignReader(all_faces=all_faces).analyze(source, max_duration_s=max_duration_s).report


def sample_video() -> Path:
    """Path of the sample that ships with the package: 20 s of a rendered (synthetic) face that becomes drowsy."""
    return Path(str(resources.files("facefatigue"))) / "sample" / "drowsy.mp4"
