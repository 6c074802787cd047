"""What the owner changes, as JSON; the pages of it are in owner_pages."""

import dataclasses
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from facefatigue.studio import accounts, audit, curation, erasure, people, study
from facefatigue.studio.access import end_links, new_link
from facefatigue.studio.database.tables import Account, Role
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.web.security import CurrentStudio, Owner

router = APIRouter(prefix="/api/study")

_MOST_INVITED = 200
Text = Annotated[str, StringConstraints(max_length=60_000)]
Short = Annotated[str, StringConstraints(max_length=300)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Invitations(_Body):
    names: Annotated[list[Short], Field(min_length=1, max_length=_MOST_INVITED)]


class _Name(_Body):
    name: Short


class _Confirmation(_Body):
    confirm: Short


class _NewAccount(_Body):
    name: Short
    role: Role


class _Disabled(_Body):
    disabled: bool


class _ConsentText(_Body):
    title: Text
    body: Text


class _ScenarioEntry(_Body):
    id: int | None
    name: Short


class _Scenarios(_Body):
    scenarios: Annotated[list[_ScenarioEntry], Field(max_length=100)]


class _Training(_Body):
    value: float | None
    note: Text = ""


class _Remark(_Body):
    text: Text


@router.post("/people")
def invite(studio: CurrentStudio, owner: Owner, body: _Invitations) -> dict[str, Any]:
    """Invite volunteers, one for each name, which may be empty; answers with their links."""
    with studio.database.writing() as db:
        made = [people.invite(db, name, actor=owner.actor) for name in body.names]
        return {
            "people": [{"code": one.code, "name": one.name, "link": studio.access.url(link)} for one, link in made],
        }


@router.post("/people/{code}/name")
def name_person(studio: CurrentStudio, owner: Owner, code: str, body: _Name) -> dict[str, str]:
    """Change what the owner calls a volunteer."""
    with studio.database.writing() as db:
        person = people.find(db, code, lock=True)
        people.rename(db, person, body.name, actor=owner.actor)
        return {"name": person.name}


@router.post("/people/{code}/link")
def relink_person(studio: CurrentStudio, owner: Owner, code: str) -> dict[str, str]:
    """A new link; the old one and the sessions that came by it end."""
    with studio.database.writing() as db:
        person = people.find(db, code)
        if person.withdrawn_at is not None:
            raise Refusal(410, "withdrawn", "consent was withdrawn")
        link = new_link(db, person)
        audit.note(db, owner.actor, "person.linked", person.code)
        return {"link": studio.access.url(link)}


@router.post("/people/{code}/unlink")
def unlink_person(studio: CurrentStudio, owner: Owner, code: str) -> dict[str, bool]:
    """End a volunteer's link and sessions."""
    with studio.database.writing() as db:
        person = people.find(db, code)
        end_links(db, person)
        audit.note(db, owner.actor, "person.unlinked", person.code)
    return {"done": True}


@router.post("/people/{code}/withdraw")
def withdraw(studio: CurrentStudio, owner: Owner, code: str, body: _Confirmation) -> dict[str, int]:
    """Take a volunteer out of the study at their wish, and delete the videos."""
    with studio.database.writing() as db:
        person = people.find(db, code)
        if body.confirm.strip().upper() != person.code:
            raise Refusal(422, "confirm", "type the person's code to confirm")
        people.withdraw(db, person, actor=owner.actor)
    return {"erased": erasure.erase(studio.database, studio.delete_files)}


@router.post("/accounts")
def create_account(studio: CurrentStudio, owner: Owner, body: _NewAccount) -> dict[str, Any]:
    """A new rater or owner, with a link."""
    if body.role is Role.VOLUNTEER:
        raise Refusal(422, "invalid", "volunteers are invited, they have no account")
    with studio.database.writing() as db:
        account = accounts.create(db, body.name, body.role, actor=owner.actor)
        return {"id": account.id, "name": account.name, "link": studio.access.url(new_link(db, account))}


@router.post("/accounts/{number}/link")
def relink_account(studio: CurrentStudio, owner: Owner, number: int) -> dict[str, str]:
    """A new link for a rater, or for an owner who is to choose a new password."""
    with studio.database.writing() as db:
        account = _account(db, number)
        if account.disabled_at is not None:
            raise Refusal(409, "disabled", "the account is disabled")
        if account.id == owner.account_id:
            raise Refusal(409, "own_account", "a link for one's own account would end this session")
        link = new_link(db, account)
        audit.note(db, owner.actor, "account.linked", f"{account.role}:{account.id}")
        return {"link": studio.access.url(link)}


@router.post("/accounts/{number}/disabled")
def disable_account(studio: CurrentStudio, owner: Owner, number: int, body: _Disabled) -> dict[str, bool]:
    """Shut somebody out, or let them in again."""
    with studio.database.writing() as db:
        accounts.set_disabled(db, _account(db, number), body.disabled, actor=owner.actor)
    return {"disabled": body.disabled}


def _account(db: Session, number: int) -> Account:
    account = db.get(Account, number) if number < 2**31 else None
    if account is None:
        raise Refusal(404, "not_found", "there is no such account")
    return account


@router.post("/consent")
def write_consent(studio: CurrentStudio, owner: Owner, body: _ConsentText) -> dict[str, int]:
    """A new version of the consent text."""
    with studio.database.writing() as db:
        return {"version": people.write_text(db, body.title, body.body, actor=owner.actor).version}


@router.post("/settings")
def change_settings(studio: CurrentStudio, owner: Owner, body: dict[str, Any]) -> dict[str, Any]:
    """The study's settings; those that are not named stay."""
    unknown = set(body) - {field.name for field in dataclasses.fields(study.Study)}
    if unknown:
        raise Refusal(422, "invalid", "there is no such setting", fields=sorted(unknown)[:10])
    with studio.database.writing() as db:
        changed = dataclasses.replace(study.read(db), **body)
        study.write(db, changed, actor=owner.actor)
        return dataclasses.asdict(changed)


@router.post("/scenarios")
def change_scenarios(studio: CurrentStudio, owner: Owner, body: _Scenarios) -> dict[str, bool]:
    """The list of scenarios, in order."""
    with studio.database.writing() as db:
        study.set_scenarios(db, [(entry.id, entry.name) for entry in body.scenarios], actor=owner.actor)
    return {"done": True}


@router.post("/recordings/{recording_id}/accept")
def accept(studio: CurrentStudio, owner: Owner, recording_id: str) -> dict[str, bool]:
    """Let a refused recording be rated nevertheless."""
    with studio.database.writing() as db:
        curation.accept(db, recording_id, actor=owner.actor)
    return {"done": True}


@router.post("/recordings/{recording_id}/refuse")
def refuse(studio: CurrentStudio, owner: Owner, recording_id: str) -> dict[str, bool]:
    """Take an accepted recording out of the study."""
    with studio.database.writing() as db:
        curation.refuse(db, recording_id, actor=owner.actor)
    return {"done": True}


@router.post("/recordings/{recording_id}/check")
def check_again(studio: CurrentStudio, owner: Owner, recording_id: str) -> dict[str, bool]:
    """Have a recording checked once more; the check decides anew whether it is fit."""
    with studio.database.writing() as db:
        curation.check_again(db, recording_id, actor=owner.actor)
    studio.new_recording()
    return {"done": True}


@router.post("/recordings/{recording_id}/training")
def set_training(studio: CurrentStudio, owner: Owner, recording_id: str, body: _Training) -> dict[str, bool]:
    """Make a recording a training example, or none."""
    with studio.database.writing() as db:
        curation.set_training(db, recording_id, body.value, body.note, actor=owner.actor)
    return {"done": True}


@router.post("/recordings/{recording_id}/remarks")
def remark(studio: CurrentStudio, owner: Owner, recording_id: str, body: _Remark) -> dict[str, int]:
    """Write a remark about a recording."""
    with studio.database.writing() as db:
        return {"id": curation.remark(db, recording_id, owner.account_id or 0, body.text, actor=owner.actor).id}


@router.post("/log/check")
def check_log(studio: CurrentStudio, _: Owner) -> dict[str, Any]:
    """Verify the audit log's chain."""
    with studio.database.reading() as db:
        broken = audit.broken(db)
        count, last = audit.head(db)
    return {"entries": count, "broken": broken[:100], "last": last}
