"""Windows of a face become one Report, calibrated, with abstention."""

from facefatigue.estimate.estimator import Estimator
from facefatigue.estimate.limits import Limits
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
from facefatigue.estimate.session import LiveWindow

__all__ = [
    "Analysis",
    "Estimator",
    "FaceReport",
    "Limits",
    "LiveWindow",
    "ModelInfo",
    "Report",
    "SourceInfo",
    "Thumbnail",
    "Trajectory",
    "WindowQuality",
    "WindowResult",
]
