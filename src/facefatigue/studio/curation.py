"""What the owner decides about a recording: fit or not, whether it teaches raters, what is remarked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.studio import audit
from facefatigue.studio.checking import queue
from facefatigue.studio.database.tables import Person, Recording, Remark, State
from facefatigue.studio.refusals import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LONGEST_REMARK = 2000
_LONGEST_NOTE = 500


def find(db: Session, recording_id: str) -> Recording:
    """A recording by its id.

    Raises:
        Refusal: 404, there is none.
    """
    recording = db.get(Recording, recording_id)
    if recording is None:
        raise Refusal(404, "not_found", "there is no such recording")
    return recording


def twins(db: Session, recording: Recording) -> list[tuple[str, str]]:
    """Recordings of other people that are the very same file: id and the person's code of each, oldest first.

    A person may have been invited twice, or a file been brought under the wrong link. The same video on two sides of a split
    would leak, so `facefatigue prepare` refuses both.
    """
    rows = db.execute(
        sa.select(Recording.id, Person.code)
        .join(Person, Person.id == Recording.person_id)
        .where(*queue.same_file(recording), Recording.state.in_([State.CHECKING, State.ACCEPTED, State.REFUSED]))
        .order_by(Recording.stored_at, Recording.id)
    )
    return [(recording_id, code) for recording_id, code in rows]


def accept(db: Session, recording_id: str, *, actor: str) -> None:
    """Let a refused recording be rated nevertheless.

    Raises:
        Refusal: 404, none such; 409, it was not refused (one that could not be decoded cannot be shown to raters).
    """
    _decide(db, recording_id, State.REFUSED, State.ACCEPTED, actor)


def refuse(db: Session, recording_id: str, *, actor: str) -> None:
    """Take an accepted recording out of the study; its ratings stay, unseen, and come back when it is accepted again.

    Raises:
        Refusal: 404, none such; 409, it was not accepted.
    """
    _decide(db, recording_id, State.ACCEPTED, State.REFUSED, actor)


def check_again(db: Session, recording_id: str, *, actor: str) -> None:
    """Have a recording looked at once more, e.g. after the study's lengths were changed; until then it is not rated.

    What the owner decided about it before is decided anew by the check. Ratings stay, and count again once it is accepted.

    Raises:
        Refusal: 404, none such; 409, it is still on its way, is being checked already, or was thrown away.
    """
    if not queue.again(db, recording_id):
        state = find(db, recording_id).state
        raise Refusal(409, "state", f"the recording is {state}, so it cannot be checked again", state=str(state))
    audit.note(db, actor, "recording.checked_again", recording_id)


def _locked(db: Session, recording_id: str) -> Recording:
    """A recording whose volunteer cannot throw it away or withdraw until this transaction ends."""
    recording = db.get(Recording, recording_id, with_for_update={"key_share": True}, populate_existing=True)
    if recording is None:
        raise Refusal(404, "not_found", "there is no such recording")
    return recording


def _decide(db: Session, recording_id: str, before: State, after: State, actor: str) -> None:
    recording = _locked(db, recording_id)
    if recording.state != before:
        raise Refusal(409, "state", f"the recording is {recording.state}, not {before}", state=str(recording.state))
    recording.state = after
    audit.note(db, actor, f"recording.{after}", recording.id)


def set_training(db: Session, recording_id: str, value: float | None, note: str = "", *, actor: str) -> None:
    """Make a recording one of the raters' training examples, or none of them.

    Args:
        db: An open session that writes.
        recording_id: Which.
        value: 1 to 5 in half points, shown to the rater afterwards; None: no example.
        note: Why that value, shown with it.
        actor: Who decides.

    Raises:
        Refusal: 404, none such; 409, it was not accepted; 422, no value of the scale, or the note is too long.
    """
    recording = _locked(db, recording_id)
    note = note.strip()
    if value is None:
        note = ""
    elif not 1 <= value <= 5 or value * 2 != int(value * 2):
        raise Refusal(422, "value_invalid", "a value is 1 to 5 in half points")
    elif recording.state != State.ACCEPTED:
        raise Refusal(409, "state", f"the recording is {recording.state}, not accepted", state=str(recording.state))
    if len(note) > _LONGEST_NOTE:
        raise Refusal(422, "text_too_long", f"a note has at most {_LONGEST_NOTE} characters", most=_LONGEST_NOTE)
    recording.training_value, recording.training_note = value, note
    audit.note(db, actor, "recording.training", recording.id, value=value)


def remark(db: Session, recording_id: str, account_id: int, text: str, *, actor: str) -> Remark:
    """Write down what is to be said about a recording.

    Raises:
        Refusal: 404, none such; 422, nothing said, or too much.
    """
    recording = find(db, recording_id)
    text = text.strip()
    if not text or len(text) > LONGEST_REMARK:
        raise Refusal(422, "text_too_long", f"a remark has 1 to {LONGEST_REMARK} characters", most=LONGEST_REMARK)
    made = Remark(recording_id=recording.id, account_id=account_id, text=text)
    db.add(made)
    db.flush()
    audit.note(db, actor, "recording.remarked", recording.id)
    return made
