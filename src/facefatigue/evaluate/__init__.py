"""From predictions to figures that a paper can stand on.

Nothing slow (scipy, matplotlib, jinja2) is loaded before the function that needs it runs.
"""

from facefatigue.evaluate.bootstrap import Estimate, RocBand, draw_subjects, estimates, roc_band
from facefatigue.evaluate.calibration import ReliabilityBin, brier_score, expected_calibration_error, reliability
from facefatigue.evaluate.classification import Confusion, implied_by
from facefatigue.evaluate.comparison import PairedDifference, holm, paired_difference
from facefatigue.evaluate.drowsiness import DrowsinessCount, count_drowsiness
from facefatigue.evaluate.evaluation import Evaluation, evaluate_predictions
from facefatigue.evaluate.files import write_evaluation
from facefatigue.evaluate.groups import GroupFigures, by_group, by_subject
from facefatigue.evaluate.measures import MEASURES, figures, measure
from facefatigue.evaluate.page import write_page
from facefatigue.evaluate.pictures import draw_pictures
from facefatigue.evaluate.predictions import Predictions, by_video, concatenate
from facefatigue.evaluate.predictions_file import read_predictions, write_predictions
from facefatigue.evaluate.provenance import NO_SPLIT, Provenance
from facefatigue.evaluate.ranking import area_under_roc, average_precision, curves
from facefatigue.evaluate.recalibration import (
    Calibration,
    IsotonicCalibration,
    TemperatureCalibration,
    calibration_from_dict,
    fit_isotonic,
    fit_temperature,
)
from facefatigue.evaluate.scores import pearson, score_figures, spearman
from facefatigue.evaluate.tables import all_tables, to_latex, to_markdown

__all__ = [
    "MEASURES",
    "NO_SPLIT",
    "Calibration",
    "Confusion",
    "DrowsinessCount",
    "Estimate",
    "Evaluation",
    "GroupFigures",
    "IsotonicCalibration",
    "PairedDifference",
    "Predictions",
    "Provenance",
    "ReliabilityBin",
    "RocBand",
    "TemperatureCalibration",
    "all_tables",
    "area_under_roc",
    "average_precision",
    "brier_score",
    "by_group",
    "by_subject",
    "by_video",
    "calibration_from_dict",
    "concatenate",
    "count_drowsiness",
    "curves",
    "draw_pictures",
    "draw_subjects",
    "estimates",
    "evaluate_predictions",
    "expected_calibration_error",
    "figures",
    "fit_isotonic",
    "fit_temperature",
    "holm",
    "implied_by",
    "measure",
    "paired_difference",
    "pearson",
    "read_predictions",
    "reliability",
    "roc_band",
    "score_figures",
    "spearman",
    "to_latex",
    "to_markdown",
    "write_evaluation",
    "write_page",
    "write_predictions",
]
