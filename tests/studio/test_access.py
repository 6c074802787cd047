"""Links and sessions: what opens, what no longer does, and what never did."""

from __future__ import annotations

import datetime as dt
import stat
from typing import TYPE_CHECKING

import argon2
import pytest
import sqlalchemy as sa

from facefatigue.errors import ConfigurationError
from facefatigue.studio import access as access_module
from facefatigue.studio import accounts, people
from facefatigue.studio.access import Access, current_link, end_links, is_same, new_link
from facefatigue.studio.database.tables import Account, Link, Person, Role, Session, now
from facefatigue.studio.passwords import Passwords
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.settings import StudioSettings

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.studio.database import Database


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(StudioSettings(folder=tmp_path))


@pytest.fixture
def person(database: Database) -> Person:
    with database.writing() as db:
        return people.invite(db, "Ada", actor="test")[0]


def _token(database: Database, access: Access, who: Person | Account, **more: dt.timedelta) -> str:
    with database.writing() as db:
        return access.token(new_link(db, db.merge(who), **more))


def test_a_link_opens_a_session_of_its_holder(database: Database, access: Access, person: Person) -> None:
    token = _token(database, access, person)
    with database.writing() as db:
        cookie, role = access.enter(db, access.link(db, token))
    assert role is Role.VOLUNTEER
    with database.reading() as db:
        visitor = access.visitor(db, cookie)
        assert db.scalars(sa.select(Link.last_used_at).where(Link.revoked_at.is_(None))).one() is not None
        assert db.get(Session, cookie) is None  # only its hash is kept
    assert visitor is not None
    assert (visitor.role, visitor.person_id, visitor.account_id, visitor.name) == (
        Role.VOLUNTEER,
        person.id,
        None,
        person.code,
    )
    assert visitor.actor == f"person:{person.code}"


def test_the_same_link_is_shown_again_as_it_was(database: Database, access: Access, person: Person) -> None:
    token = _token(database, access, person)
    with database.reading() as db:
        link = current_link(db, person)
    assert link is not None
    assert access.token(link) == token
    assert access.url(link) == f"http://127.0.0.1:8765/enter/{token}"


def test_altered_and_guessed_tokens_open_nothing(database: Database, access: Access, person: Person) -> None:
    token = _token(database, access, person)
    payload, signature = token.split(".")
    altered = [token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :] for place in range(len(token) - 1)]
    others = [payload, signature, f"{payload}.", f".{signature}", "", "x", "1", token * 3, f"{token}\0", "ü.ß", "W10.W10"]
    with database.reading() as db:
        for wrong in altered + others:
            with pytest.raises(Refusal) as refused:
                access.link(db, wrong)
            assert refused.value.status == 403


