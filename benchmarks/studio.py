"""A studio at the size of a real study: how long its lists take, and whether uploads get in the way of rating.

    python benchmarks/studio.py [--people 500] [--recordings 5000] [--requests 50] [--uploads 20] [--database URL]

Fills an empty studio (SQLite in a temporary folder, or an empty database by URL) with people, recordings, their checks,
and three main ratings for each recording, starts it as ``facefatigue studio`` does, and asks it over HTTP on 127.0.0.1, one
request at a time. A fourth rater rates, for whom every recording is still open: the longest choice there is.

The second part sends the shipped sample video by many volunteers at once, in chunks, while raters go on rating: how many
uploads failed, and how long rating took meanwhile. Times are what the client sees, in milliseconds; "core" is the time on a
core that the server used for one request. The load average is printed: times mean something only on a machine with nothing
else to do.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import http.client
import json
import os
import platform
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import sqlalchemy as sa

from facefatigue import sample_video
from facefatigue.studio import accounts, audit, people, study
from facefatigue.studio.access import Access
from facefatigue.studio.database import Database
from facefatigue.studio.database.tables import (
    Account,
    Assignment,
    Check,
    Consent,
    Person,
    Purpose,
    Rating,
    Recording,
    Role,
    Scenario,
    Session,
    State,
    now,
)
from facefatigue.studio.settings import StudioSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import orm

RATERS = 3
CHUNK_BYTES = 1 << 20
GOAL_MS = 200.0
CHECKED = ("video", "length", "face", "coverage", "faces", "size", "light", "sharpness", "sound")


@dataclass
class Client:
    """Somebody's browser: one connection that is kept, the session's cookie and word.

    Attributes:
        address: Host and port.
        cookie: Name and value.
        csrf: The session's word.
    """

    address: str
    cookie: str
    csrf: str
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        """Connect at the first request."""
        self._connection = http.client.HTTPConnection(self.address, timeout=120)

    def ask(self, method: str, path: str, body: bytes | dict[str, Any] | None = None, **headers: str) -> Any:
        """One request; the answer's JSON, or its text.

        Raises:
            RuntimeError: It is not answered with success.
        """
        raw = isinstance(body, bytes)
        sent = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body is not None:
            sent["Content-Type"] = "application/octet-stream" if raw else "application/json"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body)
        try:
            self._connection.request(method, path, data, sent)
            answer = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):  # kept too long without a request: the server let go
            self._connection.close()
            self._connection.request(method, path, data, sent)
            answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200].decode(errors='replace')}")
        return (
            json.loads(content) if answer.getheader("content-type", "").startswith("application/json") else content.decode()
        )


def fill(db: orm.Session, *, number_of_people: int, number_of_recordings: int) -> list[int]:
    """Put a study into an empty database; returns the accounts of its raters."""
    rng = np.random.default_rng(0)
    study.prepare(db)
    study.write(db, study.Study(raters_per_recording=RATERS + 1), actor="benchmark")
    text = people.write_text(db, "Taking part", "What this is about, and what your rights are.\n" * 20, actor="benchmark")
    db.flush()
    scenarios = db.scalars(sa.select(Scenario.id)).all()
    db.add_all([Person(code=f"P-{number:05X}") for number in range(number_of_people)])
    db.flush()
    persons = db.scalars(sa.select(Person.id)).all()
    db.execute(sa.insert(Consent), [{"person_id": one, "text_id": text.id, "signed_name": "N. N."} for one in persons])
    consents = {person: consent for person, consent in db.execute(sa.select(Consent.person_id, Consent.id))}  # noqa: C416
    raters = [accounts.create(db, f"rater {number}", Role.RATER, actor="benchmark").id for number in range(RATERS)]
    begin = now() - dt.timedelta(days=90)
    recordings, checks, assignments, ratings = [], [], [], []
    for number in range(number_of_recordings):
        name, made = uuid.UUID(bytes=rng.bytes(16)).hex, begin + dt.timedelta(days=80 * number / number_of_recordings)
        person = persons[int(rng.integers(len(persons)))]
        values = np.clip(np.round(2 * (rng.normal(3, 1) + rng.normal(0, 0.5, RATERS))) / 2, 1, 5)
        recordings.append(
            {
                "id": name,
                "person_id": person,
                "consent_id": consents[person],
                "scenario_id": scenarios[int(rng.integers(len(scenarios)))],
                "state": State.ACCEPTED,
                "media_type": "video/webm",
                "size_bytes": int(rng.integers(2_000_000, 20_000_000)),
                "sha256": "0" * 64,
                "duration_s": float(rng.uniform(5, 60)),
                "has_sound": True,
                "rated_times": RATERS,
                "spread": float(np.ptp(values)),
                "created_at": made,
                "stored_at": made,
            }
        )
        findings = [{"name": what, "level": "good", "value": float(rng.uniform())} for what in CHECKED]
        checks.append({"recording_id": name, "findings": findings, "attempts": 1, "done_at": made})
        for rater, value in zip(raters, values.tolist(), strict=True):
            shared = {"account_id": rater, "recording_id": name, "purpose": Purpose.MAIN}
            assignments.append({**shared, "position": float(number), "shown_at": made, "done_at": made})
            ratings.append({**shared, "value": value, "confidence": int(rng.integers(1, 4)), "rated_at": made})
            if number % 10 == 0:
                again = {**shared, "purpose": Purpose.REPEAT}
                assignments.append({**again, "position": number + 0.5, "shown_at": made, "done_at": made})
                ratings.append({**again, "value": value, "confidence": 2, "rated_at": made})
    for table, rows in ((Recording, recordings), (Check, checks), (Assignment, assignments), (Rating, ratings)):
        db.execute(sa.insert(table), rows)
    for row in recordings:
        audit.note(db, "studio", "recording.accepted", str(row["id"]))
    return raters


def client_of(database: Database, access: Access, address: str, who: Account | Person) -> Client:
    """Sign somebody in."""
    with database.writing() as db:
        value = access.open(db, db.merge(who))
        db.flush()
        csrf = db.scalars(sa.select(Session.csrf).order_by(Session.created_at.desc()).limit(1)).one()
    return Client(address, f"{access.cookie}={value}", csrf)


@dataclass
class Table:
    """What was measured, a line for each kind of request, printed as it comes.

    Attributes:
        server: The server's process, whose time on a core is measured beside the time that the client waits: on a busy
            machine the one says more than the other.
        worst_ms: Largest 95th percentile so far.
    """

    server: psutil.Process
    worst_ms: float = 0.0

    def head(self) -> None:
        """Print the heading."""
        print(f"{'':44}{'median':>9}{'p95':>9}{'longest':>9}{'core':>9}{'n':>6}")

    def core_ms(self) -> float:
        """Time on a core that the server has used."""
        used = self.server.cpu_times()
        return 1000 * float(used.user + used.system)

    def line(self, name: str, times: Sequence[float], core_ms: float | None = None, *, counts: bool = True) -> None:
        """Print one line.

        Args:
            name: What was asked.
            times: Each in milliseconds.
            core_ms: What the server used for all of them; None: it did other things meanwhile.
            counts: Whether the goal is about it.
        """
        if not times:
            print(f"{name:44}{'none':>9}")
            return
        ordered = sorted(times)
        p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        core = "" if core_ms is None else f"{core_ms / len(ordered):.1f}"
        print(f"{name:44}{statistics.median(ordered):9.1f}{p95:9.1f}{ordered[-1]:9.1f}{core:>9}{len(ordered):6}", flush=True)
        if counts:
            self.worst_ms = max(self.worst_ms, p95)

    def ask(self, name: str, ask: Callable[[], Any], number: int, *, alone: bool = True) -> None:
        """Ask so many times, and print the line."""
        times, before = [], self.core_ms()
        for _ in range(number):
            began = time.perf_counter()
            ask()
            times.append(1000 * (time.perf_counter() - began))
        self.line(name, times, self.core_ms() - before if alone else None)


def rate_once(client: Client, parts: dict[str, list[float]], step: Any) -> Any:
    """Rate one recording; returns what is to be rated next."""
    shown = step["shown"] if step else None
    if shown is None:
        began = time.perf_counter()
        step = client.ask("GET", "/api/rate/next")
        parts["next"].append(1000 * (time.perf_counter() - began))
        shown = step["shown"]
    began = time.perf_counter()
    step = client.ask("POST", f"/api/rate/{shown['assignment_id']}", {"value": 2.5, "confidence": 2})
    parts["rate"].append(1000 * (time.perf_counter() - began))
    return step


def lists(table: Table, owner: Client, rater: Client, requests: int) -> None:
    """The first part: every list, and a rater's steps."""
    began, before = time.perf_counter(), table.core_ms()
    while not owner.ask("GET", "/api/study/agreement")["current"]:
        time.sleep(0.5)
    used = (time.perf_counter() - began, (table.core_ms() - before) / 1000)
    print(f"agreement of all ratings, worked out beside the requests: {used[0]:.1f} s, {used[1]:.1f} s of a core")
    addresses = {
        "owner: agreement (JSON)": "/api/study/agreement",
        "owner: agreement (page)": "/study/agreement",
        "owner: disagreements, first": "/api/study/disagreements?least=1.5&limit=20",
        "owner: disagreements, far down": "/api/study/disagreements?least=0.5&limit=20&offset=2000",
        "owner: overview": "/study",
        "owner: people": "/study/people",
        "owner: people, search": "/study/people?search=77",
        "owner: recordings": "/study/recordings",
        "owner: recordings, filtered": "/study/recordings?state=accepted&rated=some&spread=1.5&scenario=2",
        "owner: raters": "/study/team",
        "owner: export": "/study/export",
        "owner: log": "/study/log",
    }
    for name, path in addresses.items():
        table.ask(name, lambda path=path: owner.ask("GET", path), requests)  # type: ignore[misc]
    table.ask("rater: progress", lambda: rater.ask("GET", "/api/rate/progress"), requests)
    table.ask("rater: next (again)", lambda: rater.ask("GET", "/api/rate/next"), requests)
    parts: dict[str, list[float]] = {"next": [], "rate": []}
    step, before = None, table.core_ms()
    for _ in range(requests):
        step = rate_once(rater, parts, step)
    table.line("rater: rate, with the next one", parts["rate"], table.core_ms() - before)
    name = "owner: agreement while it is worked out anew"
    table.ask(name, lambda: owner.ask("GET", "/api/study/agreement"), requests, alone=False)


