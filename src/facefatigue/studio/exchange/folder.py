"""A data set for ``facefatigue prepare`` and ``train``: videos, manifest, split and data card, in one folder.

An export that was stopped is continued by the same call: videos that are there are not copied again. The lists come last,
each whole or not at all, so that a manifest never names a video that is missing. An export into the same folder later brings
it up to date, and removes the videos of those who withdrew meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefatigue._version import __version__
from facefatigue.atomic import atomic_path, make_folder
from facefatigue.data.manifest import MANIFEST, write_manifest
from facefatigue.data.split import PARTS, Labelled, split_parts, write_split
from facefatigue.errors import ConfigurationError, SourceNotFoundError
from facefatigue.locks import LOCK_FILE, only_run_in
from facefatigue.studio.database.tables import now
from facefatigue.studio.exchange.card import card
from facefatigue.studio.exchange.gathering import VIDEOS, gather

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from facefatigue.data.split import Split
    from facefatigue.studio.database import Database
    from facefatigue.studio.exchange.gathering import Entry, Gathered
    from facefatigue.studio.vault import Vault

SCHEMA = "facefatigue.studio-export/1"
MARKER = "export.json"
SPLIT = "split.json"
CARD = "card.md"
SHARES: Mapping[str, float] = {"train": 0.7, "validation": 0.15, "test": 0.15}
_OURS = re.compile(r"[0-9a-f]{32}\.[a-z0-9]{1,5}|\.[0-9a-f]{12}\.part(\.[a-z0-9]{1,5})?")
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was exported.

    Attributes:
        folder: Where.
        recordings: With a label.
        people: Whom they show.
        copied: Videos copied now; the others were there.
        removed: Videos of earlier exports that were removed.
        unrated: Accepted recordings left out without a rating.
        too_few: Accepted recordings left out with too few ratings.
        training: Recordings of the raters' training set, left out.
        split: Why there is no split; empty if there is one.
    """

    folder: Path
    recordings: int
    people: int
    copied: int
    removed: int
    unrated: int
    too_few: int
    training: int
    split: str


def export(
    database: Database,
    vault: Vault,
    folder: Path,
    *,
    least_ratings: int = 1,
    seed: int = 0,
    on_done: Callable[[int, int], None] | None = None,
) -> Exported:
    """Write or bring up to date a data set.

    Args:
        database: The studio's; it is read for moments only, so that the studio goes on meanwhile.
        vault: Its videos; they are written decrypted.
        folder: New, empty, or an earlier export.
        least_ratings: Recordings with fewer ratings that count are left out.
        seed: Of the split; as long as it is the same, people stay on the side that they had in an earlier export.
        on_done: Called with the videos done and all videos.

    Raises:
        ConfigurationError: The folder holds something else, another export is at work in it, or nothing has a label yet.
        OutputError: It cannot be written.
    """
    if least_ratings < 1:
        raise ConfigurationError(f"the least number of ratings is {least_ratings}; it must be at least 1")
    _check_place(folder)
    with only_run_in(folder):
        sides = _sides_before(folder, seed)
        kept: dict[str, Any] = {"schema": SCHEMA, "version": __version__, "seed": seed}
        _write_json(folder / MARKER, {**kept, "finished": False, "sides": sides})
        make_folder(folder / VIDEOS)
        copied, gathered = _videos(database, vault, folder, least_ratings, on_done)
        problem, sides = _write_lists(folder, gathered, seed, sides)
        removed = _remove_others(folder, {entry.file for entry in gathered.entries})
        _write_json(
            folder / MARKER,
            {
                **kept,
                "finished": True,
                "sides": sides,
                "made_at": now().isoformat(timespec="seconds"),
                "recordings": len(gathered.entries),
                "manifest_sha256": hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
            },
        )
    return Exported(
        folder=folder,
        recordings=len(gathered.entries),
        people=len({entry.person for entry in gathered.entries}),
        copied=copied,
        removed=removed,
        unrated=gathered.unrated,
        too_few=gathered.too_few,
        training=gathered.training,
        split=problem,
    )


