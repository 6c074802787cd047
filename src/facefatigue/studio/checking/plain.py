"""A recording's picture and sound in a file that can be played from anywhere, and that tells nothing else.

What `MediaRecorder` writes is a stream: WebM without a length and without an index (cues), or fragmented MP4. A player shows
no length and cannot go to a place. What a phone writes may hold where and when it was filmed, and with which device. In both
cases the packets are copied, not encoded again, into a file that has length and index and none of those tags. Picture and
sound are the same to the bit; the file around them is not, so that the SHA-256 in the row is that of what was sent.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from typing import TYPE_CHECKING, BinaryIO, cast

import av

from facefatigue.video.container import open_container

if TYPE_CHECKING:
    from av.container import InputContainer

    from facefatigue.video import Location

# Larger ones are written to a file without a name, which is gone when it is closed or the process ends.
_IN_MEMORY_BYTES = 64 << 20
# Tags that say how a file was written, not by whom, when or where. Times of making are not among them.
_TECHNICAL = frozenset(
    {
        "major_brand", "minor_version", "compatible_brands", "encoder", "language", "handler_name", "vendor_id",
        "duration", "alpha_mode",
    }
)  # fmt: skip


def plain(location: Location, *, in_memory: bool = False) -> BinaryIO | None:
    """The same packets in a file with a length and an index, without tags and further tracks.

    Args:
        location: A recording that can be decoded, opened from the beginning.
        in_memory: Never on a disk, however large it is.

    Returns:
        The file, open at its beginning; None where the recording is like that as it is, or cannot be copied.
    """
    with open_container(location) as source:
        wanted = _is_stream(source) or _tells_more(source)
    for form in _forms(source.format.name) if wanted else ():
        spooled = tempfile.SpooledTemporaryFile(max_size=0 if in_memory else _IN_MEMORY_BYTES)  # noqa: SIM115  # handed on
        target = cast("BinaryIO", spooled)
        try:
            with open_container(location) as source:
                copied = _copy(source, target, form)
            target.seek(0)
            if _is_whole(target, copied):
                target.seek(0)
                return target
        except (av.FFmpegError, ValueError):
            pass  # damaged, or packets that the form does not take: it stays as it was sent
        target.close()
    return None


def _is_stream(source: InputContainer) -> bool:
    if "webm" in source.format.name.split(","):
        return not source.duration
    # A fragmented file's table of samples is empty.
    return "mp4" in source.format.name.split(",") and bool(source.streams.video) and source.streams.video[0].frames == 0


def _tells_more(source: InputContainer) -> bool:
    """Whether there are tags of place, time, device or the like, or further tracks, which may hold them, too."""
    tags = {name.lower() for part in (source, *source.streams) for name in part.metadata}
    kinds = Counter(stream.type for stream in source.streams)
    return bool(tags - _TECHNICAL) or kinds != Counter({kind: 1 for kind in ("video", "audio") if kinds[kind]})


def _forms(name: str) -> tuple[str, ...]:
    """Forms to try, for what FFmpeg calls the form of a file."""
    names = name.split(",")
    if "webm" in names:
        return ("webm", "matroska")
    return ("mp4", "mov") if "mp4" in names else ()


def _copy(source: InputContainer, target: BinaryIO, form: str) -> Counter[str]:
    """Copy the first picture and sound stream; returns how many packets of each."""
    copied: Counter[str] = Counter()
    with av.open(target, "w", format=form) as output:
        streams = [*source.streams.video[:1], *source.streams.audio[:1]]
        made = {stream.index: output.add_stream_from_template(stream) for stream in streams}
        for packet in source.demux(streams):
            if packet.dts is None:  # the mark of a stream's end
                continue
            copied[packet.stream.type] += 1
            packet.stream = made[packet.stream.index]
            output.mux(packet)
    return copied


def _is_whole(file: BinaryIO, copied: Counter[str]) -> bool:
    found: Counter[str] = Counter()
    with av.open(file, "r") as container:
        for packet in container.demux():
            found[packet.stream.type] += packet.dts is not None
        return bool(container.duration) and found == copied
