"""Faces that are acted by formulas: what a lid, a mouth and a head do is known at every moment, whatever the frame rate."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from facefatigue.signs import SignSeries

OPEN, SHUT = 0.75, 0.28  # readings of open and of shut eyes


@dataclass(frozen=True)
class ActedBlink:
    """Lids go down like half a cosine, stay, and go up fast first and slowly at last."""

    start_s: float
    closing_s: float = 0.08
    closed_s: float = 0.04
    opening_s: float = 0.16
    depth: float = 1.0

    @property
    def end_s(self) -> float:
        return self.start_s + self.closing_s + self.closed_s + self.opening_s

    def closure(self, time_s: np.ndarray) -> np.ndarray:
        down = _ease((time_s - self.start_s) / self.closing_s)
        up = _ease((self.end_s - time_s) / self.opening_s) ** 1.5
        return self.depth * np.minimum(down, up)

    def phases_s(self) -> tuple[float, float, float]:
        """From 20 to 80 % of the fall, from there to 20 % of the rise, from 20 to 80 % of the rise."""
        time_s = np.linspace(self.start_s, self.end_s, 20001)
        closure = self.closure(time_s) / self.depth
        near, far = time_s[closure >= 0.2], time_s[closure >= 0.8]
        return far[0] - near[0], far[-1] - far[0], near[-1] - far[-1]


@dataclass(frozen=True)
class Swell:
    """A smooth rise to ``top``, a stay, and a fall."""

    start_s: float
    rise_s: float
    stay_s: float
    fall_s: float
    top: float

    def at(self, time_s: np.ndarray) -> np.ndarray:
        end_s = self.start_s + self.rise_s + self.stay_s + self.fall_s
        return self.top * np.minimum(_ease((time_s - self.start_s) / self.rise_s), _ease((end_s - time_s) / self.fall_s))


@dataclass
class Act:
    """What a face does; ``film`` reads it at given moments, with noise."""

    blinks: list[ActedBlink] = field(default_factory=list)
    narrow: list[Swell] = field(default_factory=list)  # lids lowered for another reason
    mouth: list[Swell] = field(default_factory=list)
    smile: list[Swell] = field(default_factory=list)
    squint: list[Swell] = field(default_factory=list)
    gaze_down: list[Swell] = field(default_factory=list)
    pitch: list[Swell] = field(default_factory=list)
    yaw: list[Swell] = field(default_factory=list)
    talk_hz: float = 0.0
    talk_top: float = 0.4
    open: float = OPEN
    shut: float = SHUT

    def closure(self, time_s: np.ndarray) -> np.ndarray:
        rest = np.ones(len(time_s))
        for blink in self.blinks:
            rest *= 1 - blink.closure(time_s)
        return 1 - rest * (1 - _sum(self.narrow, time_s))

    def film(self, time_s: np.ndarray, noise: float = 0.0, seed: int = 0, end_s: float | None = None) -> SignSeries:
        rng = np.random.default_rng(seed)
        count = len(time_s)

        def read(track: np.ndarray, size: float = 1.0) -> np.ndarray:
            return (track + rng.normal(0, max(noise, 1e-12) * size, track.shape)).astype(np.float32)

        lid = self.open - (self.open - self.shut) * self.closure(time_s)
        mouth = _sum(self.mouth, time_s)
        if self.talk_hz:
            beat = 0.5 - 0.5 * np.cos(2 * np.pi * self.talk_hz * time_s)
            mouth = np.maximum(mouth, self.talk_top * beat * (0.6 + 0.4 * np.sin(1.3 * time_s)))
        return SignSeries(
            time_s=np.asarray(time_s, float),
            openness=np.clip(read(np.stack([lid, lid], axis=1)), 0, 1),
            mouth_open=np.clip(read(mouth), 0, 1),
            smile=np.clip(read(_sum(self.smile, time_s)), 0, 1),
            squint=np.clip(read(0.4 + _sum(self.squint, time_s)), 0, 1),
            gaze_down=np.clip(read(0.2 + _sum(self.gaze_down, time_s) + 0.5 * self.closure(time_s)), 0, 1),
            yaw_rad=read(_sum(self.yaw, time_s), 0.5),
            pitch_rad=read(_sum(self.pitch, time_s), 0.5),
            roll_rad=read(np.zeros(count), 0.5),
            eye_visible=np.ones((count, 2), bool),
            start_s=0.0,
            end_s=float(time_s[-1]) if end_s is None else end_s,
        )


def moments(duration_s: float, rate_hz: float, *, jitter: float = 0.0, phase: float = 0.0, seed: int = 0) -> np.ndarray:
    """Times of frames; ``jitter`` in parts of the interval, at most 0.4, moves each of them."""
    rng = np.random.default_rng(seed)
    count = int(duration_s * rate_hz)
    return np.maximum((np.arange(count) + phase + jitter * rng.uniform(-1, 1, count)) / rate_hz, 0.0)


def _ease(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def _sum(swells: list[Swell], time_s: np.ndarray) -> np.ndarray:
    return sum((swell.at(time_s) for swell in swells), np.zeros(len(time_s)))


def spontaneous(seconds: float, seed: int, rate_per_min: float = 17.0) -> list[ActedBlink]:
    """Blinks as people make them: whole and partial, quick and slow."""
    rng = np.random.default_rng(seed)
    found, time_s = [], 1.5
    while time_s < seconds - 1.5:
        blink = ActedBlink(
            time_s,
            closing_s=float(rng.uniform(0.07, 0.12)),
            closed_s=float(rng.uniform(0.02, 0.08)),
            opening_s=float(rng.uniform(0.13, 0.24)),
            depth=float(rng.choice([1.0, 0.95, 0.75], p=[0.5, 0.25, 0.25])),
        )
        found.append(blink)
        time_s = blink.end_s + 0.6 + float(rng.exponential(60 / rate_per_min - 0.9))
    return found


@dataclass(frozen=True)
class Stage:
    """What the tests act with."""

    Act: type[Act] = Act
    Blink: type[ActedBlink] = ActedBlink
    Swell: type[Swell] = Swell
    moments = staticmethod(moments)
    spontaneous = staticmethod(spontaneous)


@pytest.fixture(scope="session")
def stage() -> Stage:
    """Actors, and the clocks they are filmed by."""
    return Stage()
