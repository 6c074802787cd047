"""How a studio is run: where its things lie, where it listens, and its limits."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class StudioSettings:
    """How a studio is run; what belongs to the study (scenarios, raters, consent) is in the database.

    Attributes:
        folder: Holds the vault, unfinished uploads, the signing secret and, by default, the database.
        database: SQLAlchemy address; empty: SQLite in `folder`.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        public_url: How volunteers and raters reach the studio, without a slash at the end; links begin with it. Empty: by
            host and port.
        trusted_proxy: Address or network of the reverse proxy whose X-Forwarded-For is believed. Empty: nobody's.
        key_file: File with the key that encrypts videos at rest, as `facefatigue studio key` makes it; None: not encrypted.
        most_bytes: Largest video that is taken.
        most_bytes_a_day: What is kept of one volunteer's videos within a day, so that nobody fills the disk alone: by
            default eight of the largest, or 30 minutes of a telephone's at 17 Mbit/s.
        most_open_uploads: Unfinished uploads of one volunteer at a time.
        checkers: Processes that look at new recordings.
        check_limit_s: Longest time for one check; then its process is ended.

    Raises:
        ConfigurationError: A value makes no sense.
    """

    folder: Path
    database: str = ""
    host: str = "127.0.0.1"
    port: int = 8765
    public_url: str = ""
    trusted_proxy: str = ""
    key_file: Path | None = None
    most_bytes: int = 512 * _MIB
    most_bytes_a_day: int = 4096 * _MIB
    most_open_uploads: int = 3
    checkers: int = 1
    check_limit_s: float = 300.0

    def __post_init__(self) -> None:
        """Check every value."""
        if not 0 <= self.port <= 65535:
            raise ConfigurationError(f"port {self.port} is not between 0 and 65535")
        if self.public_url:
            parts = urlsplit(self.public_url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query or parts.fragment:
                raise ConfigurationError(f"public URL {self.public_url!r} is not of the form https://studio.example.org")
        if self.trusted_proxy:
            try:
                ipaddress.ip_network(self.trusted_proxy)
            except ValueError:  # "*" would believe whatever anybody says of his address, a name nobody
                raise ConfigurationError(
                    f"trusted proxy {self.trusted_proxy!r} is not an address like 127.0.0.1, or a network like 10.0.0.0/8"
                ) from None
        if (
            self.most_bytes < _MIB
            or self.most_bytes_a_day < self.most_bytes
            or self.most_open_uploads < 1
            or self.checkers < 1
            or self.check_limit_s <= 0
        ):
            raise ConfigurationError(
                "limits of a studio must be positive, a video may have at least 1 MiB, and a day's not less than one"
            )

    @property
    def base_url(self) -> str:
        """What links begin with."""
        if self.public_url:
            return self.public_url
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104  # compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def database_url(self) -> str:
        """The database's address, the default filled in; plain ``postgresql://`` gets the driver that we install."""
        if not self.database:
            return f"sqlite:///{self.folder / 'studio.sqlite3'}"
        for prefix in ("postgresql://", "postgres://"):
            if self.database.startswith(prefix):
                return "postgresql+psycopg://" + self.database.removeprefix(prefix)
        return self.database

    @property
    def vault_folder(self) -> Path:
        """Where finished videos lie."""
        return self.folder / "vault"

    @property
    def uploads_folder(self) -> Path:
        """Where unfinished videos lie."""
        return self.folder / "uploads"

    @property
    def secret_file(self) -> Path:
        """The secret that signs links, made at the first start, readable by its owner alone."""
        return self.folder / "secret"
