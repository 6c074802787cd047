"""A browser's recording, made to be played from anywhere.

What `MediaRecorder` writes is a stream: WebM without a length and without an index (cues), or fragmented MP4. A player shows
no length and cannot go to a place. Here its packets are copied, not encoded again, into a file that has both. Picture and
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


def seekable(location: Location) -> BinaryIO | None:
    """The same packets in a file with a length and an index.

    Args:
        location: A recording that can be decoded, opened from the beginning.

    Returns:
        The file, open at its beginning; None where the recording is seekable as it is, or cannot be copied.
    """
    with open_container(location) as source:
        form = _form_needed(source)
        if form is None:
            return None
        target = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES))  # noqa: SIM115  # handed on
        try:
            copied = _copy(source, target, form)
            target.seek(0)
            if _is_whole(target, copied):
                target.seek(0)
                return target
        except (av.FFmpegError, ValueError):
            pass  # damaged, or packets that the form does not take: it stays as it was sent
        target.close()
        return None


def _form_needed(source: InputContainer) -> str | None:
    names = source.format.name.split(",")
    if "webm" in names and not source.duration:
        return "webm"
    # A fragmented file's table of samples is empty.
    if "mp4" in names and source.streams.video and source.streams.video[0].frames == 0:
        return "mp4"
    return None


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
