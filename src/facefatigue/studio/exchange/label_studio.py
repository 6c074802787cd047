"""Tasks and ratings for Label Studio, and back (https://labelstud.io/guide/task_format).

A task shows one video; an annotation holds one rater's word: a ``number`` from 1 to 5 in half points, or the choice
"cannot judge", with a confidence and a note. :data:`CONFIG` is the labelling interface that makes such annotations. Read are
also ``rating`` (whole stars) and ``choices`` (numbers as words).
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from facefatigue.atomic import atomic_path
from facefatigue.data.rows import FaultsError, number_in
from facefatigue.studio.database.tables import Account, Purpose, Rating, Recording, State
from facefatigue.studio.exchange.gathering import video_name
from facefatigue.studio.exchange.importing import NOT_JUDGED, Given, check_size
from facefatigue.studio.exchange.ratings_csv import moment

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

CONFIG = f"""\
<View>
  <Video name="video" value="$video"/>
  <Header value="How tired does this person look and sound? 1 wide awake, 5 extremely tired"/>
  <Number name="fatigue" toName="video" min="1" max="5" step="0.5" slider="true"/>
  <Choices name="judged" toName="video" choice="single"><Choice value="{NOT_JUDGED}"/></Choices>
  <Rating name="confidence" toName="video" maxRating="3"/>
  <TextArea name="note" toName="video" placeholder="Note" rows="2"/>