def test_a_token_of_another_studio_opens_nothing(database: Database, access: Access, person: Person, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Access(StudioSettings(folder=tmp_path / "other"))
    token = _token(database, other, person)
    with database.reading() as db, pytest.raises(Refusal) as refused:
        access.link(db, token)
    assert refused.value.code == "link_unknown"


def test_revoked_expired_and_replaced_links_are_over(database: Database, access: Access, person: Person) -> None:
    expired = _token(database, access, person, lasts=dt.timedelta(seconds=-1))
    replaced = _token(database, access, person)
    revoked = _token(database, access, person)
    with database.writing() as db:
        end_links(db, person)
        assert current_link(db, person) is None
    with database.reading() as db:
        for token in (expired, replaced, revoked):
            with pytest.raises(Refusal) as refused:
                access.link(db, token)
            assert (refused.value.status, refused.value.code) == (410, "link_ended")


def test_an_id_that_the_database_uses_again_does_not_revive_an_old_link(database: Database, access: Access) -> None:
    with database.writing() as db:
        first, link = people.invite(db, actor="test")
        token, number = access.token(link), link.id
        people.withdraw(db, first, actor="test")
    with database.writing() as db:
        second, _ = people.invite(db, actor="test")
        db.execute(sa.update(Link).where(Link.person_id == second.id).values(id=number))
    with database.reading() as db, pytest.raises(Refusal) as refused:
        access.link(db, token)
    assert refused.value.code == "link_ended"


def test_revoking_a_link_ends_the_sessions_that_came_by_it(database: Database, access: Access, person: Person) -> None:
    with database.writing() as db:
        cookie = access.open(db, db.merge(person))
    with database.writing() as db:
        end_links(db, person)
    with database.reading() as db:
        assert access.visitor(db, cookie) is None


def test_sessions_end(database: Database, access: Access, person: Person) -> None:
    with database.writing() as db:
        first = access.open(db, db.merge(person))
        second = access.open(db, db.merge(person), before=first)
    assert first != second
    with database.reading() as db:
        assert access.visitor(db, first) is None  # what a browser had before is replaced
        assert access.visitor(db, second) is not None
        for wrong in (None, "", "x", second[:-1], access_module._key(second)):
            assert access.visitor(db, wrong) is None
    with database.writing() as db:
        db.execute(sa.update(Session).values(expires_at=now() - dt.timedelta(seconds=1)))
    with database.reading() as db:
        assert access.visitor(db, second) is None
    with database.writing() as db:
        third = access.open(db, db.merge(person))
        assert db.scalar(sa.select(sa.func.count()).select_from(Session)) == 1  # what is over is swept away
        access.close(db, third)
    with database.reading() as db:
        assert access.visitor(db, third) is None


def test_who_withdrew_or_was_disabled_is_out(database: Database, access: Access, person: Person) -> None:
    with database.writing() as db:
        rater = accounts.create(db, "Rosa", Role.RATER, actor="test")
        cookies = [access.open(db, rater), access.open(db, db.merge(person))]
        links = [access.token(new_link(db, rater, lasts=None)), access.token(new_link(db, db.merge(person)))]
        cookies = [access.open(db, rater), access.open(db, db.merge(person))]
    with database.writing() as db:
        # Even if only the moment were written, and not a row deleted.
        db.get_one(Account, rater.id).disabled_at = now()
        db.get_one(Person, person.id).withdrawn_at = now()
    with database.writing() as db:
        assert [access.visitor(db, cookie) for cookie in cookies] == [None, None]
        for token in links:
            with pytest.raises(Refusal) as refused:
                access.enter(db, access.link(db, token))
            assert refused.value.status == 410


def test_an_owners_link_lasts_an_hour_and_opens_no_session(database: Database, access: Access) -> None:
    with database.writing() as db:
        owner = accounts.owner_in_waiting(db)
        assert owner is not None
        link = new_link(db, owner, lasts=dt.timedelta(days=99))
        assert link.expires_at is not None
        assert dt.timedelta(minutes=59) < link.expires_at - now() < dt.timedelta(minutes=61)
        with pytest.raises(Refusal) as refused:
            access.enter(db, link)
    assert refused.value.code == "link_owner"


def test_the_secret_is_kept_private_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    settings = StudioSettings(folder=tmp_path)
    Access(settings)
    before = settings.secret_file.read_bytes()
    Access(settings)
    assert settings.secret_file.read_bytes() == before
    assert stat.S_IMODE(settings.secret_file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    for wrong in ("", "zz", "abcd"):
        settings.secret_file.write_text(wrong)
        with pytest.raises(ConfigurationError, match="secret"):
            Access(settings)


def test_the_cookie_travels_by_https_alone_where_the_studio_has_it(tmp_path: Path) -> None:
    assert not Access(StudioSettings(folder=tmp_path)).secure
    https = Access(StudioSettings(folder=tmp_path, public_url="https://studio.example.org"))
    assert https.secure
    assert https.cookie.startswith("__Host-")
    assert https.base_url == "https://studio.example.org"


def test_comparing_secrets() -> None:
    assert is_same("abc", "abc")
    for wrong in (None, "", "abd", "ab", "ü"):
        assert not is_same(wrong, "abc")


def test_passwords_by_default_cost_what_rfc_9106_advises() -> None:
    hashed = Passwords().hash("correct horse battery", name="ada")
    parameters = argon2.extract_parameters(hashed)
    assert parameters.type is argon2.Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (65536, 3, 4)


def test_passwords(cheap: Passwords) -> None:
    stored = cheap.hash("correct horse battery", name="ada")
    assert cheap.check(stored, "correct horse battery")
    for given in ("", "correct horse batterz", "x" * 100_000):
        assert not cheap.check(stored, given)
    assert not cheap.check(None, "a password of nobody, checked where there is no account")
    assert not cheap.check("no hash", "x")
    for weak in ("", "short", "x" * 201, "Ada Lovelace "):
        with pytest.raises(Refusal) as refused:
            cheap.hash(weak, name="ada lovelace")
        assert refused.value.code == "password_weak"
    assert not cheap.outdated(stored)
    assert Passwords().outdated(stored)


@pytest.fixture
def cheap() -> Passwords:
    return Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_signing_in_says_not_which_of_the_two_was_wrong(
    database: Database, cheap: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as db:
        owner = accounts.create(db, "Ada", Role.OWNER, actor="test")
        accounts.set_password(db, owner, cheap.hash("correct horse battery", name="Ada"), actor="test")
        disabled = accounts.create(db, "Bob", Role.OWNER, actor="test")
        disabled.password, disabled.disabled_at = owner.password, now()
        accounts.create(db, "Cyd", Role.RATER, actor="test")  # without a password
    checked: list[str | None] = []
    check = cheap.check

    def counting(stored: str | None, password: str) -> bool:
        checked.append(stored)
        return check(stored, password)

    monkeypatch.setattr(cheap, "check", counting)
    with database.reading() as db:
        assert accounts.sign_in(db, cheap, " aDA ", "correct horse battery") == owner.id
    said = set()
    for name, password in [
        ("Ada", "wrong"),
        ("Nobody", "correct horse battery"),
        ("Bob", "correct horse battery"),
        ("Cyd", ""),
    ]:
        with database.reading() as db, pytest.raises(Refusal) as refused:
            accounts.sign_in(db, cheap, name, password)
        said.add((refused.value.status, refused.value.code, str(refused.value)))
    assert len(said) == 1
    assert len(checked) == 5  # a hash is computed for those who are not there, too


def test_accounts_have_names_of_their_own_and_one_owner_stays(database: Database, cheap: Passwords) -> None:
    with database.writing() as db:
        first = accounts.owner_in_waiting(db)
        assert first is not None
        assert accounts.owner_in_waiting(db) is first
        for name, code in [("OWNER", "name_taken"), (" ", "name_invalid"), ("x" * 101, "name_invalid")]:
            with pytest.raises(Refusal) as refused:
                accounts.create(db, name, Role.RATER, actor="test")
            assert refused.value.code == code
        accounts.set_password(db, first, cheap.hash("correct horse battery", name="owner"), actor="test")
        assert accounts.owner_in_waiting(db) is None
        second = accounts.create(db, "Bea", Role.OWNER, actor="test")  # cannot come in yet
        with pytest.raises(Refusal) as refused:
            accounts.set_disabled(db, first, True, actor="test")
        assert refused.value.code == "last_owner"
        accounts.set_password(db, second, cheap.hash("correct horse battery", name="Bea"), actor="test")
        accounts.set_disabled(db, first, True, actor="test")
        assert first.disabled_at is not None
        accounts.rename(db, second, "Béa  B.")
        assert second.name == "Béa B."
        with pytest.raises(Refusal):
            accounts.rename(db, second, "Owner")


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Änne Ö.", "änne  ö."),
        ("Иван", "иван"),
        ("Éa", "E\u0301A"),
        ("Straße", "STRASSE"),
        ("ΣΟΦΙΑ", "σοφια"),
        ("\uff21DA", "ada"),
    ],
)
def test_names_in_all_scripts_are_found_whatever_their_case(database: Database, name: str, typed: str) -> None:
    with database.writing() as db:
        made = accounts.create(db, name, Role.RATER, actor="test")
    with database.reading() as db:
        for one in (name, typed, f" {typed} "):
            found = accounts.by_name(db, one)
            assert found is not None
            assert found.id == made.id
        assert accounts.by_name(db, f"{name}x") is None
    with database.writing() as db, pytest.raises(Refusal) as refused:
        accounts.create(db, typed, Role.RATER, actor="test")
    assert refused.value.code == "name_taken"


def test_a_password_is_the_same_from_every_keyboard(cheap: Passwords) -> None:
    assert cheap.check(cheap.hash("gr\u00fcne W\u00e4lder", name="Ada"), "gru\u0308ne Wa\u0308lder")


def test_a_device_is_known_by_its_own_account_alone(access: Access, tmp_path: Path) -> None:
    cookie = access.device("ada")
    device = access.device_of(cookie, "ada")
    assert device
    assert access.device_of(access.device("ada"), "ada") != device
    for wrong in (None, "", "x", cookie[:-1], access.device("bea"), "x" * 10_000):
        assert access.device_of(wrong, "ada") is None
    other = tmp_path / "other"
    other.mkdir()
    assert Access(StudioSettings(folder=other)).device_of(cookie, "ada") is None
