"""Encrypted files of which any part can be read without decrypting the rest.

The form is that of AES-GCM-HKDF streaming in Tink (https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming),
an instance of STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", CRYPTO 2015), with a magic number before it:

    magic (8) | salt (32) | nonce prefix (7) | segments of 64 KiB, each followed by its tag (16); the last may be shorter

Every file has a key of its own, HKDF-SHA-256 of the studio's key with the file's salt and name. A segment's nonce is the
prefix, its number (4 bytes, big endian) and one byte that marks the last segment: a segment that is changed, moved, left out
or cut off, or a file under another's name, does not decrypt.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import secrets
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from facefatigue.atomic import output_error
from facefatigue.errors import BrokenVideoError, ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import WriteableBuffer

KEY_BYTES = 32
MAGIC = b"FFSEAL1\n"
SEGMENT_BYTES = 1 << 16
_SALT_BYTES = 32
_PREFIX_BYTES = 7
_TAG_BYTES = 16
_HEADER_BYTES = len(MAGIC) + _SALT_BYTES + _PREFIX_BYTES
_STORED_BYTES = SEGMENT_BYTES + _TAG_BYTES


def new_key_file(path: Path) -> None:
    """Make a key of 32 random bytes, in base64, in a file that only its owner may read; an existing file is left alone.

    Raises:
        ConfigurationError: It is there already, or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError(f"{path}: is there already; a key that is overwritten can never be got back") from None
    except OSError as error:
        raise output_error(path, error) from error
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_key_file(path: Path) -> bytes:
    """The key in a file that :func:`new_key_file` made.

    Raises:
        ConfigurationError: There is no such file, or it holds no key.
    """
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except OSError as error:
        raise ConfigurationError(f"{path}: the key cannot be read ({error.strerror or error})") from None
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"{path}: holds no key; make one with: facefatigue studio key FILE")
    return key


def derived_key(key: bytes, salt: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, by HKDF-SHA-256 (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=purpose.encode()).derive(key)


def seal(source: BinaryIO, target: BinaryIO, key: bytes, name: str) -> None:
    """Encrypt a file.

    Args:
        source: Read to its end.
        target: Where the encrypted file is written.
        key: 32 bytes.
        name: Of the file; the same is needed to read it.
    """
    salt, prefix = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_PREFIX_BYTES)
    cipher = AESGCM(derived_key(key, salt, name))
    target.write(MAGIC + salt + prefix)
    number = 0
    segment = source.read(SEGMENT_BYTES)
    while True:
        following = source.read(SEGMENT_BYTES) if len(segment) == SEGMENT_BYTES else b""
        target.write(cipher.encrypt(_nonce(prefix, number, last=not following), segment, None))
        if not following:
            return
        segment, number = following, number + 1


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


def plain_size(stored_bytes: int) -> int:
    """Size of what is in an encrypted file of this size."""
    body = max(stored_bytes - _HEADER_BYTES, 0)
    return max(body - _TAG_BYTES * -(-body // _STORED_BYTES), 0)


class SealedReader(io.RawIOBase):
    """The plain bytes of an encrypted file, in any order; the end is verified at once, every other part when it is read.

    Args:
        file: The encrypted file; closed together with this.
        key: 32 bytes.
        name: As it was encrypted with.

    Raises:
        BrokenVideoError: The file was cut off or changed, or key or name are wrong; reading raises it, too.
    """

    def __init__(self, file: BinaryIO, key: bytes, name: str) -> None:
        super().__init__()
        self._file = file
        self._name = name
        stored = file.seek(0, os.SEEK_END)
        file.seek(0)
        header = file.read(_HEADER_BYTES)
        if not header.startswith(MAGIC) or stored < _HEADER_BYTES + _TAG_BYTES:
            file.close()
            raise self._damaged("it does not begin as an encrypted file does")
        salt, self._prefix = header[len(MAGIC) : -_PREFIX_BYTES], header[-_PREFIX_BYTES:]
        self._cipher = AESGCM(derived_key(key, salt, name))
        self._segments = -(-(stored - _HEADER_BYTES) // _STORED_BYTES)
        self._size = plain_size(stored)
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")
        try:
            self._segment(self._segments - 1)
        except BrokenVideoError:
            file.close()
            raise

    def _damaged(self, why: str) -> BrokenVideoError:
        return BrokenVideoError(f"{self._name}: the encrypted file is damaged: {why}")

    def _segment(self, number: int) -> bytes:
        if self._held[0] != number:
            self._file.seek(_HEADER_BYTES + number * _STORED_BYTES)
            stored = self._file.read(_STORED_BYTES)
            nonce = _nonce(self._prefix, number, last=number == self._segments - 1)
            try:
                self._held = (number, self._cipher.decrypt(nonce, stored, None))
            except InvalidTag:
                raise self._damaged(f"part {number + 1} of {self._segments} was changed or cut off") from None
        return self._held[1]

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read at most to the end of the current segment."""
        view = memoryview(buffer).cast("B")
        if self._at >= self._size or not len(view):
            return 0
        number, within = divmod(self._at, SEGMENT_BYTES)
        part = self._segment(number)[within : within + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place, which may lie behind the end."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"place {start + offset} lies before the beginning")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        """The current place."""
        return self._at

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Close the encrypted file, too."""
        self._file.close()
        super().close()
