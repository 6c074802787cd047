"""``facefatigue studio``: record, check, rate and export a data set of one's own, in the browser."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import ipaddress
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from facefatigue.cli import studio_exchange
from facefatigue.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from facefatigue.studio.database import Database
    from facefatigue.studio.settings import StudioSettings
    from facefatigue.studio.vault import Vault

DESCRIPTION = """\
A studio to build your own data set by the published protocol, in the browser: volunteers record short videos of
themselves, each recording is checked at once, raters rate it on a scale of 1 to 5, agreement is computed live, and the
result goes straight to `facefatigue train`. Needs facefatigue[studio].

Everything lies in one folder (./facefatigue-studio), in SQLite; a team may use PostgreSQL. At the first start the studio
prints a link with which its owner sets a password. It listens on this computer alone unless --host says otherwise, and
browsers give a page the camera only over https or on this computer: for volunteers elsewhere put a web server with a
certificate in front, and name its address with --public-url.

examples:
  facefatigue studio --open
  facefatigue studio --database postgresql://studio@db/studio --public-url https://studio.example.org
  facefatigue studio key studio.key && facefatigue studio --key studio.key
  facefatigue studio backup all.zip        also while the studio runs
  facefatigue studio export dataset        videos, labels, split and data card, for `facefatigue prepare`
  facefatigue studio owner owner           set or reset an owner's password
  facefatigue studio verify                are all videos still as they were kept?
  facefatigue studio check-log             has anybody changed the audit log?"""

_DEFAULT_FOLDER = Path("facefatigue-studio")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its own subcommands."""
    place = _place_options()
    serving = _serve_options()
    parser = subparsers.add_parser(
        "studio",
        help="record, rate and export a data set of your own, in the browser",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[place, serving],
    )
    parser.set_defaults(run=run_serve)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action")

    serve = actions.add_parser("serve", help="run the studio (what happens without an action)", parents=[place, serving])
    serve.set_defaults(run=run_serve)

    owner = actions.add_parser(
        "owner",
        help="set or reset an owner's password",
        description="Set or reset an owner's password, which is asked for, or read from a pipe; a missing account is made.",
        parents=[place],
    )
    owner.add_argument("name", metavar="NAME", help="the name to sign in with")
    owner.set_defaults(run=run_owner)

    check_log = actions.add_parser(
        "check-log",
        help="verify the audit log's chain of hashes",
        description="Verify the audit log's chain of hashes, and print its length and last hash: whoever notes that "
        "elsewhere can later prove that nothing was cut off. Exit code 6 if an entry was changed or removed.",
        parents=[place],
    )
    check_log.add_argument(
        "--noted",
        metavar="HASH",
        help="a last hash that was noted earlier: is it still part of the log? (exit code 6 if not)",
    )
    check_log.set_defaults(run=run_check_log)

    verifying = actions.add_parser(
        "verify",
        help="are all videos still as they were kept?",
        description="Read every video, also while the studio runs, and compare it with its checksum; names those that are "
        "damaged or missing, and exits with 6 if there are any.",
        parents=[place, _key_option()],
    )
    verifying.set_defaults(run=run_verify)

    key = actions.add_parser(
        "key",
        help="make a key that encrypts videos at rest",
        description="Make a key of 32 random bytes in a new file that only you may read. Start a new studio with it. "
        "Without the key nobody can ever read the videos again: keep a copy elsewhere.",
    )
    key.add_argument("file", type=Path, metavar="FILE", help="the new file")
    key.set_defaults(run=run_key)

    saving = actions.add_parser(
        "backup",
        help="write everything into one file",
        description="Write rows and videos into one file, also while the studio runs. Encrypted videos stay encrypted; the "
        "key is not in it. Open sessions and the bytes of unfinished uploads are left out. Every video is compared with its "
        "checksum, and nothing is written if one is damaged or missing.",
        parents=[place, _key_option()],
    )
    saving.add_argument("file", type=Path, metavar="FILE", help="the backup, a ZIP file; an existing one is replaced")
    saving.add_argument(
        "--despite-damage", action="store_true", help="take damaged videos as they are, and of missing ones the rows"
    )
    saving.set_defaults(run=run_backup)

    restoring = actions.add_parser(
        "restore",
        help="put a backup into a new studio",
        description="Put a backup into a folder and a database that are empty; of either kind, whatever it was made from. "
        "Every hash is verified before anything is written.",
        parents=[place, _key_option()],
    )
    restoring.add_argument("file", type=Path, metavar="FILE", help="the backup")
    restoring.set_defaults(run=run_restore)

    studio_exchange.add_actions(actions, place, _key_option(), _settings_with_extra)


