"""What a clip is: how many frames, how far apart, how large."""

from __future__ import annotations

from dataclasses import dataclass

from facefatigue.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class ClipSpec:
    """The form of a clip.

    Attributes:
        frames: Frames T.
        frame_rate_hz: Rate at which they are sampled.
        size_px: Height and width of the aligned crops.

    Raises:
        ConfigurationError: A value is out of range; all are named.
    """

    frames: int = 32
    frame_rate_hz: float = 12.5
    size_px: int = 112

    def __post_init__(self) -> None:
        faults = []
        if not 2 <= self.frames <= 1024:
            faults.append(f"frames is {self.frames} but must be from 2 to 1024")
        if not 0 < self.frame_rate_hz <= 1000:
            faults.append(f"the frame rate is {self.frame_rate_hz} but must be above 0 and at most 1000")
        if not 16 <= self.size_px <= 1024:
            faults.append(f"the size is {self.size_px} but must be from 16 to 1024 pixels")
        if faults:
            raise ConfigurationError("invalid form of a clip: " + "; ".join(faults))

    @property
    def window_s(self) -> float:
        """Time that one clip covers, in seconds."""
        return self.frames / self.frame_rate_hz

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3), the shape of its crops."""
        return self.frames, self.size_px, self.size_px, 3
