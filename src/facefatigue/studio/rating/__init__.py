"""Rating: who sees which recording next, and what they said of it; blind, in each rater's own random order."""

from facefatigue.studio.rating.assigning import RESERVED_FOR, Shown, ahead_for, next_for, seen_recording
from facefatigue.studio.rating.progress import Progress, progress
from facefatigue.studio.rating.saying import LONGEST_NOTE, Feedback, back, keep_in_step, rate, skip

__all__ = [
    "LONGEST_NOTE",
    "RESERVED_FOR",
    "Feedback",
    "Progress",
    "Shown",
    "ahead_for",
    "back",
    "keep_in_step",
    "next_for",
    "progress",
    "rate",
    "seen_recording",
    "skip",
]
