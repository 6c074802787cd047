"""Windows of a face become one Report, calibrated, with abstention."""

from facefatigue.estimate.alert_recordings import AlertRecordings
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
from facefatigue.estimate.sign_reader import SignReader
from facefatigue.estimate.sign_report import FaceSignReport, SignAnalysis, SignReport

__all__ = [
    "AlertRecordings",
    "Analysis",
    "Estimator",
    "FaceReport",
    "FaceSignReport",
    "Limits",
    "LiveWindow",
    "ModelInfo",
    "Report",
    "SignAnalysis",
    "SignReader",
    "SignReport",
    "SourceInfo",
    "Thumbnail",
    "Trajectory",
    "WindowQuality",
    "WindowResult",
]
