"""A fatigue timeline from any video of a face.

    >>> import facefatigue
    >>> report = facefatigue.analyze("my_video.mp4")
    >>> report.faces[0].score, report.faces[0].label

Everything named in ``__all__`` is loaded when it is first used, so that importing the package stays fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from facefatigue._version import __version__

if TYPE_CHECKING:
    from facefatigue.api import analyze, measure_baseline, measure_signs, sample_video
    from facefatigue.errors import FaceFatigueError
    from facefatigue.estimate import (
        Analysis,
        Estimator,
        FaceReport,
        FaceSignReport,
        Limits,
        LiveWindow,
        ModelInfo,
        Report,
        SignReader,
        SignReport,
        SourceInfo,
        WindowQuality,
        WindowResult,
    )
    from facefatigue.faces import Face, align_face, detect_faces
    from facefatigue.signs import Baseline
    from facefatigue.video import Frame, open_video, probe

_HOME = {
    "Analysis": "estimate",
    "Baseline": "signs",
    "Estimator": "estimate",
    "Face": "faces",
    "FaceFatigueError": "errors",
    "FaceReport": "estimate",
    "FaceSignReport": "estimate",
    "Frame": "video",
    "Limits": "estimate",
    "LiveWindow": "estimate",
    "ModelInfo": "estimate",
    "Report": "estimate",
    "SignReader": "estimate",
    "SignReport": "estimate",
    "SourceInfo": "estimate",
    "WindowQuality": "estimate",
    "WindowResult": "estimate",
    "align_face": "faces",
    "analyze": "api",
    "detect_faces": "faces",
    "measure_baseline": "api",
    "measure_signs": "api",
    "open_video": "video",
    "probe": "video",
    "sample_video": "api",
}

__all__ = [
    "Analysis",
    "Baseline",
    "Estimator",
    "Face",
    "FaceFatigueError",
    "FaceReport",
    "FaceSignReport",
    "Frame",
    "Limits",
    "LiveWindow",
    "ModelInfo",
    "Report",
    "SignReader",
    "SignReport",
    "SourceInfo",
    "WindowQuality",
    "WindowResult",
    "__version__",
    "align_face",
    "analyze",
    "detect_faces",
    "measure_baseline",
    "measure_signs",
    "open_video",
    "probe",
    "sample_video",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