def _place_options() -> argparse.ArgumentParser:
    # Given before the action or after it: the default must not overwrite what was given before.
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument("--folder", type=Path, metavar="DIR", help=f"where everything lies (default: ./{_DEFAULT_FOLDER})")
    options.add_argument("--database", metavar="URL", help="postgresql://user@host/name (default: SQLite in the folder)")
    return options


def _key_option() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument(
        "--key",
        dest="key_file",
        type=Path,
        metavar="FILE",
        help="file with the key that encrypts videos at rest (default: not encrypted)",
    )
    return options


def _serve_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS, parents=[_key_option()])
    options.add_argument("--host", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1, this computer alone)")
    options.add_argument("--port", type=int, metavar="PORT", help="port to listen on; 0 takes a free one (default: 8765)")
    options.add_argument(
        "--public-url",
        metavar="URL",
        help="how volunteers and raters reach the studio, e.g. https://studio.example.org; links begin with it",
    )
    options.add_argument(
        "--trusted-proxy",
        metavar="ADDRESS",
        help="address of the web server in front, whose X-Forwarded-For is believed (default: nobody's)",
    )
    options.add_argument("--open", action="store_true", help="open the studio in a browser")
    return options


def run_serve(args: argparse.Namespace) -> int:
    """Run the studio until it is stopped."""
    _need_extra()
    from facefatigue.studio.server import open_server

    settings = _settings(args)
    with open_server(settings) as server:
        address = server.settings.base_url
        print(f"studio: {address}")
        if server.owner_link:
            print(f"set the owner's password with this link, once, within an hour:\n  {server.owner_link}")
        warning = _warning(server.settings)
        if warning:
            print(f"warning: {warning}", file=sys.stderr)
        print("stop with Ctrl+C", flush=True)
        if getattr(args, "open", False):
            import webbrowser

            webbrowser.open(server.owner_link or address)
        server.run()
    return 0


def run_owner(args: argparse.Namespace) -> int:
    """Set an owner's password."""
    _need_extra()
    from facefatigue.studio import accounts
    from facefatigue.studio.database import Database
    from facefatigue.studio.database.tables import Role
    from facefatigue.studio.passwords import Passwords
    from facefatigue.studio.server import make_private

    settings = _settings(args)
    if settings.vault_folder.is_dir():  # a studio is here, whose database may be elsewhere
        _need_database(settings)
    make_private(settings.folder)
    database = Database(settings.database_url)
    try:
        database.upgrade()
        with database.reading() as db:
            account = accounts.by_name(db, args.name)
            if account is not None and account.role is not Role.OWNER:
                raise ConfigurationError(f"{args.name!r} is a rater, not an owner; choose another name")
        hashed = Passwords().hash(_ask_password(), name=args.name)
        with database.writing() as db:
            account = accounts.by_name(db, args.name) or accounts.create(db, args.name, Role.OWNER, actor="studio")
            account.disabled_at = None
            accounts.set_password(db, account, hashed, actor="studio")
    finally:
        database.close()
    print(f"password set: {args.name}")
    return 0


