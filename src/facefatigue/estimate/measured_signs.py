"""The signs of one face as the report holds them: measured, and what the blinks say about fatigue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facefatigue.signs import measure
from facefatigue.signs.blink_fatigue import BlinkFatigue, NoBlinkEstimate, blink_table

if TYPE_CHECKING:
    from facefatigue.signs import LidLevels, Signs, SignSeries
    from facefatigue.signs.blink_fatigue import AlertBlinks, BlinkEstimate

FATIGUE = "fatigue"


def measured_signs(
    series: SignSeries, *, alert: AlertBlinks | None = None, levels: LidLevels | None = None
) -> dict[str, Any]:
    """Measure the signs of one face.

    Args:
        series: What was read, frame by frame.
        alert: How this person blinks when alert; None: not known, people at large stand in.
        levels: This person's open and shut eyes; None: they are found in the series.

    Returns:
        :meth:`facefatigue.signs.Signs.to_dict`, and under ``fatigue`` the estimate of
        :class:`facefatigue.signs.blink_fatigue.BlinkFatigue`, or None with the reason in ``not_measurable``. Plain dicts,
        lists, texts and finite numbers.
    """
    signs = measure(series, levels)
    estimate = _fatigue(signs, alert)
    plain = signs.to_dict()
    reasons = plain.pop("not_measurable")
    if isinstance(estimate, str):
        return {**plain, FATIGUE: None, "not_measurable": {**reasons, FATIGUE: estimate}}
    return {**plain, FATIGUE: estimate.to_dict(), "not_measurable": reasons}


def _fatigue(signs: Signs, alert: AlertBlinks | None) -> BlinkEstimate | str:
    if signs.blinks is None:
        return signs.not_measurable["blinks"]
    estimate = BlinkFatigue().estimate(blink_table(signs.blinks), alert)
    return estimate.text if isinstance(estimate, NoBlinkEstimate) else estimate
