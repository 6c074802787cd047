"""What can be said of one recording: is it a video, of the right length, with one face that is whole, near and light enough.

It goes through the very decoder, face detector and quality measures of `facefatigue predict`, at five frames a second. (The
tracker is left out: from one sample to the next a face changes more than it lets pass as the same.) What the file's header
says is never trusted: the length is that of the decoded frames, and decoding ends soon after the longest length taken.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
from PIL import Image

from facefatigue.clips.quality import CropQuality, crop_quality, median_quality
from facefatigue.errors import NotAVideoError, SourceError
from facefatigue.estimate.limits import Limits
from facefatigue.faces import Mtcnn, align_face
from facefatigue.faces.track import DETECTION_SIDE_PX, MIN_FACE_PX, START_PROBABILITY
from facefatigue.studio.checking.playable import is_playable
from facefatigue.studio.checking.sound import sound_level_db
from facefatigue.video import Location, Video
from facefatigue.video.container import open_container

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.faces import Face
    from facefatigue.video import Frame

Level = Literal["good", "warning", "refused"]
Name = Literal["video", "picture", "length", "face", "coverage", "faces", "size", "light", "sharpness", "sound"]

SAMPLE_INTERVAL_S = 0.2
# A recorder's clock starts before the first frame and stops after the last; so much is forgiven at either end.
LENGTH_GRACE_S = 0.5
# Below these nothing can be estimated (`Limits`). Warnings: the 112 px crop is an enlargement (its eyes are 0.3 of it
# apart); the face is fewer than fifty grey levels above black; as blurred as by a Gaussian of σ = 2 px (see `Limits`).
LIMITS = Limits()
SIZE_WARNING_PX = 0.3 * 112
LIGHT_WARNING = 0.2
SHARPNESS_WARNING = 15.0
# Somebody else in the picture: from this share of the nearest face's size on, as for the tracker.
OTHER_FACE = 0.4
# A face is whole if its box reaches no further than this share of its side beyond the picture.
_BEYOND = 0.1
# ITU-R BS.1770-5, gating: below -70 LKFS there is no programme.
SILENCE_DB = -70.0
_CROP_PX = 112
_STILL_PX = 320
_STILL_FACES = 1.8
# Containers of cameras and browsers. Playlists and the like are left out: they name other files, which would be opened.
_FORMATS = "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,mpegts,mpeg,ogg,asf,flv"
_MEDIA_TYPES = {
    "mov": "video/mp4",
    "avi": "video/x-msvideo",
    "mpegts": "video/mp2t",
    "mpeg": "video/mpeg",
    "ogg": "video/ogg",
}
# A camera's file has one or two streams and at most 4K; more is a mistake or an attack on the decoder.
_MOST_STREAMS = 16
_MOST_PIXELS = 4096 * 2304


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Shortest and longest recording that is taken, in seconds."""

    shortest_s: float
    longest_s: float


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: "video": damaged packets and frames; "picture": larger than is decoded; "length": seconds; "face": share of
            samples with a face; "coverage": share with a whole face; "faces": share with somebody else beside it; "size":
            pixels between the eyes; "light": mean luma of the face, 0 to 1; "sharpness": variance of its Laplacian at
            112 px; "sound": RMS level in dBFS.
        level: "refused" makes the recording unfit.
        value: In the unit above, rounded; None where nothing could be measured.
    """

    name: Name
    level: Level
    value: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As it is kept in `Check.findings`."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Examination:
    """What was found in a recording.

    Attributes:
        findings: In the order in which a volunteer should hear of them.
        is_video: Whether it could be decoded at all.
        duration_s, width, height: As decoded, upright; None if it could not be.
        has_sound: Whether there is a sound track that can be heard.
        media_type: By its container.
        playable: Whether browsers play it as it is.
        still: A picture of the face, JPEG, at most 320 px; None without a face.
        read_sha256: Of the video that was looked at.
        kept_sha256: Of the video that is in the vault now.
    """

    findings: tuple[Finding, ...]
    is_video: bool = True
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    has_sound: bool | None = None
    media_type: str = ""
    playable: bool = True
    still: bytes | None = None
    read_sha256: str = ""
    kept_sha256: str = ""

    @property
    def fit(self) -> bool:
        """Whether nothing was refused."""
        return all(finding.level != "refused" for finding in self.findings)


def location_of(file: BinaryIO, name: str) -> Location:
    """An open file as a source: only containers of cameras, and nothing that opens another file."""
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
    return Location(source=name, kind="file", url=name, options=options, file=file)


def examine(file: BinaryIO, lengths: Lengths, *, name: str = "recording", detector: Mtcnn | None = None) -> Examination:
    """Look at one recording.

    Args:
        file: Its bytes, seekable.
        lengths: What the study takes.
        name: For messages.
        detector: The face detector; None: a new one.

    Raises:
        BrokenVideoError: The file in the vault was changed.
    """
    location = location_of(file, name)
    try:
        media_type = _media_type(location)
        file.seek(0)
        with Video(location) as video:
            seen = _look(video, lengths, detector or Mtcnn())
            info, damaged = video.info, video.corrupt_frames
            duration_s = video.clock.duration_s if video.exhausted else None
    except _TooLargeError:
        return Examination(findings=(Finding(name="picture", level="refused"),), is_video=False)
    except SourceError:
        _read_through(file)  # raises for a file that was changed in the vault: that is not the volunteer's fault
        return Examination(findings=(Finding(name="video", level="refused"),), is_video=False)
    file.seek(0)
    sound_db = sound_level_db(location, lengths.longest_s) if info.audio else None
    has_sound = sound_db is not None and sound_db > SILENCE_DB
    findings = (
        Finding(name="video", level="warning" if damaged else "good", value=damaged),
        _length(duration_s, lengths),
        *seen.findings(),
        Finding(name="sound", level="good" if has_sound else "warning", value=sound_db),
    )
    return Examination(
        findings=findings,
        duration_s=duration_s,
        width=info.width,
        height=info.height,
        has_sound=has_sound,
        media_type=media_type,
        playable=is_playable(location),
        still=seen.still,
    )


class _TooLargeError(NotAVideoError):
    """Its pictures are larger than a check decodes."""


def _read_through(file: BinaryIO) -> None:
    file.seek(0)
    while file.read(1 << 20):
        pass


def _media_type(location: Location) -> str:
    """The container's type, if its streams are bearable.

    Raises:
        NotAVideoError: They are not; `_TooLargeError` where that is for the size of the picture.
    """
    with open_container(location) as container:
        if len(container.streams) > _MOST_STREAMS:
            raise NotAVideoError(f"{location}: {len(container.streams)} streams")
        if any((s.width or 0) * (s.height or 0) > _MOST_PIXELS for s in container.streams.video):
            raise _TooLargeError(f"{location}: larger than {_MOST_PIXELS} pixels")
        kind = container.format.name.partition(",")[0]
        if kind == "matroska":
            codecs = {stream.codec_context.name for stream in container.streams.video if stream.codec_context}
            return (
                "video/webm" if codecs <= {"vp8", "vp9", "libvpx", "libvpx-vp9", "av1", "libdav1d"} else "video/x-matroska"
            )
        return _MEDIA_TYPES.get(kind, f"video/x-{kind}")


def _look(video: Video, lengths: Lengths, detector: Mtcnn) -> _Seen:
    seen = _Seen()
    next_s = 0.0
    for frame in video:
        if frame.time_s > lengths.longest_s + 2 * LENGTH_GRACE_S:
            break
        if frame.time_s >= next_s - 1e-6:
            next_s = frame.time_s + SAMPLE_INTERVAL_S
            faces = detector.detect(frame.rgb, min_face_px=MIN_FACE_PX, max_side_px=DETECTION_SIDE_PX)
            seen.add(frame, sorted(faces, key=lambda face: -face.size_px))
    return seen


def _length(duration_s: float | None, lengths: Lengths) -> Finding:
    if duration_s is None:  # decoding ended before the video did
        return Finding(name="length", level="refused", value=None)
    fits = lengths.shortest_s - LENGTH_GRACE_S <= duration_s <= lengths.longest_s + LENGTH_GRACE_S
    return Finding(name="length", level="good" if fits else "refused", value=round(duration_s, 2))


class _Seen:
    """What the samples show."""

    def __init__(self) -> None:
        self._samples = self._with_face = self._whole = self._with_others = 0
        self._qualities: list[CropQuality] = []
        self._sharpest = -1.0
        self.still: bytes | None = None

    def add(self, frame: Frame, faces: list[Face]) -> None:
        """Take a sample; the faces largest first."""
        self._samples += 1
        if not faces:
            return
        self._with_face += 1
        nearest = faces[0]
        others = (face for face in faces[1:] if face.probability >= START_PROBABILITY)
        self._with_others += any(face.size_px >= OTHER_FACE * nearest.size_px for face in others)
        whole = is_whole(nearest, frame.rgb)
        self._whole += whole
        try:
            quality = crop_quality(align_face(frame.rgb, nearest.landmarks, _CROP_PX), nearest)
        except ValueError:  # the eyes are hardly in the picture
            return
        self._qualities.append(quality)
        worth = quality.sharpness * (1.0 if whole else 0.1)
        if worth > self._sharpest:
            self._sharpest, self.still = worth, _still(frame.rgb, nearest)

    def findings(self) -> tuple[Finding, ...]:
        """One for each thing looked at; "face" alone where there is none."""
        share = self._with_face / max(self._samples, 1)
        if not self._qualities:
            return (Finding(name="face", level="refused", value=round(share, 3)),)
        coverage, others = self._whole / self._samples, self._with_others / self._samples
        quality = median_quality(self._qualities)
        others_level: Level = "good" if self._with_others <= 1 else "warning"
        return (
            Finding(name="face", level="good", value=round(share, 3)),
            Finding(name="coverage", level="good" if coverage >= LIMITS.coverage else "refused", value=round(coverage, 3)),
            Finding(name="faces", level="refused" if others > 1 - LIMITS.coverage else others_level, value=round(others, 3)),
            _measured("size", quality.eye_distance_px, LIMITS.eye_distance_px, SIZE_WARNING_PX),
            _measured("light", quality.brightness, LIMITS.brightness, LIGHT_WARNING),
            _measured("sharpness", quality.sharpness, LIMITS.sharpness, SHARPNESS_WARNING),
        )


def _measured(name: Name, value: float, refused_below: float, warning_below: float) -> Finding:
    level: Level = "refused" if value < refused_below else "warning" if value < warning_below else "good"
    return Finding(name=name, level=level, value=round(value, 3))


def is_whole(face: Face, rgb: NDArray[np.uint8]) -> bool:
    """Whether a face is in the picture (H, W, 3) as a whole."""
    height, width = rgb.shape[:2]
    beyond = _BEYOND * face.size_px
    x0, y0, x1, y1 = face.box
    return bool(x0 >= -beyond and y0 >= -beyond and x1 <= width + beyond and y1 <= height + beyond)


def _still(rgb: NDArray[np.uint8], face: Face) -> bytes:
    height, width = rgb.shape[:2]
    side = min(_STILL_FACES * face.size_px, height, width)
    centre = (face.box[:2] + face.box[2:]) / 2
    x0, y0 = np.clip(centre - side / 2, 0, [width - side, height - side]).astype(int)
    cut = np.ascontiguousarray(rgb[y0 : y0 + int(side), x0 : x0 + int(side)])
    picture = Image.fromarray(cut)
    picture.thumbnail((_STILL_PX, _STILL_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