def upload(client: Client, video: bytes, line_mbit: float) -> None:
    """Send one video as the volunteers' page does, over a line of so many megabits a second (0: as fast as it goes)."""
    digest = hashlib.sha256(video).hexdigest()
    new = {"size": len(video), "sha256": digest, "media_type": "video/mp4", "brought": True, "scenario_id": None}
    recording = client.ask("POST", "/api/me/recordings", new)
    path, offset = f"/api/me/recordings/{recording['id']}", recording["offset"]
    while offset < len(video):
        chunk = video[offset : offset + CHUNK_BYTES]
        if line_mbit:
            time.sleep(8 * len(chunk) / (1e6 * line_mbit))
        headers = {"Upload_Offset": str(offset), "X_Chunk_SHA256": hashlib.sha256(chunk).hexdigest()}
        offset = client.ask("PUT", f"{path}/bytes", chunk, **headers)["offset"]
    client.ask("POST", f"{path}/finish", {})


def uploads(
    table: Table, volunteers: Sequence[Client], raters: Sequence[Client], *, mebibytes: float, line_mbit: float
) -> int:
    """The second part; returns how many uploads failed."""
    sample = sample_video().read_bytes()
    # Filled up to the size of a phone's video with a box that players skip (ISO/IEC 14496-12, 8.1.2).
    free = max(8, int(mebibytes * (1 << 20)) - len(sample))
    video = sample + struct.pack(">I4s", free, b"free") + bytes(free - 8)
    failed: list[str] = []
    took: list[float] = []
    over = threading.Event()
    parts: dict[str, list[float]] = {"next": [], "rate": []}

    def send(client: Client) -> None:
        began = time.perf_counter()
        try:
            upload(client, video, line_mbit)
        except (RuntimeError, OSError, http.client.HTTPException) as error:
            failed.append(str(error))
        else:
            took.append(1000 * (time.perf_counter() - began))

    def rate(client: Client) -> None:
        step = None
        while not over.is_set():
            step = rate_once(client, parts, step)
            over.wait(0.2)

    senders = [threading.Thread(target=send, args=[one]) for one in volunteers]
    rating = [threading.Thread(target=rate, args=[one]) for one in raters]
    for thread in (*rating, *senders):
        thread.start()
    for thread in senders:
        thread.join()
    over.set()
    for thread in rating:
        thread.join()
    table.line(f"upload of {len(video) / (1 << 20):.1f} MiB, {len(volunteers)} at once", took, counts=False)
    table.line("rater: next, meanwhile", parts["next"])
    table.line("rater: rate, meanwhile", parts["rate"])
    for reason in failed[:5]:
        print(f"failed: {reason}")
    return len(failed)