def _check_place(folder: Path) -> None:
    if not folder.exists():
        return
    try:
        names = {path.name for path in folder.iterdir()} - {LOCK_FILE}
    except OSError:
        raise ConfigurationError(f"{folder}: is not a folder that can be read; choose another") from None
    # One that was killed before it had a marker left that half written, and nothing else.
    if all(_OURS.fullmatch(name) and name.startswith(".") for name in names):
        return
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        marker = None
    if not isinstance(marker, dict) or marker.get("schema") != SCHEMA:
        raise ConfigurationError(f"{folder}: holds something that is no export of a studio; choose a new folder")


def _videos(
    database: Database, vault: Vault, folder: Path, least_ratings: int, on_done: Callable[[int, int], None] | None
) -> tuple[int, Gathered]:
    """Copy what is missing until everything is there that the database lists at that moment."""
    copied = 0
    there: set[str] = set()
    gone: set[str] = set()
    while True:
        with database.reading() as db:
            gathered = gather(db, least_ratings=least_ratings)
        if not gathered.entries:
            raise ConfigurationError("no recording has a label yet: raters must rate first")
        lost = [entry.id for entry in gathered.entries if entry.id in gone]
        if lost:  # still listed, so not withdrawn
            raise ConfigurationError(f"the video of the recording {lost[0]} is missing in the vault; restore a backup")
        missing = [entry for entry in gathered.entries if entry.id not in there]
        if not missing:  # what is there is what there still is: nobody withdrew meanwhile
            return copied, gathered
        for entry in missing:
            try:
                copied += _copy(vault, entry, folder / entry.file)
            except SourceNotFoundError:
                gone.add(entry.id)
            else:
                there.add(entry.id)
                if on_done is not None:
                    on_done(len(there), len(gathered.entries))


def _copy(vault: Vault, entry: Entry, target: Path) -> bool:
    """Copy a video unless it is there; whether it was copied."""
    if target.is_file() and target.stat().st_size == vault.size(entry.id):  # written whole or not at all
        return False
    with vault.open(entry.id) as source, atomic_path(target) as partial, partial.open("wb") as file:
        shutil.copyfileobj(source, file, _BLOCK)
    return True


def _sides_before(folder: Path, seed: int) -> dict[str, str]:
    """The part of each person in an earlier export into this folder, by the same seed.

    Who was tested on once is never trained on later, so that models of both exports can be compared on the test part.
    """
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    sides = marker.get("sides") if marker.get("seed") == seed else None
    return {str(name): part for name, part in sides.items() if part in PARTS} if isinstance(sides, dict) else {}


def _write_lists(folder: Path, gathered: Gathered, seed: int, kept: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Manifest, split and card; returns why there is no split, and the part of each person who did not withdraw."""
    # An old split beside a new manifest would be wrong, none is only unfinished.
    for name in (SPLIT, CARD):
        (folder / name).unlink(missing_ok=True)
    listed = [entry.listed(folder) for entry in gathered.entries]
    write_manifest(listed, folder / MANIFEST)
    problem, split = "", None
    try:
        items = [Labelled(subject=one.subject, session=one.session, score=one.score) for one in listed]
        split = split_parts(items, SHARES, seed=seed, source=MANIFEST, kept=kept)
    except ConfigurationError as error:  # too few people yet
        problem = str(error)
    else:
        write_split(split, folder / SPLIT)
    with atomic_path(folder / CARD) as partial:
        partial.write_text(card(gathered, _parts(split), problem), encoding="utf-8")
    sides = {} if split is None else {name: part for part in PARTS for name in split.folds[0][part]}
    # Who is left out this time, with too few ratings, may come again.
    return problem, {name: part for name, part in kept.items() if name in gathered.codes} | sides


def _parts(split: Split | None) -> dict[str, int]:
    return {} if split is None else {part: len(people) for part, people in split.folds[0].items()}


def _remove_others(folder: Path, wanted: set[str]) -> int:
    """Remove videos that are not listed any more, and what an export that was killed left half written."""
    removed = 0
    for path in (folder / VIDEOS).iterdir():
        if f"{VIDEOS}/{path.name}" not in wanted and _OURS.fullmatch(path.name):
            path.unlink()
            removed += not path.name.startswith(".")
    for path in folder.iterdir():
        if path.name.startswith(".") and _OURS.fullmatch(path.name):
            path.unlink()
    return removed


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
