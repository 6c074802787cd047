"""An export that is killed by SIGKILL at every single point, one after the other, and continued by the same call.

    python exporting.py DATABASE_URL VAULT KEY_HEX FOLDER

For n = 1, 2, … a fresh process exports into a new folder of FOLDER and kills itself at the n-th hook (before and after each
fsync, rename and removal, and in the middle of each video); then another one exports into the same folder. Prints the number
of points.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from uploading import Killer, in_a_process

from facefatigue.data.manifest import read_manifest
from facefatigue.studio.database import Database
from facefatigue.studio.exchange import export
from facefatigue.studio.vault import Vault


def _hooked(killer: Killer) -> None:
    for name in ("fsync", "replace", "unlink"):
        killer.hook(os, name)

    def copy(source: BinaryIO, target: BinaryIO, _: int) -> None:
        data = source.read()
        target.write(data[: len(data) // 2])
        target.flush()
        killer.point()
        target.write(data[len(data) // 2 :])

    shutil.copyfileobj = copy  # type: ignore[assignment]


def _is_whole(folder: Path, vault: Vault) -> None:
    """Whatever is listed is there, and is what it should be."""
    if not (folder / "manifest.csv").exists():
        return
    for recording in read_manifest(folder).recordings:
        with vault.open(recording.video.stem) as file:
            assert hashlib.sha256(recording.video.read_bytes()).digest() == hashlib.sha256(file.read()).digest()


def _main(url: str, vault: Vault, folder: Path) -> None:
    for n in itertools.count(1):
        target = folder / f"out{n}"

        def work(n: int = n, target: Path = target) -> None:
            database = Database(url)
            _hooked(Killer(n))
            export(database, vault, target)

        def go_on(target: Path = target) -> None:
            _is_whole(target, vault)
            export(Database(url), vault, target)
            _is_whole(target, vault)
            told = json.loads((target / "export.json").read_text())
            assert told["finished"] is True
            assert told["manifest_sha256"] == hashlib.sha256((target / "manifest.csv").read_bytes()).hexdigest()
            names = {path.name for path in target.rglob("*") if path.is_file()} - {".lock"}
            listed = {recording.video.name for recording in read_manifest(target).recordings}
            assert names == {"manifest.csv", "split.json", "card.md", "export.json"} | listed

        killed = in_a_process(work)
        assert killed in {0, -signal.SIGKILL}, killed
        assert in_a_process(go_on) == 0, f"killed at point {n}: see above"
        if killed == 0:
            print(n - 1)  # noqa: T201
            return


if __name__ == "__main__":
    _main(sys.argv[1], Vault(Path(sys.argv[2]), bytes.fromhex(sys.argv[3])), Path(sys.argv[4]))
