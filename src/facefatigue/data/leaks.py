"""Who and what is in more than one list, where it should not be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.data.manifest import case_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefatigue.data.clip_list import ClipList

_WHO = {"subject": "person", "session": "session"}


def leaks(parts: Sequence[tuple[str, ClipList]]) -> list[str]:
    """Faults of people, sessions and clips that are in more than one list.

    Args:
        parts: The lists, each with what it is called.
    """
    faults = []
    for position, (first, clips) in enumerate(parts):
        for second, others in parts[position + 1 :]:
            faults += case_faults(sorted(clips.subjects | others.subjects))
            for what, shared in (
                ("subject", clips.subjects & others.subjects),
                ("session", clips.sessions & others.sessions),
            ):
                faults += [
                    f"{what} {name!r} is in both {first} and {second}; a {_WHO[what]} belongs to one side only"
                    for name in sorted(shared)
                ]
            same = len(_places(clips) & _places(others))
            if same:
                faults.append(f"{first} and {second} share {same} clips, under whatever names")
    return faults


def _places(clips: ClipList) -> set[tuple[Path, int]]:
    return {clip.place for clip in clips.clips if clip.shard != Path()}
