"""The sound of a video, carried over to another file on the video's own clock."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol, TypeVar

import av

from facefatigue.errors import SourceError
from facefatigue.video.container import open_container

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer

    from facefatigue.video import Location, VideoInfo

_Packet = TypeVar("_Packet")
_log = logging.getLogger(__name__)

# What players expect in an MP4 file.
_COPIED = {"aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"}
_AAC_RATES_HZ = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}
_AAC_BITS_PER_S = 128_000
# Encoders put some silence in front of the first sound, which a player skips: it starts a little before 0.
_PRIMING_S = 0.1


class Sound(Protocol):
    """Sound on its way into a file."""

    def write_until(self, time_s: float) -> None:
        """Write the sound up to this time of the video, in seconds."""

    def end(self) -> None:
        """Write what is still held back, and close the source; nothing is written after that."""


def open_sound(location: Location, info: VideoInfo, output: OutputContainer, *, start_s: float = 0.0) -> Sound | None:
    """Add a stream for the sound of a source to a file.

    Args:
        location: The source.
        info: What is known about it.
        output: The file, to which no packet was written yet.
        start_s: Time of the video at which the file begins; all times of the sound count from there.

    Returns:
        The sound, or None where the source has none that can be read.
    """
    if not info.audio:
        return None
    try:
        origin_s = _first_frame_s(location, info)
        container = open_container(location)
    except SourceError as error:
        _log.warning("%s: the sound cannot be read: %s", location, error)
        return None
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None and stream.rate]
    if not streams:
        container.close()
        return None
    if streams[0].codec_context.name.removesuffix("float") in _COPIED:
        priming_s = _PRIMING_S if start_s == 0 else 0.0  # what lies before a later start is no silence
        try:
            return _CopiedSound(container, streams[0], output, origin_s + start_s, priming_s)
        except (av.FFmpegError, ValueError) as error:
            _log.info("%s: the sound is encoded again: %s", location, error)
    return _EncodedSound(container, streams[0], output, origin_s + start_s)


def _first_frame_s(location: Location, info: VideoInfo) -> float:
    """Raw time of the first frame that can be decoded, where the video's clock starts."""
    with open_container(location) as container:
        for packet in _until_broken(container.demux(container.streams.video[info.stream])):
            try:
                frames = packet.decode()
            except (av.FFmpegError, OSError, ValueError):
                continue
            if frames:
                return float(frames[0].time or 0.0)
    return 0.0


def _until_broken(packets: Iterator[_Packet]) -> Iterator[_Packet]:
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.FFmpegError, OSError):
            return


class _CopiedSound:
    """Sound whose packets are copied as they are."""

    def __init__(
        self, container: InputContainer, stream: AudioStream, output: OutputContainer, origin_s: float, priming_s: float
    ) -> None:
        self._container = container
        self._priming_s = priming_s
        self._packets = _until_broken(container.demux(stream))
        self._output = output
        self._stream = output.add_stream_from_template(stream)
        assert stream.time_base is not None
        self._second = 1 / stream.time_base  # ticks a second
        self._origin = round(origin_s * self._second)
        self._next = self._take()
        self._last: int | None = None

    def _take(self) -> av.Packet[AudioStream] | None:
        for packet in self._packets:
            if packet.pts is not None and packet.size and packet.pts - self._origin >= -self._priming_s * self._second:
                return packet
        return None

    def write_until(self, time_s: float) -> None:
        """Write the sound up to this time of the video, in seconds."""
        while (packet := self._next) is not None:
            assert packet.pts is not None
            pts = packet.pts - self._origin
            if pts >= time_s * self._second:
                return
            self._next = self._take()
            if self._last is not None and pts <= self._last:
                continue  # a damaged file: MP4 holds ascending times only
            self._last = pts
            packet.pts = packet.dts = pts
            packet.stream = self._stream
            self._output.mux(packet)

    def end(self) -> None:
        """Close the source; nothing is written after that."""
        self._next = None
        self._container.close()


class _EncodedSound:
    """Sound that is decoded, and encoded as AAC."""

    def __init__(self, container: InputContainer, stream: AudioStream, output: OutputContainer, origin_s: float) -> None:
        self._container = container
        self._frames = self._decoded(stream)
        self._output = output
        self._origin_s = origin_s
        rate = stream.rate if stream.rate in _AAC_RATES_HZ else 48000
        layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        self._stream = output.add_stream("aac", rate=rate, layout=layout, bit_rate=_AAC_BITS_PER_S)
        self._next = next(self._frames, None)
        self._open = True

    def _decoded(self, stream: AudioStream) -> Iterator[av.AudioFrame]:
        last_s = -_PRIMING_S
        for packet in _until_broken(self._container.demux(stream)):
            try:
                frames = packet.decode()
            except (av.FFmpegError, OSError, ValueError):
                continue  # a damaged packet
            for frame in frames:
                if not isinstance(frame, av.AudioFrame) or frame.pts is None or frame.time_base is None:
                    continue
                frame.pts -= round(self._origin_s / frame.time_base)
                assert frame.pts is not None
                time_s = float(frame.pts * frame.time_base)
                if time_s >= max(last_s, 0.0):
                    last_s = time_s
                    yield frame

    def write_until(self, time_s: float) -> None:
        """Write the sound up to this time of the video, in seconds."""
        while (frame := self._next) is not None:
            if frame.time is not None and frame.time >= time_s:
                return
            self._next = next(self._frames, None)
            try:
                packets = self._stream.encode(frame)
            except ValueError:  # the kind of sound changes in the middle
                self._next = None
                return
            self._output.mux(packets)

    def end(self) -> None:
        """Write what is still held back, and close the source; nothing is written after that."""
        if not self._open:
            return
        self._open = False
        self._next = None
        self._output.mux(self._stream.encode(None))
        self._container.close()
