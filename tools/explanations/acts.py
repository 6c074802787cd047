"""Rendered people in whom a single part of the face is tired: what an explanation has to find is known."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.synth.clips import film, rig_at
from facefatigue.synth.cues import make_temperament, perform
from facefatigue.synth.look import make_person
from facefatigue.synth.performance import SkinState
from facefatigue.synth.scene import make_scene

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.clips import ClipSpec
    from facefatigue.explain.regions import FaceRegion
    from facefatigue.synth.performance import Performance

# A yawn takes 6.5 s on average (Gallup et al. 2016); its climax is in the middle of the clip.
_YAWN_S = 6.5
# By the region in which alone the act is to be seen, the beginnings of the expressions that are left to it.
_MOVES: dict[FaceRegion, tuple[str, ...]] = {"eyes": ("eye",), "mouth": ("jaw", "mouth")}


def act_in(region: FaceRegion, time_s: NDArray[np.float64], rng: np.random.Generator) -> Performance:
    """A tired act of which only one region shows anything: hanging lids, slow blinks and closures, or a yawn.

    Head and hands are still, and skin and all other expressions are those of rest.

    Args:
        region: "eyes" or "mouth".
        time_s: (F,) moments.
        rng: For what is left to chance.
    """
    temperament = dataclasses.replace(make_temperament(rng), droop=1.0, rest_closure=0.0, asymmetry=0.0)
    yawns = [(float(time_s.mean()) - _YAWN_S / 2, _YAWN_S)] if region == "mouth" else []
    act = perform(1.0 if region == "eyes" else 0.0, temperament, time_s, rng, yawns=yawns, distract=False)
    still = np.zeros_like(act.closure)
    moved = {
        name: track if name.startswith(_MOVES[region]) else np.zeros_like(track) for name, track in act.expressions.items()
    }
    act = dataclasses.replace(
        act, expressions=moved, turn=np.zeros_like(act.turn), nodding=still, hand=still, hand_place="", skin=SkinState()
    )
    if region == "mouth":
        return dataclasses.replace(
            act, closure=still, heaviness=still, blinking=still > 0, microsleep=still > 0, squint=still, blinks=()
        )
    return dataclasses.replace(act, mouth=still, smile=still)


def render_act(rig_path: Path, region: FaceRegion, spec: ClipSpec, number: int) -> NDArray[np.uint8]:
    """Render an act of one region; each number is another person in another light.

    Args:
        rig_path: The rig file.
        region: "eyes" or "mouth".
        spec: Of the clip.
        number: From 0.

    Returns:
        (T, S, S, 3) uint8 RGB.

    Raises:
        ConfigurationError: There is no rig at the path.
    """
    rig, visibility = rig_at(rig_path)
    time_s = np.arange(spec.frames) / spec.frame_rate_hz
    rng = np.random.default_rng([7, list(_MOVES).index(region), number])
    person = make_person(rig, rng)
    act = act_in(region, time_s, rng)
    return film(person, act, visibility, scene=make_scene(rng), size_px=spec.size_px, rng=rng).crops
