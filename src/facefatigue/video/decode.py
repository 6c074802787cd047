"""Decoding: an open video as an iterator of upright RGB frames, decoded ahead in a thread of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

import av
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import Type as SideDataType

from facefatigue.errors import BrokenVideoError
from facefatigue.video.clock import PresentationClock
from facefatigue.video.container import MAX_PIXELS, VideoInfo, describe, open_container
from facefatigue.video.location import locate
from facefatigue.video.orientation import Orientation

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from av.buffer import Buffer
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from facefatigue.video.location import Location

# Frames decoded ahead: enough to overlap with inference, bounded in number and in bytes (an 8K frame is 100 MB).
_AHEAD_FRAMES = 8
_AHEAD_BYTES = 24 * 2**20
# A file whose packets fail this often in a row, with not one frame between, is given up as damaged to its end.
_MAX_FAILURES_IN_A_ROW = 1000


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame.

    Attributes:
        index: Position in the source, from 0.
        time_s: Presentation time on the repaired clock, in seconds from the first frame.
        rgb: (H, W, 3) uint8, C-contiguous, upright, square pixels.
    """

    index: int
    time_s: float
    rgb: NDArray[np.uint8]


class Video:
    """An open source: iterate once over its frames; a context manager that stops the decoder and closes the file.

    What is known only after decoding (``frames``, ``clock``, ``corrupt_frames``) is up to date with the frames handed out.

    Attributes:
        location: Where the frames come from.
        info: What the container says (see :class:`VideoInfo`).
        clock: The repaired clock, with its counts of repairs.
        frames: Frames handed out so far.
        corrupt_frames: Damaged packets and frames met so far.
        dropped_frames: Frames of a live source that came faster than they were taken.
        cut_off: Whether reading ended with an error rather than at the source's end.
        exhausted: Whether every frame has been handed out.
    """

    def __init__(self, location: Location) -> None:
        self.location = location
        self._container: InputContainer = open_container(location)
        self.info: VideoInfo = describe(self._container, location)
        self._own_length = self._container.streams.video[self.info.stream].duration is not None
        self.clock = PresentationClock(self.info.frame_rate_hz)
        self.frames = 0
        self.corrupt_frames = 0
        self.dropped_frames = 0
        self.cut_off = False
        self.exhausted = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._stored = self._stored_frames()
        first = next(self._stored, None)
        if first is None:
            self._container.close()
            raise BrokenVideoError(f"{location}: not one frame can be decoded; the file is damaged or cut off")
        self._first: av.VideoFrame | None = first
        self._turn = _orientation(first)
        self._size = self.info.square_size(first.width, first.height)  # stored, in square pixels
        width, height = self._turn.upright_size(*self._size)
        self.info = dataclasses.replace(
            self.info,
            width=width,
            height=height,
            rotation_deg=self._turn.rotation_deg,
            mirrored=self._turn.mirrored,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop decoding and close the source; safe to call twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        """Decode every frame, in order of presentation."""
        if self._thread is not None or self._stop.is_set():
            raise RuntimeError("a Video can be iterated over only once; open it again")
        ahead = _Ahead(live=self.location.live)
        self._thread = threading.Thread(target=self._fill, args=(ahead,), name="facefatigue-decode", daemon=True)
        self._thread.start()
        while (item := ahead.take()) is not None:
            if isinstance(item, BaseException):
                raise item
            raw_s, rgb = item
            self.dropped_frames = ahead.dropped
            frame = Frame(self.frames, self.clock.tick(raw_s), rgb)
            self.frames += 1
            yield frame
        self.exhausted = not self._stop.is_set()

    @property
    def ended_early(self) -> bool:
        """Whether a file ended with an error, or more than a tenth (and a second) before its stated end."""
        if not self.exhausted or self.location.live:
            return False
        # The length of a container is that of its longest stream, and a repaired jump changes the clock's own.
        stated_s = None if (self.info.audio and not self._own_length) or self.clock.repairs["jump"] else self.info.duration_s
        return self.cut_off or (stated_s is not None and self.clock.duration_s < stated_s - max(1.0, 0.1 * stated_s))

    def _fill(self, ahead: _Ahead) -> None:
        try:
            for raw_s, rgb in self._decode():
                if not ahead.put((raw_s, rgb), rgb.nbytes, self._stop):
                    return
        except (av.FFmpegError, OSError, ValueError):  # a frame that cannot be converted; what came before it counts
            self.corrupt_frames += 1
            self.cut_off = True
            ahead.end(None)
        except Exception as error:  # noqa: BLE001  # handed to the thread that iterates, which raises it
            ahead.end(error)
        else:
            ahead.end(None)

    def _decode(self) -> Iterator[tuple[float | None, NDArray[np.uint8]]]:
        width, height = self._size
        for frame in self._progressive_frames():
            # The first frame fixes the size: a stream that changes it in the middle is scaled back.
            rgb = cast("NDArray[np.uint8]", frame.to_ndarray(format="rgb24", width=width, height=height))
            raw_s = None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
            yield raw_s, self._turn.apply(rgb)

    def _progressive_frames(self) -> Iterator[av.VideoFrame]:
        graph: Graph | None = None
        shape: tuple[int, int, str] | None = None
        assert self._first is not None
        first, self._first = self._first, None
        for frame in itertools.chain([first], self._stored):
            if graph is not None and shape != (shape := _shape(frame)):  # a graph is made for one size and format
                graph.push(None)
                yield from _pull(graph)
                graph = None
            if graph is None and frame.interlaced_frame:
                graph, shape = _deinterlacer(frame, self._container.streams.video[self.info.stream]), _shape(frame)
            if graph is None:
                yield frame
            else:
                graph.push(frame)
                yield from _pull(graph)
        if graph is not None:
            graph.push(None)
            yield from _pull(graph)

    def _stored_frames(self) -> Iterator[av.VideoFrame]:
        stream = self._container.streams.video[self.info.stream]
        failures = 0
        packets = self._container.demux(stream)
        while not self._stop.is_set() and failures < _MAX_FAILURES_IN_A_ROW:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.FFmpegError, OSError):
                self.corrupt_frames += 1
                self.cut_off = True
                return
            if packet.is_corrupt:
                self.corrupt_frames += 1
            try:
                frames = packet.decode()
            except (av.FFmpegError, OSError, ValueError):
                self.corrupt_frames += 1
                failures += 1
                continue
            for frame in frames:
                if not isinstance(frame, av.VideoFrame) or frame.width * frame.height > MAX_PIXELS:
                    continue
                failures = 0
                self.corrupt_frames += frame.is_corrupt
                yield frame
        self.cut_off = self.cut_off or failures >= _MAX_FAILURES_IN_A_ROW


