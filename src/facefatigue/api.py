"""The shortest way in: one call from a video to a report."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.estimate import Estimator
from facefatigue.model.artefact import DEFAULT_MODEL

if TYPE_CHECKING:
    import os

    from facefatigue.engine import EngineName
    from facefatigue.estimate import Report


def analyze(
    source: str | os.PathLike[str] | int,
    *,
    model: str | Path = DEFAULT_MODEL,
    engine: EngineName = "auto",
    all_faces: bool = False,
    stride_s: float | None = None,
    max_duration_s: float | None = None,
) -> Report:
    """Analyse one video; for many, keep an :class:`Estimator`, which loads the model once.

    Args:
        source: A video file, a pattern of numbered images, a camera number or an address.
        model: Name of a shipped model or path of a model folder.
        engine: "auto" (the fastest installed), "onnxruntime", "openvino" or "torch".
        all_faces: Report every face instead of the main one.
        stride_s: Seconds from one window's start to the next; None: windows do not overlap.
        max_duration_s: Stop after this many seconds of video.

    Returns:
        The report; ``report.abstained`` tells when no face could be scored.

    Raises:
        FaceFatigueError: The source cannot be read (SourceError), the model cannot be loaded (ModelError), or the engine is
            not installed (MissingExtraError).
    """
    with Estimator(model, engine=engine, all_faces=all_faces, stride_s=stride_s) as estimator:
        return estimator.analyze(source, max_duration_s=max_duration_s).report


def sample_video() -> Path:
    """Path of the sample that ships with the package: 20 s of a rendered (synthetic) face that becomes drowsy."""
    return Path(str(resources.files("facefatigue"))) / "sample" / "drowsy.mp4"
