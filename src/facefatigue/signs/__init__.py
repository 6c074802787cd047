"""Signs of fatigue that a person can see: blinks, eye closure, yawns, nods, measured in real time units."""

from __future__ import annotations

from facefatigue.signs.baseline import Baseline, Conditions, Statistic, make_baseline
from facefatigue.signs.baseline_file import read_baseline, write_baseline
from facefatigue.signs.blinks import Blink, blink_features
from facefatigue.signs.closure import Microsleep
from facefatigue.signs.compare import Comparison, Deviation, compare
from facefatigue.signs.frame import FrameSigns, observe
from facefatigue.signs.head import Nod
from facefatigue.signs.lids import LidLevels, relative_openness
from facefatigue.signs.measure import measure
from facefatigue.signs.series import SignCollector, SignSeries
from facefatigue.signs.signs import MinuteSigns, Signs, UsualPose
from facefatigue.signs.yawns import Yawn

__all__ = [
    "Baseline",
    "Blink",
    "Comparison",
    "Conditions",
    "Deviation",
    "FrameSigns",
    "LidLevels",
    "Microsleep",
    "MinuteSigns",
    "Nod",
    "SignCollector",
    "SignSeries",
    "Signs",
    "Statistic",
    "UsualPose",
    "Yawn",
    "blink_features",
    "compare",
    "make_baseline",
    "measure",
    "observe",
    "read_baseline",
    "relative_openness",
    "write_baseline",
]
