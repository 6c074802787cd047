"""YawDD: people in parked cars who were asked to yawn, to talk, or to do neither.

Abtahi, Omidyeganeh, Shirmohammadi and Hariri, "YawDD: A Yawning Detection Dataset", ACM MMSys 2014.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from facefatigue.data.layouts.reading import Layout, Reading, Skipped, bare_name, files_below, folders_of, read_videos
from facefatigue.data.manifest import Recording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LABEL_SOURCE = "YawDD acted yawning, not fatigue"
# 1-FemaleNoGlasses-Yawning, 8-MaleGlassesBeard-Talking&Yawning, 5-FemaleSunGlasses-Normal
_NAME = re.compile(
    r"(?P<number>\d+)-(?P<gender>female|male)(?P<kind>no|sun)?glasses[a-z]*(?:-(?P<behaviour>[a-z&_ ]+))?", re.IGNORECASE
)
_BEHAVIOUR = re.compile(r"(?:normal|talking|yawning|and|[&_ ])+")
_GLASSES = {"no": "none", "sun": "sunglasses", "": "glasses"}


def read_yawdd(root: Path) -> Reading:
    """Read the mirror videos of YawDD: yawning becomes score 1, talking and neither 0.

    A video that shows talking and yawning counts as yawning. The subject is the gender with the number, since numbers start
    again for each gender. Further columns: ``glasses``, ``gender``, ``behaviour``. The dash videos are skipped.

    Args:
        root: The folder that holds them, at any depth.

    Raises:
        ConfigurationError: There is no folder, or nothing in it can be used.
    """

    def read(video: Path) -> Sequence[Recording | Skipped]:
        if any(folder.lower().startswith("dash") for folder in folders_of(video, root)):
            reason = "dash videos mix normal, talking and yawning, and no times are labelled"
            return [Skipped(path=video, reason=reason)]
        return [_read(video)]

    return read_videos(
        root, LAYOUT, files_below(root, LAYOUT), read, identity=lambda recording: bare_name(recording.video).lower()
    )


def _read(video: Path) -> Recording | Skipped:
    name = _NAME.fullmatch(bare_name(video))
    if name is None:
        return Skipped(path=video, reason="its name is not NUMBER-GENDERGLASSES-BEHAVIOUR")
    text = (name["behaviour"] or "").lower()
    if not text:
        return Skipped(path=video, reason="its name has no behaviour, as those of dash videos")
    shown = [one for one in ("normal", "talking", "yawning") if one in text]
    if not _BEHAVIOUR.fullmatch(text) or not shown:
        return Skipped(path=video, reason=f"its behaviour {text!r} is not normal, talking or yawning")
    gender = name["gender"].lower()
    return Recording(
        video=video,
        subject=f"{gender}-{int(name['number'])}",
        score=1.0 if "yawning" in shown else 0.0,
        label_source=LABEL_SOURCE,
        further={
            "glasses": _GLASSES[(name["kind"] or "").lower()],
            "gender": gender,
            "behaviour": " and ".join(shown),
        },
    )


LAYOUT = Layout(
    name="yawdd",
    title="YawDD",
    describes="Whether somebody yawns who was asked to: acted yawning, which is not fatigue.",
    tree="ROOT/Mirror/{Female,Male}_mirror/N-{Female,Male}{No,Sun,}Glasses-{Normal,Talking,Yawning}.avi",
    reader=read_yawdd,
)