def main() -> None:
    """Fill, start, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--recordings", type=int, default=5000)
    parser.add_argument("--requests", type=int, default=50, help="of each kind (default: 50)")
    parser.add_argument("--uploads", type=int, default=20, help="at once (default: 20); 0 leaves the second part out")
    parser.add_argument("--mebibytes", type=float, default=8.0, help="size of an upload (default: 8)")
    parser.add_argument(
        "--line-mbit", type=float, default=0.0, help="each volunteer's line, in megabits a second (default: no limit)"
    )
    parser.add_argument("--database", default="", help="an empty PostgreSQL database (default: SQLite)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = StudioSettings(folder=Path(folder), database=args.database)
        database = Database(settings.database_url)
        database.upgrade()
        began = time.perf_counter()
        with database.writing() as db:
            fill(db, number_of_people=args.people, number_of_recordings=args.recordings)
        if not database.is_sqlite:
            # What autovacuum does by itself within a minute; before it, the planner knows nothing of the tables.
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("ANALYZE"))
        counts = f"{args.people} people, {args.recordings} recordings, {RATERS * args.recordings} main ratings"
        print(f"{counts}; {database.engine.dialect.name}, filled in {time.perf_counter() - began:.0f} s")
        print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        _run(settings, database, args)
        database.close()


def _run(settings: StudioSettings, database: Database, args: argparse.Namespace) -> None:
    access = Access(settings)
    with database.writing() as db:
        owner = accounts.create(db, "owner of the benchmark", Role.OWNER, actor="benchmark")
        raters = [accounts.create(db, f"fourth rater {n}", Role.RATER, actor="benchmark") for n in range(3)]
        volunteers = db.scalars(sa.select(Person).limit(args.uploads)).all()
    call = [sys.executable, "-m", "facefatigue", "studio", "--folder", str(settings.folder), "--port", "0"]
    if settings.database:
        call += ["--database", settings.database]
    # The recordings have no videos, which the server says of each.
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            first = server.stdout.readline()  # "studio: http://127.0.0.1:PORT"
            address = first.strip().rpartition("/")[2]
            threading.Thread(target=server.stdout.read, daemon=True).start()  # so that it never waits for a reader
            clients = [client_of(database, access, address, one) for one in raters]
            table = Table(psutil.Process(server.pid))
            table.head()
            lists(table, client_of(database, access, address, owner), clients[0], args.requests)
            failed = 0
            if args.uploads:
                senders = [client_of(database, access, address, one) for one in volunteers]
                failed = uploads(table, senders, clients, mebibytes=args.mebibytes, line_mbit=args.line_mbit)
            verdict = "held" if table.worst_ms < GOAL_MS else "missed"
            print(f"largest p95: {table.worst_ms:.0f} ms (goal {GOAL_MS:.0f} ms: {verdict}); uploads that failed: {failed}")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
