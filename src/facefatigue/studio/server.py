"""The studio as a running server: folder, database, vault and socket opened in order, and closed again."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from facefatigue.atomic import make_folder
from facefatigue.errors import ConfigurationError
from facefatigue.locks import only_run_in
from facefatigue.studio import accounts
from facefatigue.studio.access import new_link
from facefatigue.studio.checking import Checkers
from facefatigue.studio.database import Database
from facefatigue.studio.sealed import read_key_file
from facefatigue.studio.tidying import Tidying, belong_together
from facefatigue.studio.uploads import Uploads
from facefatigue.studio.vault import Vault
from facefatigue.studio.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from facefatigue.studio.settings import StudioSettings


# A process has 1024 open files where nobody says otherwise: half of them are for connections, so that whoever opens many
# keeps neither database nor videos from being opened.
_MOST_CONNECTIONS = 512


@dataclass(frozen=True, kw_only=True)
class Server:
    """A studio that listens, and answers once :meth:`run` is called.

    Attributes:
        settings: As given, with the port that was free.
        app: The web application.
        owner_link: Sets the first owner's password, once; empty when there is an owner already.
    """

    settings: StudioSettings
    app: FastAPI
    owner_link: str
    listening: socket.socket

    def run(self) -> None:
        """Answer requests until the process is told to stop; what is under way is finished first."""
        # No access log of uvicorn's: it would write down links, which are secrets; ours leaves them out.
        config = uvicorn.Config(
            self.app,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            proxy_headers=bool(self.settings.trusted_proxy),
            forwarded_allow_ips=self.settings.trusted_proxy or None,
            timeout_graceful_shutdown=20,
            limit_concurrency=_MOST_CONNECTIONS,
        )
        uvicorn.Server(config).run(sockets=[self.listening])


@contextlib.contextmanager
def open_server(settings: StudioSettings) -> Iterator[Server]:
    """Open everything a studio needs, and close it at the end.

    Raises:
        ConfigurationError: The folder is in use, the address is taken, the database does not answer, the key is wrong.
        OutputError: The folder cannot be written.
    """
    make_private(settings.folder)
    with contextlib.ExitStack() as stack:
        stack.enter_context(only_run_in(settings.folder))
        listening = stack.enter_context(_listen(settings.host, settings.port))
        settings = dataclasses.replace(settings, port=listening.getsockname()[1])
        database = Database(settings.database_url)
        stack.callback(database.close)
        database.upgrade()
        vault = Vault(settings.vault_folder, read_key_file(settings.key_file) if settings.key_file else None)
        with database.writing() as db:
            belong_together(db, vault)
        uploads = Uploads(settings, vault)
        checkers = Checkers(settings, database, vault)
        app = create_app(
            settings,
            database,
            vault,
            uploads=uploads,
            new_recording=checkers.wake,
            beside=[Tidying(database, vault, uploads), checkers],
        )
        with database.writing() as db:
            owner = accounts.owner_in_waiting(db)
            link = app.state.studio.access.url(new_link(db, owner)) if owner is not None else ""
        yield Server(settings=settings, app=app, owner_link=link, listening=listening)


def make_private(folder: Path) -> None:
    """Make a studio's folder, if it is missing, for its owner alone.

    Raises:
        OutputError: It cannot be made.
    """
    if not folder.exists():
        make_folder(folder)
        folder.chmod(0o700)


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, *_, target = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)[0]  # noqa: S104  # asked for
        listening = socket.create_server(target[:2], family=family, backlog=256)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port or --host"
        ) from None
    with listening:
        # An answer goes out in two parts, head and body. Without this the second waits for the client's word that it has the
        # first, which clients put off for 40 ms (RFC 896; RFC 1122, 4.2.3.2). asyncio sets it for its own sockets alone.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listening