def run_check_log(args: argparse.Namespace) -> int:
    """Verify the audit log."""
    _need_extra()
    from facefatigue.studio import audit
    from facefatigue.studio.database import Database

    settings = _settings(args)
    _need_database(settings)
    database = Database(settings.database_url)
    try:
        database.upgrade()
        with database.reading() as db:
            broken = audit.broken(db)
            count, last = audit.head(db)
            known = args.noted is None or audit.knows(db, args.noted)
    finally:
        database.close()
    if broken:
        shown = ", ".join(map(str, broken[:10])) + (", …" if len(broken) > 10 else "")
        raise ConfigurationError(f"the audit log was changed: {len(broken)} of {count} entries do not fit ({shown})")
    if not known:
        raise ConfigurationError(f"the audit log was changed: no entry has the hash {args.noted}")
    print(f"audit log: {count} entries, unbroken; last hash {last}")
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Compare every video with its checksum."""
    _need_extra()
    from facefatigue.cli.progress import CountProgress
    from facefatigue.studio.tidying import check_together
    from facefatigue.studio.verifying import verify

    settings = _settings(args)
    _need_vault(settings)
    with _opened(settings) as (database, vault), CountProgress("videos") as progress:
        with database.reading() as db:
            check_together(db, vault)
        found = verify(database, vault, progress.at)
    for word, ids in (("damaged", found.damaged), ("missing", found.missing)):
        for recording_id in ids:
            print(f"{word}: {recording_id}", file=sys.stderr)
    noted = f"; {found.noted} had no checksum yet, which is noted now" if found.noted else ""
    print(f"verified: {found.whole} videos are as they were kept{noted}")
    if found.damaged or found.missing:
        raise ConfigurationError(
            f"{len(found.damaged)} videos are damaged and {len(found.missing)} missing: restore a backup elsewhere, and "
            f"copy their files from its vault into {settings.vault_folder}"
        )
    return 0


def run_key(args: argparse.Namespace) -> int:
    """Make a key."""
    _need_extra()
    from facefatigue.studio.sealed import new_key_file

    new_key_file(args.file)
    print(f"key: {args.file}\nkeep a copy elsewhere: without it the videos can never be read again")
    return 0


def run_backup(args: argparse.Namespace) -> int:
    """Write everything into one file."""
    _need_extra()
    from facefatigue.studio.backup import backup

    settings = _settings(args)
    _need_vault(settings)
    with _opened(settings) as (database, vault):
        count = backup(
            database,
            vault,
            args.file.absolute(),
            secret_file=settings.secret_file,
            despite_damage=args.despite_damage,
        )
    print(f"backup: {args.file} ({count} recordings)")
    return 0


def run_restore(args: argparse.Namespace) -> int:
    """Put a backup into a new studio."""
    _need_extra()
    from facefatigue.locks import only_run_in
    from facefatigue.studio.backup import restore
    from facefatigue.studio.server import make_private

    settings = _settings(args)
    if not args.file.is_file():
        raise ConfigurationError(f"{args.file}: no such file")
    make_private(settings.folder)
    with only_run_in(settings.folder), _opened(settings) as (database, vault):
        count = restore(args.file, database, vault, secret_file=settings.secret_file)
    print(f"restored: {count} recordings in {settings.folder}")
    return 0


def _need_database(settings: StudioSettings) -> None:
    # An empty one would be made otherwise, and found to be in the best order.
    if not settings.database and not (settings.folder / "studio.sqlite3").exists():
        raise ConfigurationError(
            f"{settings.folder}: there is no studio here; name its folder with --folder, or its database with --database"
        )


def _need_vault(settings: StudioSettings) -> None:
    if not settings.vault_folder.is_dir():
        raise ConfigurationError(f"{settings.folder}: there is no studio here; name its folder with --folder")
    _need_database(settings)


@contextlib.contextmanager
def _opened(settings: StudioSettings) -> Iterator[tuple[Database, Vault]]:
    from facefatigue.studio.database import Database
    from facefatigue.studio.sealed import read_key_file
    from facefatigue.studio.vault import Vault

    database = Database(settings.database_url)
    try:
        database.upgrade()
        yield database, Vault(settings.vault_folder, read_key_file(settings.key_file) if settings.key_file else None)
    finally:
        database.close()


def _need_extra() -> None:
    try:
        import alembic  # noqa: F401
        import argon2  # noqa: F401
        import fastapi  # noqa: F401
        import itsdangerous  # noqa: F401
        import sqlalchemy  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("the studio", "studio") from None


def _settings_with_extra(args: argparse.Namespace) -> StudioSettings:
    _need_extra()
    return _settings(args)


def _settings(args: argparse.Namespace) -> StudioSettings:
    from facefatigue.studio.settings import StudioSettings

    names = ("database", "host", "port", "public_url", "trusted_proxy", "key_file")
    given = {name: getattr(args, name) for name in names if hasattr(args, name)}
    if "public_url" in given:
        given["public_url"] = given["public_url"].rstrip("/")
    return StudioSettings(folder=getattr(args, "folder", _DEFAULT_FOLDER).absolute(), **given)


def _warning(settings: StudioSettings) -> str:
    """What whoever starts the studio should know of how it is reached; empty if nothing."""
    at_home = _is_loopback(urlsplit(settings.public_url).hostname or settings.host)
    if not settings.public_url.startswith("https://") and not (at_home and _is_loopback(settings.host)):
        reached = settings.public_url or f"on {settings.host or 'every address'}"
        return (
            f"the studio is reached {reached} without https: passwords and videos can be read on their way, and browsers "
            "will not give pages the camera; put a web server with a certificate in front, and name it with --public-url"
        )
    if settings.public_url and not at_home and not settings.trusted_proxy:
        return (
            "all visitors seem to come from the web server in front, so that one who guesses passwords keeps others from "
            "signing in; name its address with --trusted-proxy"
        )
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("password: ")
    if getpass.getpass("again: ") != password:
        raise ConfigurationError("the two passwords are not the same")
    return password
