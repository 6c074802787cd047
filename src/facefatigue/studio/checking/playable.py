"""What browsers play, and a copy that they do where they do not play the recording itself.

Volunteers may bring any file that can be decoded: HEVC of an iPhone, AVI or MJPEG of a webcam, sound as plain samples. A
rater's browser shows a black picture then, or plays without sound. So such a recording gets a copy beside it, made once, and
kept and deleted like the recording: VP9 and Opus in WebM, by libvpx and libopus, which are under BSD licences and in PyAV's
wheels. The recording itself stays as it came: it is what is exported and trained on.
"""

from __future__ import annotations

import contextlib
import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av

from facefatigue.video import Video
from facefatigue.video.container import describe, open_container

if TYPE_CHECKING:
    from av.container import OutputContainer

    from facefatigue.video import Location

COPY = "copy.webm"
COPY_TYPE = "video/webm"
# What the browsers of phones and computers play alike (developer.mozilla.org, "Media container formats" and "Web video codec
# guide"): H.264 or VP9 in MP4, VP8 or VP9 in WebM. AV1 is not among them, since many of Apple's devices cannot decode it.
_PLAYED = {
    "mp4": (frozenset({"h264", "vp9"}), frozenset({"aac", "mp3", "opus"})),
    "webm": (frozenset({"vp8", "vp9"}), frozenset({"opus", "vorbis"})),
}
_PLAYED_FORMATS = frozenset({"yuv420p", "yuvj420p"})  # ten bits or finer colours are played by some only
# Decoders of the same form under another name.
_CODECS = {"libvpx": "vp8", "libvpx-vp9": "vp9", "libopus": "opus", "libvorbis": "vorbis", "mp3float": "mp3"}

# Enough to judge a face by, and not slow to encode: at most 720p, 30 frames a second, about 2 Mbit/s.
_SHORT_SIDE_PX = 720
_LONG_SIDE_PX = 1280
_RATE_HZ = 30
_BIT_RATE = 2_000_000
_SOUND_BIT_RATE = 96_000
_SOUND_HZ = 48_000  # the rate of Opus
_KEY_FRAME_EVERY = 60  # frames: a player goes to any place in two seconds' steps
_OPTIONS = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1"}
_MS = Fraction(1, 1000)  # WebM's clock


def is_playable(location: Location) -> bool:
    """Whether browsers play a recording as it is, picture and sound.

    Args:
        location: A recording that can be decoded.
    """
    with open_container(location) as container:
        names = set(container.format.name.split(","))
        info = describe(container, location)
        if info.pixel_format not in _PLAYED_FORMATS:
            return False
        sound = {_codec(stream) for stream in container.streams.audio}
        return any(
            form in names and _CODECS.get(info.codec, info.codec) in pictures and sound <= sounds
            for form, (pictures, sounds) in _PLAYED.items()
        )


def _codec(stream: Any) -> str:
    name = "" if stream.codec_context is None else stream.codec_context.name
    return _CODECS.get(name, name)


def playable_copy(location: Location, most_s: float) -> bytes:
    """A copy that browsers play: upright, of the same length, picture and sound as far apart as they were.

    Args:
        location: A recording that can be decoded.
        most_s: Copy no more than so many seconds, so that its size is bounded: about 2.1 Mbit for each.

    Returns:
        A WebM file.

    Raises:
        SourceError: The recording cannot be decoded.
        av.FFmpegError: It cannot be encoded.
    """
    target = io.BytesIO()
    with Video(location) as video:  # a location has one file, which one reader at a time goes through
        info = video.info
    with av.open(target, "w", format="webm") as output:
        # The muxer wants all streams before the first packet, and sorts the packets of the two.
        picture = _picture_stream(output, info.width, info.height)
        if info.audio:
            _copy_sound(location, output, _start_s(location, info.stream), most_s)
        with Video(location) as video:
            _copy_picture(video, output, picture, most_s)
    return target.getvalue()


def _picture_stream(output: OutputContainer, width: int, height: int) -> Any:
    scale = min(1.0, _SHORT_SIDE_PX / min(width, height), _LONG_SIDE_PX / max(width, height))
    stream: Any = output.add_stream("libvpx-vp9", rate=_RATE_HZ, options=dict(_OPTIONS))
    stream.width, stream.height = (max(2, 2 * round(side * scale / 2)) for side in (width, height))
    stream.pix_fmt = "yuv420p"
    stream.bit_rate = _BIT_RATE
    stream.gop_size = _KEY_FRAME_EVERY
    stream.codec_context.time_base = _MS
    stream.codec_context.color_range = 1  # limited, and by ITU-R BT.709: what is not marked, browsers guess
    stream.codec_context.colorspace = stream.codec_context.color_primaries = stream.codec_context.color_trc = 1
    return stream


def _copy_picture(video: Video, output: OutputContainer, stream: Any, most_s: float) -> None:
    next_s = 0.0
    for frame in video:
        if frame.time_s > most_s:
            break
        if frame.time_s < next_s - 1e-3:  # faster than `_RATE_HZ`
            continue
        next_s = max(next_s + 1 / _RATE_HZ, frame.time_s)
        picture = av.VideoFrame.from_ndarray(frame.rgb, format="rgb24")
        picture = picture.reformat(stream.width, stream.height, "yuv420p", dst_colorspace="ITU709")
        picture.pts, picture.time_base, picture.duration = round(frame.time_s / _MS), _MS, round(1000 / _RATE_HZ)
        output.mux(stream.encode(picture))
    output.mux(stream.encode(None))


def _start_s(location: Location, number: int) -> float:
    """The raw time of the first picture, which is second 0 of a :class:`Video`."""
    with open_container(location) as container:
        stream = container.streams.video[number]
        for packet in container.demux(stream):
            with contextlib.suppress(av.FFmpegError, ValueError):  # a damaged beginning, which a `Video` leaves out, too
                for frame in packet.decode():
                    return float(frame.time or 0.0)
    return 0.0


def _copy_sound(location: Location, output: OutputContainer, start_s: float, most_s: float) -> None:
    with open_container(location) as container:
        source = next((s for s in container.streams.audio if s.codec_context is not None), None)
        if source is None:
            return
        layout = "mono" if source.codec_context.channels == 1 else "stereo"
        stream: Any = output.add_stream("libopus", rate=_SOUND_HZ, layout=layout)
        stream.bit_rate = _SOUND_BIT_RATE
        stream.codec_context.open()
        resampler = av.AudioResampler(format="s16", layout=layout, rate=_SOUND_HZ, frame_size=stream.frame_size)
        try:
            for packet in container.demux(source):
                pieces = packet.decode()
                if pieces and (pieces[0].time or 0.0) - start_s > most_s:
                    break
                for piece in pieces:
                    _put_sound(output, stream, resampler.resample(piece), start_s)
        except (av.FFmpegError, ValueError):
            pass  # damaged from here on, as for the check: what came before it counts
        _put_sound(output, stream, resampler.resample(None), start_s)
        output.mux(stream.encode(None))


def _put_sound(output: OutputContainer, stream: Any, pieces: list[av.AudioFrame], start_s: float) -> None:
    for piece in pieces:
        if piece.pts is None or piece.time_base is None:
            continue
        at = round((float(piece.pts * piece.time_base) - start_s) * _SOUND_HZ)
        if at < 0:  # before the first picture
            continue
        piece.pts, piece.time_base = at, Fraction(1, _SOUND_HZ)
        output.mux(stream.encode(piece))
