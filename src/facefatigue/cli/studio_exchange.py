"""``facefatigue studio export`` and ``ratings``: the data set for training, and ratings as CSV or for Label Studio."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.cli.progress import CountProgress
from facefatigue.errors import EXIT_OK, ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from facefatigue.studio.database import Database
    from facefatigue.studio.settings import StudioSettings

EXPORT = """\
Write the data set: videos under random names, manifest.csv with pseudonyms, labels and every rater's ratings, split.json
that divides people, and a data card. It goes straight to `facefatigue prepare`. A recording's label is the mean of its
raters, (mean - 1) / 4; "cannot judge" and hidden repeats are not part of it. An export that was stopped is continued by
the same call; one into the same folder later brings it up to date and removes the videos of those who withdrew. Videos
are written decrypted. The studio may run meanwhile."""

RATINGS_OUT = """\
Write ratings to FILE: .csv has one line for each rating, with hidden repeats and the training set; .json has tasks for Label
Studio with the main ratings, and the labelling interface beside it (.xml)."""

RATINGS_IN = """\
Take in ratings that were given elsewhere: a .csv with the columns recording (its id, or the name of its video in an export),
rater and value (1 to 5 in half points, or "cannot judge"), or a .json that Label Studio exported. Every fault is named with
its line, and then nothing is taken. The same file twice changes nothing."""


def add_actions(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    place: argparse.ArgumentParser,
    key: argparse.ArgumentParser,
    settings_of: Callable[[argparse.Namespace], StudioSettings],
) -> None:
    """Add the actions to ``facefatigue studio``.

    Args:
        actions: Of the studio's parser.
        place: Options that say where the studio is.
        key: The option that names the key of encrypted videos.
        settings_of: Makes settings of these options, or raises for a part that is not installed.
    """
    kind = argparse.RawDescriptionHelpFormatter
    export = actions.add_parser(
        "export", help="write the data set for training", description=EXPORT, formatter_class=kind, parents=[place, key]
    )
    export.add_argument("out", type=Path, metavar="OUT", help="folder of the data set: new, or an earlier export")
    export.add_argument(
        "--least-ratings", type=int, default=1, metavar="N", help="leave recordings with fewer ratings out (default: 1)"
    )
    export.add_argument("--seed", type=int, default=0, help="of the split (default: 0)")
    export.set_defaults(run=run_export, settings_of=settings_of)

    ratings = actions.add_parser("ratings", help="ratings as CSV or for Label Studio, out and in")
    ways = ratings.add_subparsers(title="actions", metavar="ACTION", required=True)
    out = ways.add_parser("export", help="write ratings", description=RATINGS_OUT, formatter_class=kind, parents=[place])
    out.add_argument("file", type=Path, metavar="FILE", help=".csv, or .json for Label Studio")
    out.add_argument("--blind", action="store_true", help="Label Studio: tasks alone, without the ratings there are")
    out.add_argument("--prefix", help="Label Studio: stands before each video's name (default: its local files)")
    out.set_defaults(run=run_ratings_out, settings_of=settings_of)
    into = ways.add_parser("import", help="take ratings in", description=RATINGS_IN, formatter_class=kind, parents=[place])
    into.add_argument("file", type=Path, metavar="FILE", help=".csv, or .json of Label Studio")
    into.add_argument("--new-raters", action="store_true", help="make accounts for raters that are not known")
    into.add_argument(
        "--skip-gone", action="store_true", help="leave out recordings that are not here (any more), as after a withdrawal"
    )
    into.set_defaults(run=run_ratings_in, settings_of=settings_of)


def run_export(args: argparse.Namespace) -> int:
    """Write the data set, and say what is in it and what is not."""
    settings = args.settings_of(args)
    from facefatigue.studio.exchange import export
    from facefatigue.studio.sealed import read_key_file
    from facefatigue.studio.tidying import check_together
    from facefatigue.studio.vault import Vault

    if args.seed < 0:
        raise UsageError(f"--seed is {args.seed}; it must be at least 0")
    with _database(settings) as database, CountProgress("videos") as progress:
        vault = Vault(settings.vault_folder, read_key_file(settings.key_file) if settings.key_file else None)
        with database.reading() as db:
            check_together(db, vault)
        told = export(database, vault, args.out, least_ratings=args.least_ratings, seed=args.seed, on_done=progress.at)
    left_out = {"not rated": told.unrated, "with too few ratings": told.too_few, "for training of raters": told.training}
    words = ", ".join(f"{count} {what}" for what, count in left_out.items() if count)
    print(f"{told.recordings} recordings of {told.people} people{f'; left out: {words}' if words else ''}")
    print(f"{told.copied} videos copied, {told.recordings - told.copied} were there, {told.removed} removed")
    if told.split:
        print(f"no split: {told.split}", file=sys.stderr)
    print(f"written: {told.folder}; go on with: facefatigue prepare {told.folder} CLIPS")
    return EXIT_OK


def run_ratings_out(args: argparse.Namespace) -> int:
    """Write ratings."""
    csv = _is_csv(args.file)
    settings = args.settings_of(args)
    from facefatigue.studio.exchange import label_studio, ratings_csv

    with _database(settings) as database, database.reading() as db:
        if csv:
            print(f"{ratings_csv.write(db, args.file)} ratings written: {args.file}")
        else:
            prefix = label_studio.LOCAL_FILES if args.prefix is None else args.prefix
            count = label_studio.write(db, args.file, prefix=prefix, ratings=not args.blind)
            print(f"{count} tasks written: {args.file}, and the labelling interface: {args.file.with_suffix('.xml')}")
    return EXIT_OK


def run_ratings_in(args: argparse.Namespace) -> int:
    """Take ratings in."""
    csv = _is_csv(args.file)
    settings = args.settings_of(args)
    from facefatigue.data.rows import FaultsError
    from facefatigue.studio.exchange import label_studio, ratings_csv
    from facefatigue.studio.exchange.importing import take

    try:
        given = ratings_csv.read(args.file) if csv else label_studio.read(args.file)
        with _database(settings) as database, database.writing() as db:
            source = "csv" if csv else "Label Studio"
            told = take(db, given, what=str(args.file), source=source, new_raters=args.new_raters, skip_gone=args.skip_gone)
    except FaultsError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        count = len(error.faults)
        raise ConfigurationError(f"{args.file}: {count} fault{'' if count == 1 else 's'}; nothing was taken") from None
    made = f"; new raters: {', '.join(told.new_raters)}" if told.new_raters else ""
    gone = f", {told.gone} left out without a recording" if told.gone else ""
    print(f"{told.added} ratings taken in, {told.known} were there already{gone}{made}")
    return EXIT_OK


def _is_csv(path: Path) -> bool:
    if path.suffix.lower() not in {".csv", ".json"}:
        raise UsageError(f"{path}: the name must end in .csv, or in .json for Label Studio")
    return path.suffix.lower() == ".csv"


@contextlib.contextmanager
def _database(settings: StudioSettings) -> Iterator[Database]:
    from facefatigue.studio.database import Database

    if not settings.database and not (settings.folder / "studio.sqlite3").exists():
        raise ConfigurationError(f"{settings.folder}: there is no studio here; name its folder with --folder")
    database = Database(settings.database_url)
    try:
        database.upgrade()
        yield database
    finally:
        database.close()