class _Ahead:
    """A queue between the decoder and the reader, bounded in frames and bytes; live sources keep only the newest."""

    def __init__(self, *, live: bool) -> None:
        self.dropped = 0
        self._live = live
        self._items: queue.SimpleQueue[tuple[float | None, NDArray[np.uint8]] | BaseException | None] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._bytes = 0
        self._count = 0

    def put(self, item: tuple[float | None, NDArray[np.uint8]], size: int, stop: threading.Event) -> bool:
        with self._room:
            if self._live:
                self._drop_all()
            while self._count and (self._count >= _AHEAD_FRAMES or self._bytes + size > _AHEAD_BYTES):
                if stop.is_set():
                    return False
                self._room.wait(0.1)
            self._count += 1
            self._bytes += size
        self._items.put(item)
        return not stop.is_set()

    def _drop_all(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._items.get_nowait()
                self.dropped += 1
                self._count = self._bytes = 0

    def end(self, error: BaseException | None) -> None:
        self._items.put(error)
        self._items.put(None)

    def take(self) -> tuple[float | None, NDArray[np.uint8]] | BaseException | None:
        item = self._items.get()
        if isinstance(item, tuple):
            with self._room:
                self._count = max(self._count - 1, 0)
                self._bytes = max(self._bytes - item[1].nbytes, 0)
                self._room.notify()
        return item


def _orientation(frame: av.VideoFrame) -> Orientation:
    # PyAV's stubs know only part of this mapping.
    data = cast("Mapping[SideDataType, Buffer]", frame.side_data).get(SideDataType.DISPLAYMATRIX)
    if data is None or data.buffer_size < 36:
        return Orientation()
    return Orientation.from_display_matrix(np.frombuffer(bytes(data)[:36], dtype=np.int32).reshape(3, 3))


def _shape(frame: av.VideoFrame) -> tuple[int, int, str]:
    """Width, height and pixel format."""
    return frame.width, frame.height, frame.format.name


def _deinterlacer(frame: av.VideoFrame, stream: VideoStream) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or stream.time_base
    )
    # bwdif: one picture a frame, only frames that are flagged as interlaced.
    weave = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(weave)
    weave.link_to(sink)
    graph.configure()
    return graph


def _pull(graph: Graph) -> Iterator[av.VideoFrame]:
    with contextlib.suppress(av.BlockingIOError, av.EOFError):
        while True:
            frame = graph.pull()
            assert isinstance(frame, av.VideoFrame)
            yield frame


def open_video(source: str | os.PathLike[str] | int) -> Video:
    """Open a source for decoding.

    Args:
        source: A path, a pattern of numbered images, a camera number or an address; see :func:`locate`.

    Raises:
        SourceNotFoundError: No such file, camera or address, or no permission.
        NotAVideoError: A folder, an empty file, or a file without video.
        BrokenVideoError: Not one frame can be decoded, or the address does not answer.
        UsageError: An address of an unknown kind.
    """
    return Video(locate(source))


def probe(source: str | os.PathLike[str] | int) -> VideoInfo:
    """Tell what a source is from its header and its first frame, without decoding the rest.

    Args:
        source: See :func:`open_video`; raises what that raises.
    """
    with open_video(source) as video:
        return video.info
