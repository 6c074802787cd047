"""Names for the files of a report, made from whatever the source was called."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

# File systems allow 255 bytes; the rest is for ".overlay.mp4" and a number that tells equal names apart.
_MAX_BYTES = 200
# Not allowed in names on Windows, or means something to a shell or a terminal.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def safe_stem(source: str) -> str:
    """A file name without suffix that is safe on every system, as close to the source's own name as it can be.

    The name of a file is its last part without suffix; a camera number becomes ``camera0``; an address gives the last
    part of its path, or its host, never its user, password or query. Control characters, characters that Windows
    forbids and dashes or dots in front become ``_``; Unicode is kept (composed, NFC). A name of more than 200 bytes
    is cut, and ends in a hash of the whole so that different names stay different.

    Args:
        source: A path, a camera number or an address, as the user gave it.

    Returns:
        A non-empty name of at most 200 bytes in UTF-8.
    """
    if source.isascii() and source.isdigit():
        return f"camera{source}"
    name = _name_of_address(source) if _SCHEME.match(source) else PurePosixPath(source).stem
    # Bytes of a name that is not UTF-8 come as lone surrogates, which no text file can hold.
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    name = "".join("_" if _invisible(char) else char for char in name)
    name = _FORBIDDEN.sub("_", name).strip().rstrip(". ")
    name = re.sub(r"^[-.]+", "_", name)
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    return _shortened(name) or "video"


def _invisible(char: str) -> bool:
    # Some of them turn the writing direction, to make a name look like another; scripts and emoji need the joiners.
    return unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") and char not in "\u200c\u200d"


def _name_of_address(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    last = PurePosixPath(unquote(parts.path)).stem
    return last or host


def _shortened(name: str) -> str:
    if len(name.encode()) <= _MAX_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    kept = name.encode()[: _MAX_BYTES - len(digest) - 1].decode("utf-8", "ignore")
    return f"{kept.rstrip()}-{digest}"


def unique_stems(sources: Sequence[str]) -> list[str]:
    """A safe stem for each source; sources that share a name are told apart by ``-2``, ``-3`` and so on.

    Stems that differ only in upper and lower case count as the same, as they do on Windows and macOS.

    Args:
        sources: Sources of one run, written to one folder.

    Returns:
        One stem a source, in the same order.
    """
    wanted = [safe_stem(source) for source in sources]
    reserved = {stem.casefold() for stem in wanted}
    taken: set[str] = set()
    stems = []
    for stem in wanted:
        free, number = stem, 1
        # A numbered name must not take the place of another source's own name.
        while free.casefold() in taken or (number > 1 and free.casefold() in reserved):
            number += 1
            free = f"{stem}-{number}"
        taken.add(free.casefold())
        stems.append(free)
    return stems


def display_name(source: str) -> str:
    """How a source is called in a title: the name of a file with its suffix, ``camera 0``, or an address without secrets.

    Args:
        source: A path, a camera number or an address, as the user gave it.
    """
    if source.isascii() and source.isdigit():
        return f"camera {source}"
    if _SCHEME.match(source):
        try:
            parts = urlsplit(source)
            host = parts.hostname or ""
        except ValueError:
            return source.split("://", 1)[0] + "://…"
        return f"{parts.scheme}://{host}{parts.path}"
    name = (PurePosixPath(source).name or source).encode("utf-8", "replace").decode("utf-8")
    return "".join("�" if _invisible(char) else char for char in name)
