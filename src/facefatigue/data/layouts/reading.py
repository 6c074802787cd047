"""What reading a published layout gives: recordings, and everything left out, with the reason."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.data.manifest import Recording
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

VIDEO_SUFFIXES = frozenset(
    {".3gp", ".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm", ".wmv"}
)
_SHOWN_REASONS = 3


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A video, or a stretch of one, that became no recording.

    Attributes:
        path: The video.
        reason: Why, in words.
        start_s: Where the stretch starts, in seconds; None: it is the whole video.
        end_s: Where it ends; None likewise.
    """

    path: Path
    reason: str
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A layout, read: every video below its root has a recording or is skipped as a whole, never both.

    Attributes:
        recordings: In the order of the videos' paths; at least one.
        skipped: Whole videos, and stretches of videos that have recordings too.
    """

    recordings: tuple[Recording, ...]
    skipped: tuple[Skipped, ...]

    @property
    def videos(self) -> tuple[Path, ...]:
        """Every video that was found, once."""
        used = (recording.video for recording in self.recordings)
        return tuple(dict.fromkeys([*used, *(skipped.path for skipped in self.skipped)]))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a data set lies on disk, and who reads it.

    Attributes:
        name: Its name on the command line.
        title: Its name in texts.
        describes: One sentence on what its label is.
        tree: What is expected below the root, in one line.
        reader: Takes the root and the options by name.
        options: What each option of the reader means, by name.
    """

    name: str
    title: str
    describes: str
    tree: str
    reader: Callable[..., Reading]
    options: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def expectation(self) -> str:
        """What is expected, for messages."""
        return f"{self.title} is expected as {self.tree}"


def is_video(path: Path) -> bool:
    """Whether a file is a video by its suffix, in upper or lower case."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def bare_name(path: Path) -> str:
    """The name of a video without suffixes (some copies have two) and without blanks around it."""
    name = path.name.strip()
    while is_video(Path(name)):
        name = Path(name).stem.strip()
    return name


def folders_of(video: Path, root: Path) -> tuple[str, ...]:
    """The names of the folders that a video is in, from the root's own name down."""
    return (root.absolute().name, *video.relative_to(root).parts[:-1])


def files_below(root: Path, layout: Layout) -> tuple[Path, ...]:
    """Every file below a folder, sorted by path; links are followed, each folder once.

    Raises:
        ConfigurationError: It is no folder, cannot be read, or holds no video; the message says what is expected.
    """
    if not root.is_dir():
        raise ConfigurationError(f"{root}: no such folder; {layout.expectation}")

    def fail(error: OSError) -> None:
        raise ConfigurationError(f"{error.filename}: cannot be read ({error.strerror}); allow it, or leave it out")

    files: list[Path] = []
    seen: set[str] = set()
    for folder, inner, names in os.walk(root, onerror=fail, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            inner.clear()
            continue
        seen.add(real)
        files += [Path(folder, name) for name in names]
    if not any(is_video(path) for path in files):
        raise ConfigurationError(f"{root}: there is no video below it; {layout.expectation}")
    return tuple(sorted(files))


def read_videos(
    root: Path,
    layout: Layout,
    files: Sequence[Path],
    read: Callable[[Path], Sequence[Recording | Skipped]],
    *,
    identity: Callable[[Recording], object],
) -> Reading:
    """Read every video of a layout, and settle what is left out.

    Args:
        root: For messages.
        layout: Likewise.
        files: What lies below the root; what is no video is passed over.
        read: Gives the recordings of one video, or why it is skipped.
        identity: What makes a recording the same as one of another file; the second file is skipped as a copy.

    Raises:
        ConfigurationError: Not one video can be used; the message has the reasons, and says what is expected.
    """
    recordings: list[Recording] = []
    skipped: list[Skipped] = []
    originals: dict[object, Path] = {}
    for video in filter(is_video, files):
        if video.name.startswith("._"):
            skipped.append(Skipped(path=video, reason="it is a side file of macOS, not a video"))
            continue
        found = read(video)
        own = [one for one in found if isinstance(one, Recording)]
        original = originals.setdefault(identity(own[0]), video) if own else video
        if original != video:
            skipped.append(Skipped(path=video, reason=f"it is a second copy of {original}"))
            continue
        recordings += own
        skipped += [one for one in found if isinstance(one, Skipped)]
    if not recordings:
        reasons = Counter(one.reason for one in skipped).most_common(_SHOWN_REASONS)
        shown = "; ".join(f"{count} × {reason}" for reason, count in reasons)
        raise ConfigurationError(f"{root}: none of its videos can be used ({shown}); {layout.expectation}")
    return Reading(recordings=tuple(recordings), skipped=tuple(skipped))
