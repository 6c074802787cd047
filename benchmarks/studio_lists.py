"""How long the owner's pages take in a study of full size, in the server's own process.

    python benchmarks/studio_lists.py [--people 500] [--recordings 5000] [--raters 3] [--requests 40] [--database URL]

Fills an empty database (SQLite in a temporary folder without ``--database``) with people, recordings, ratings and a log,
asks for each page over HTTP within the process, and prints the median, the 95th percentile and the longest time of each.
The pages are those that read most: lists on their first and last page, with filters and search.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from facefatigue.studio.vault import Vault

from facefatigue.studio import accounts, audit, people, study
from facefatigue.studio.database import Database
from facefatigue.studio.database.tables import (
    Assignment,
    AuditEntry,
    Check,
    Consent,
    Person,
    Purpose,
    Rating,
    Recording,
    Role,
    Scenario,
    State,
    now,
)
from facefatigue.studio.settings import StudioSettings
from facefatigue.studio.web.app import create_app

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

STATES = {State.ACCEPTED: 0.9, State.REFUSED: 0.07, State.CHECKING: 0.01, State.UPLOADING: 0.01, State.FAILED: 0.01}
FINDINGS = ["video", "length", "face", "coverage", "faces", "size", "light", "sharpness", "sound"]


def fill(db: Session, *, number_of_people: int, number_of_recordings: int, raters: int, seed: int = 0) -> None:
    """Put a study into an empty database: every recording with its check, accepted ones with a rating of each rater."""
    rng = np.random.default_rng(seed)
    study.prepare(db)
    text = people.write_text(db, "Taking part", "What this is about, and what your rights are.\n" * 20, actor="benchmark")
    db.flush()
    scenarios = db.scalars(sa.select(Scenario.id)).all()
    for _ in range(number_of_people):
        people.invite(db, f"Person {rng.integers(1_000_000)}", actor="benchmark")
    db.flush()
    persons = db.scalars(sa.select(Person.id)).all()
    db.execute(sa.insert(Consent), [{"person_id": one, "text_id": text.id, "signed_name": "N. N."} for one in persons])
    consents = dict(db.execute(sa.select(Consent.person_id, Consent.id)).all())
    rater_ids = [accounts.create(db, f"rater {number}", Role.RATER, actor="benchmark").id for number in range(1, raters + 1)]
    begin = now() - dt.timedelta(days=90)
    recordings, checks, assignments, ratings = [], [], [], []
    names, shares = list(STATES), list(STATES.values())
    for number in range(number_of_recordings):
        one = uuid.UUID(bytes=rng.bytes(16)).hex
        person = persons[int(rng.integers(len(persons)))]
        state = names[int(rng.choice(len(names), p=shares))]
        made = begin + dt.timedelta(days=90 * number / number_of_recordings)
        values = np.clip(np.round(2 * rng.normal(3, 1) + rng.normal(0, 1, raters)) / 2, 1, 5)
        judged = state is State.ACCEPTED
        recordings.append(
            {
                "id": one,
                "person_id": person,
                "consent_id": consents[person],
                "scenario_id": scenarios[int(rng.integers(len(scenarios)))],
                "state": state,
                "media_type": "video/webm",
                "size_bytes": int(rng.integers(2_000_000, 20_000_000)),
                "sha256": "0" * 64,
                "duration_s": float(rng.uniform(5, 60)),
                "width": 1280,
                "height": 720,
                "has_sound": True,
                "kss": int(rng.integers(1, 10)),
                "rated_times": raters if judged else 0,
                "spread": float(np.ptp(values)) if judged else None,
                "created_at": made,
                "stored_at": made,
            }
        )
        found = [{"name": name, "level": "good", "value": float(rng.uniform())} for name in FINDINGS]
        checks.append({"recording_id": one, "findings": found, "attempts": 1, "done_at": made})
        for rater, value in zip(rater_ids, values, strict=True) if judged else ():
            shared = {"account_id": rater, "recording_id": one, "purpose": Purpose.MAIN}
            assignments.append({**shared, "position": float(rng.uniform()), "done_at": made})
            ratings.append({**shared, "value": float(value), "confidence": int(rng.integers(1, 4)), "rated_at": made})
    for table, rows in ((Recording, recordings), (Check, checks), (Assignment, assignments), (Rating, ratings)):
        db.execute(sa.insert(table), rows)
    for row in recordings:
        audit.note(db, "person:P-00000", "upload.finished", str(row["id"]))
        audit.note(db, "studio", "recording.checked", str(row["id"]))


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--recordings", type=int, default=5000)
    parser.add_argument("--raters", type=int, default=3)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--database", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = StudioSettings(folder=Path(folder), database=args.database)
        database = Database(settings.database_url)
        database.upgrade()
        began = time.perf_counter()
        with database.writing() as db:
            fill(db, number_of_people=args.people, number_of_recordings=args.recordings, raters=args.raters)
        with database.reading() as db:
            counts = [
                db.scalar(sa.select(sa.func.count()).select_from(table)) for table in (Person, Recording, Rating, AuditEntry)
            ]
        print("{} people, {} recordings, {} ratings, {} entries of the log;".format(*counts), end=" ")
        print(f"{database.engine.dialect.name}, filled in {time.perf_counter() - began:.0f} s")
        measure(settings, database, args.requests)
        database.close()


def measure(settings: StudioSettings, database: Database, requests: int) -> None:
    """Ask for each page, and print how long it took."""
    from fastapi.testclient import TestClient

    app = create_app(settings, database, Vault(settings.vault_folder, None))
    access = app.state.studio.access
    with database.writing() as db:
        owner = accounts.create(db, "owner of the benchmark", Role.OWNER, actor="benchmark")
        cookie = access.open(db, owner)
    client = TestClient(app, base_url=settings.base_url, cookies={access.cookie: cookie})
    app.state.studio.throttle.take = lambda *_: None
    with database.reading() as db:
        person = db.scalars(sa.select(Person.code).limit(1)).one()
        recording = db.scalars(sa.select(Recording.id).where(Recording.state == State.ACCEPTED).limit(1)).one()
    pages = {
        "overview": "/study",
        "people, first page": "/study/people",
        "people, last page": _last(client, "/study/people"),
        "people, search": "/study/people?search=77",
        "people, signed": "/study/people?standing=consented",
        "one person": f"/study/people/{person}",
        "recordings, first page": "/study/recordings",
        "recordings, last page": _last(client, "/study/recordings"),
        "recordings, accepted": "/study/recordings?state=accepted",
        "recordings, of a person": f"/study/recordings?person={person}",
        "recordings, all filters": "/study/recordings?state=accepted&rated=done&spread=1.5&scenario=2",
        "one recording": f"/study/recordings/{recording}",
        "raters": "/study/team",
        "log, first page": "/study/log",
        "log, of recordings": "/study/log?action=recording",
    }
    every: list[float] = []
    print(f"{'page':28}{'median':>9}{'p95':>9}{'longest':>9}  ms")
    for name, address in pages.items():
        times = sorted(_time_ms(client, address) for _ in range(requests))
        every += times
        _print(name, times)
    _print("all", sorted(every))


def _last(client: Any, address: str) -> str:
    """The address of a list's last page, by going there; the cursor of the page before it is what counts."""
    place = address
    while True:
        found = re.search(r'rel="next" href="([^"]+)"', client.get(place).text)
        if not found:
            return place
        place = address + found[1].replace("&amp;", "&")


def _time_ms(client: Any, address: str) -> float:
    began = time.perf_counter()
    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code}")
    return 1000 * (time.perf_counter() - began)


def _print(name: str, times: list[float]) -> None:
    p95 = times[min(len(times) - 1, int(0.95 * len(times)))]
    print(f"{name:28}{statistics.median(times):9.1f}{p95:9.1f}{times[-1]:9.1f}")


if __name__ == "__main__":
    main()