</View>
"""
# A hundred thousand annotations, which say everything several times.
_MOST_BYTES = 64_000_000
# Where Label Studio finds local files once its document root is the folder of an export.
LOCAL_FILES = "/data/local-files/?d="


def tasks(db: Session, *, prefix: str = LOCAL_FILES, ratings: bool = True) -> list[dict[str, Any]]:
    """Every accepted recording that is not for training, as a task.

    Args:
        db: A session.
        prefix: Stands before the name of each video in an export ("videos/….webm").
        ratings: With the main ratings there are; without them, raters of Label Studio stay blind to those.
    """
    found: dict[str, dict[str, Any]] = {}
    recordings = db.scalars(
        sa.select(Recording)
        .where(Recording.state == State.ACCEPTED, Recording.training_value.is_(None))
        .order_by(Recording.created_at, Recording.id)
    )
    for recording in recordings:
        data = {"video": prefix + video_name(recording), "recording": recording.id}
        found[recording.id] = {"data": data, "annotations": []}
    if ratings:
        rows = db.execute(
            sa.select(Rating, Account.name)
            .join(Account, Account.id == Rating.account_id)
            .where(Rating.purpose == Purpose.MAIN)
            .order_by(Rating.id)
        )
        for rating, name in rows:
            if rating.recording_id in found:
                found[rating.recording_id]["annotations"].append(_annotation(rating, name))
    return list(found.values())


def _annotation(rating: Rating, name: str) -> dict[str, Any]:
    def result(control: str, kind: str, value: object) -> dict[str, Any]:
        # `completed_by` must name an account of that Label Studio; ours are not there, so the rater's name goes along here.
        return {"from_name": control, "to_name": "video", "type": kind, "value": {kind: value}, "meta": {"rater": name}}

    if rating.value is None:
        results = [result("judged", "choices", [NOT_JUDGED])]
    else:
        results = [result("fatigue", "number", rating.value)]
    if rating.confidence is not None:
        results.append(result("confidence", "rating", rating.confidence))
    if rating.note:
        # The value of a TextArea is under "text" (https://labelstud.io/tags/textarea).
        results.append(result("note", "textarea", None) | {"value": {"text": [rating.note]}})
    return {
        "result": results,
        "was_cancelled": False,
        "created_at": rating.rated_at.isoformat(timespec="seconds"),
        **({} if rating.seconds is None else {"lead_time": rating.seconds}),
    }


def write(db: Session, path: Path, *, prefix: str = LOCAL_FILES, ratings: bool = True) -> int:
    """Write tasks as JSON, and the labelling interface beside them (.xml); returns how many tasks.

    Raises:
        OutputError: They cannot be written.
    """
    found = tasks(db, prefix=prefix, ratings=ratings)
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    with atomic_path(path.with_suffix(".xml")) as partial:
        partial.write_text(CONFIG, encoding="utf-8")
    return len(found)


def read(path: Path) -> list[Given]:
    """Read the ratings of an export of Label Studio ("JSON", not "JSON-MIN").

    Annotations that were skipped there (``was_cancelled``) are left out.

    Raises:
        FaultsError: It cannot be read, or annotations are wrong; all faults are in it, each with its task.
    """
    check_size(path, _MOST_BYTES)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is not JSON"
        raise FaultsError(str(path), [str(reason)]) from None
    if not isinstance(content, list) or not all(isinstance(task, dict) for task in content):
        raise FaultsError(str(path), ["it is not a list of Label Studio's tasks (export as JSON, not as JSON-MIN)"])
    given: list[Given] = []
    faults: list[str] = []
    for number, task in enumerate(content, start=1):
        place = f"task {number}"
        data = task.get("data")
        name = (data.get("recording") or data.get("video")) if isinstance(data, dict) else None
        if not isinstance(name, str):
            faults.append(f"{place}: its data has neither recording nor video")
            continue
        annotations = task.get("annotations", [])
        if not isinstance(annotations, list):
            faults.append(f"{place}: its annotations are no list")
            continue
        for order, annotation in enumerate(annotations, start=1):
            where = f"{place}, annotation {order}"
            if not isinstance(annotation, dict) or not isinstance(annotation.get("result"), list):
                faults.append(f"{where}: it has no list of results")
            elif not annotation.get("was_cancelled"):
                own: list[str] = []
                given.append(_given(where, name, annotation, own))
                faults += [f"{where}: {fault}" for fault in own]
    if faults:
        raise FaultsError(str(path), faults)
    return given


def _given(place: str, name: str, annotation: dict[str, Any], faults: list[str]) -> Given:
    values: list[float | None] = []
    confidence, note, rater = None, "", _rater(annotation)
    for result in annotation["result"]:
        if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
            faults.append("a result of it is none")
            continue
        meta = result.get("meta")
        if isinstance(meta, dict) and isinstance(meta.get("rater"), str):
            rater = meta["rater"]
        control, value = result.get("from_name"), result["value"]
        if control == "confidence":
            confidence = value.get("rating")
        elif "text" in value:
            note = " ".join(map(str, value["text"])) if isinstance(value["text"], list) else str(value["text"])
        else:
            values += _values(value, faults)
    if len(values) != 1:
        faults.append(f"it has {len(values)} ratings, not one")
    if confidence is not None and type(confidence) is not int:
        faults.append(f"the confidence is {confidence!r}, not 1, 2 or 3")
        confidence = None
    seconds = annotation.get("lead_time")
    return Given(
        place=place,
        recording=name,
        rater=rater,
        value=values[0] if values else None,
        confidence=confidence,
        note=note,
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        rated_at=moment(str(annotation.get("created_at") or ""), faults),
    )


def _values(value: dict[str, Any], faults: list[str]) -> list[float | None]:
    """The ratings in one result; none if it is about something else."""
    choices = value.get("choices")
    said = [*(choices if isinstance(choices, list) else []), *(value[key] for key in ("number", "rating") if key in value)]
    found: list[float | None] = []
    for one in said:
        if isinstance(one, str) and one.lower() == NOT_JUDGED:
            found.append(None)
            continue
        number = number_in(str(one))
        if math.isnan(number):
            faults.append(f"{one!r} is no rating from 1 to 5 and not {NOT_JUDGED!r}")
        else:
            found.append(number)
    return found


def _rater(annotation: dict[str, Any]) -> str:
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        whole = f"{by.get('first_name') or ''} {by.get('last_name') or ''}".strip()
        return str(by.get("email") or whole or f"Label Studio {by.get('id')}")
    return "" if by is None else f"Label Studio {by}"
