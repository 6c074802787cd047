"""Where a video comes from: a file, an image sequence, a camera or an address, checked before anything is opened."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal
from urllib.parse import urlsplit

from facefatigue.errors import NotAVideoError, SourceNotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

ADDRESS_SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "udp", "srt")
# What a file may open besides itself: nothing that reaches the network (a playlist could name any address or file).
_FILE_PROTOCOLS = "file"
_ADDRESS_PROTOCOLS = "http,https,tcp,tls,rtsp,rtsps,rtp,rtmp,udp,srt,crypto"
_SEQUENCE = re.compile(r"%0?\d*d")
_IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
_TIMEOUT_S = (10.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class Location:
    """How to open a source.

    Attributes:
        source: The source as the user gave it.
        kind: "file", "sequence" (numbered images), "camera" or "address".
        url: What the demuxer is given.
        format: Demuxer to force, or None to detect it.
        options: Options for the demuxer.
        timeout_s: Seconds to wait for (opening, reading), or None to wait for ever.
        file: The bytes themselves, seekable, read instead of the url; None: the url is opened.
    """

    source: str
    kind: Literal["file", "sequence", "camera", "address"]
    url: str
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    timeout_s: tuple[float, float] | None = None
    file: BinaryIO | None = None

    @property
    def live(self) -> bool:
        """Whether the source goes on for ever in its own time (a camera or a stream), so that late frames are dropped."""
        return self.kind == "camera" or self.url.startswith(("rtsp", "rtmp", "udp", "srt"))

    def __str__(self) -> str:
        """The source, without the password of an address."""
        if self.kind != "address":
            return self.source
        parts = urlsplit(self.source)
        if parts.password is None:
            return self.source
        return self.source.replace(f":{parts.password}@", ":***@", 1)


def locate(source: str | os.PathLike[str] | int) -> Location:
    """Tell what a source is and check what can be checked without opening it.

    Args:
        source: A path; a pattern of numbered images such as ``shot_%04d.png``; a camera number (0 is the first); or an
            address (http, https, rtsp, rtmp, udp, srt).

    Raises:
        SourceNotFoundError: No such file, or no permission to read it.
        NotAVideoError: A folder, or an empty file.
        UsageError: An empty source, or an address of an unknown kind.
    """
    text = os.fspath(source) if not isinstance(source, int) else str(source)
    if not text:
        raise UsageError("the source is empty; give a video file, a camera number or an address")
    if isinstance(source, int) or (text.isascii() and text.isdigit() and not Path(text).exists()):
        return _camera(text)
    if match := re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text):
        scheme = match[1].lower()
        if scheme not in ADDRESS_SCHEMES:
            raise UsageError(f"{text}: addresses of kind {scheme}:// are not read; use one of {', '.join(ADDRESS_SCHEMES)}")
        try:
            urlsplit(text)
        except ValueError as error:
            raise UsageError(f"{text!r}: is not an address ({error})") from None
        options = {"protocol_whitelist": _ADDRESS_PROTOCOLS}
        if scheme.startswith("rtsp"):
            options["rtsp_transport"] = "tcp"
        return Location(source=text, kind="address", url=scheme + text[len(scheme) :], options=options, timeout_s=_TIMEOUT_S)
    return _path(text)


def _camera(number: str) -> Location:
    system = {"linux": ("v4l2", f"/dev/video{number}"), "darwin": ("avfoundation", number)}
    name, url = system.get(sys.platform, ("dshow", f"video={number}"))
    if name == "v4l2" and not Path(url).exists():
        raise SourceNotFoundError(f"camera {number}: there is no such camera ('facefatigue doctor' lists them)")
    options = {"framerate": "30"} if name == "avfoundation" else {}
    return Location(source=number, kind="camera", url=url, format=name, options=options, timeout_s=_TIMEOUT_S)


def _path(text: str) -> Location:
    path = Path(text)
    options = {"protocol_whitelist": _FILE_PROTOCOLS}
    try:
        exists = path.exists()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SourceNotFoundError(f"{text!r}: cannot be opened ({reason})") from error
    if not exists:
        if _SEQUENCE.search(path.name) and path.suffix.lower() in _IMAGE_SUFFIXES and path.parent.is_dir():
            options["start_number"] = str(_first_of_sequence(path))
            # The folder's own % must not be taken for a pattern.
            folder, name = os.path.split(text)
            url = "file:" + os.path.join(folder.replace("%", "%%"), name)  # noqa: PTH118  # Path would drop a leading ./
            return Location(source=text, kind="sequence", url=url, format="image2", options=options)
        raise SourceNotFoundError(f"{text}: no such file")
    if path.is_dir():
        raise NotAVideoError(f"{text}: is a folder; give a video file (or a pattern such as {path.name}/img_%04d.png)")
    if not os.access(path, os.R_OK):
        raise SourceNotFoundError(f"{text}: permission denied; make the file readable for this user")
    if path.is_file() and path.stat().st_size == 0:
        raise NotAVideoError(f"{text}: the file is empty")
    if path.suffix.lower() in _IMAGE_SUFFIXES and _SEQUENCE.search(path.name):
        options["pattern_type"] = "none"
    return Location(source=text, kind="file", url=f"file:{text}", options=options)


def _first_of_sequence(pattern: Path) -> int:
    match = _SEQUENCE.search(pattern.name)
    assert match is not None
    digits = match[0][1:-1]
    number = rf"(\d{{{int(digits)}}})" if digits.startswith("0") and int(digits) else r"(\d+)"
    name = re.compile(re.escape(pattern.name[: match.start()]) + number + re.escape(pattern.name[match.end() :]))
    try:
        found = [int(hit[1]) for entry in pattern.parent.iterdir() if (hit := name.fullmatch(entry.name))]
    except OSError as error:
        raise SourceNotFoundError(f"{pattern}: its folder cannot be read ({error.strerror or error})") from error
    if not found:
        raise SourceNotFoundError(f"{pattern}: no image matches this pattern; check the folder and the number of digits")
    return min(found)
