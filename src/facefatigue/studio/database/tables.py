"""What the studio remembers: every table, in the form that SQLite and PostgreSQL both keep.

    Person ─┬─ Consent ── ConsentText          Account ─┬─ Assignment ── Recording
            ├─ Recording ─┬─ Scenario                   └─ Rating ────── Recording
            │             ├─ Upload
            │             ├─ Check                Link, Session: who may come in
            │             └─ Remark               AuditEntry: what was done, in a chain of hashes
            └─ Link                               Choice: the study's settings

Times are aware, in UTC. Videos are not in the database: `Recording.id` names them in the vault.
"""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator


def now() -> dt.datetime:
    """This moment, in UTC."""
    return dt.datetime.now(dt.UTC)


class Moment(TypeDecorator[dt.datetime]):
    """An aware time in UTC; SQLite forgets the zone, this puts it back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:  # noqa: ARG002
        """From the database."""
        return value.replace(tzinfo=dt.UTC) if value is not None and value.tzinfo is None else value


def _words(kind: type[enum.StrEnum]) -> sa.Enum:
    """An enumeration as plain text with a check, so that a new word needs no change of a PostgreSQL type."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=20,
        values_callable=lambda words: [word.value for word in words],
    )


class Role(enum.StrEnum):
    """What somebody may do: everything, rate, or film themselves."""

    OWNER = "owner"
    RATER = "rater"
    VOLUNTEER = "volunteer"


class State(enum.StrEnum):
    """Where a recording stands."""

    UPLOADING = "uploading"  # announced; its bytes are still on their way
    CHECKING = "checking"  # whole and in the vault; not yet looked at
    ACCEPTED = "accepted"  # fit to be rated
    REFUSED = "refused"  # no face, too short, too dark, …: the check says why
    RETAKEN = "retaken"  # the volunteer threw it away for another
    FAILED = "failed"  # not a video, or the check could not be made


class Playback(enum.StrEnum):
    """From which file a recording is played."""

    ORIGINAL = "original"  # browsers play it as it is
    WAITING = "waiting"  # they do not, and the copy that they do is still to be made
    COPY = "copy"
    FAILED = "failed"  # no copy could be made


class Purpose(enum.StrEnum):
    """Why a rater sees a recording."""

    TRAINING = "training"  # at first, with feedback
    MAIN = "main"
    REPEAT = "repeat"  # seen before, to measure how far a rater agrees with himself


class Base(DeclarativeBase):
    """Base of all tables; names of constraints are fixed, so that migrations can speak of them."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dt.datetime: Moment, dict[str, Any]: sa.JSON, list[Any]: sa.JSON}  # noqa: RUF012  # SQLAlchemy's own form


class Person(Base):
    """A volunteer, known by a pseudonym.

    Attributes:
        code: The pseudonym under which everything is exported, drawn at random ("P-7K3D9").
        name: What the owner calls the person, to send the right link; never exported, wiped on withdrawal.
    """

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(sa.String(20), unique=True)
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    withdrawn_at: Mapped[dt.datetime | None]
    consents: Mapped[list[Consent]] = relationship(back_populates="person", order_by="Consent.id")
    recordings: Mapped[list[Recording]] = relationship(back_populates="person")


class Account(Base):
    """An owner or a rater.

    Attributes:
        password: Argon2 hash; None for those who come by link alone.
        training_done_at: When a rater finished the training set; None before.
    """

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[Role] = mapped_column(_words(Role))
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    password: Mapped[str | None] = mapped_column(sa.String(300))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    disabled_at: Mapped[dt.datetime | None]
    training_done_at: Mapped[dt.datetime | None]


class Link(Base):
    """A signed link that lets somebody in; of a volunteer (`person_id`), or of a rater or owner (`account_id`)."""

    __tablename__ = "link"
    __table_args__ = (sa.CheckConstraint("(person_id IS NULL) <> (account_id IS NULL)", name="one_holder"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]


class Session(Base):
    """Somebody who came in, by link or password; the cookie holds a token of which only the SHA-256 is kept."""

    __tablename__ = "session"
    token_sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    role: Mapped[Role] = mapped_column(_words(Role))
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    csrf: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime]


class ConsentText(Base):
    """One version of what volunteers agree to; never changed once somebody signed it."""

    __tablename__ = "consent_text"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(unique=True)
    title: Mapped[str] = mapped_column(sa.String(200))
    body: Mapped[str] = mapped_column(sa.Text)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Consent(Base):
    """A signature under one version of the text; it outlives a withdrawal without its name and drawing, as proof of both.

    Attributes:
        signed_name: As typed; empty after a withdrawal.
        drawing: The drawn signature, strokes of [x, y] in [0, 1]; None without one.
    """

    __tablename__ = "consent"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    text_id: Mapped[int] = mapped_column(sa.ForeignKey("consent_text.id"))
    signed_name: Mapped[str] = mapped_column(sa.String(200))
    drawing: Mapped[list[Any] | None]
    signed_at: Mapped[dt.datetime] = mapped_column(default=now)
    withdrawn_at: Mapped[dt.datetime | None]
    person: Mapped[Person] = relationship(back_populates="consents")
    text: Mapped[ConsentText] = relationship()


class Scenario(Base):
    """An occasion in daily life (waking up, off work, …)."""

    __tablename__ = "scenario"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    position: Mapped[int] = mapped_column(default=0)
    hidden: Mapped[bool] = mapped_column(default=False)


class Recording(Base):
    """A video that a volunteer made or brought, with what was said of it then.

    Attributes:
        id: Random, 32 hexadecimal digits; the name of the video in the vault.
        brought: An existing file that was uploaded, not filmed in the page.
        media_type: What the check found in it ("video/webm", "video/mp4"); as announced before.
        sha256: Of what was sent.
        kept_sha256: Of the video as it is kept, in plain bytes; None before the check, which may put a plain file in place
            of what was sent.
        duration_s, width, height: As decoded; None before the check.
        has_sound: Whether there is a sound track that can be heard; None before the check.
        playback: From which file it is played; raters are not given it while its copy is waited for.
        kss: Karolinska sleepiness scale, 1 to 9, by the volunteer.
        self_fatigue: 1 to 5 in half points, by the volunteer.
        slept_h, awake_h: Hours of sleep in the last night, hours since waking up.
        caffeine: Cups of coffee or the like in the last six hours.
        training_value: 1 to 5 if the recording belongs to the raters' training set: the value shown as feedback.
        training_note: Why, in words, for the feedback.
        rated_times: How many main ratings there are (with "cannot judge"), kept in step by rating.
        spread: Largest less smallest main value; None below two values; kept in step by rating, so that lists stay fast.
    """

    __tablename__ = "recording"
    __table_args__ = (sa.Index("ix_recording_state_created_at", "state", "created_at"),)
    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True, default=lambda: uuid.uuid4().hex)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    consent_id: Mapped[int] = mapped_column(sa.ForeignKey("consent.id"))
    scenario_id: Mapped[int | None] = mapped_column(sa.ForeignKey("scenario.id"), index=True)
    state: Mapped[State] = mapped_column(_words(State), default=State.UPLOADING)
    brought: Mapped[bool] = mapped_column(default=False)
    media_type: Mapped[str] = mapped_column(sa.String(60), default="")
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    kept_sha256: Mapped[str | None] = mapped_column(sa.String(64))
    duration_s: Mapped[float | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    has_sound: Mapped[bool | None]
    playback: Mapped[Playback] = mapped_column(
        _words(Playback), default=Playback.ORIGINAL, server_default="original", index=True
    )
    kss: Mapped[int | None]
    self_fatigue: Mapped[float | None]
    slept_h: Mapped[float | None]
    awake_h: Mapped[float | None]
    caffeine: Mapped[float | None]
    training_value: Mapped[float | None]
    training_note: Mapped[str] = mapped_column(sa.String(500), default="")
    rated_times: Mapped[int] = mapped_column(default=0)
    spread: Mapped[float | None] = mapped_column(index=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    stored_at: Mapped[dt.datetime | None]
    person: Mapped[Person] = relationship(back_populates="recordings")
    consent: Mapped[Consent] = relationship()
    scenario: Mapped[Scenario | None] = relationship()
    check: Mapped[Check | None] = relationship(back_populates="recording", cascade="all, delete-orphan")
    ratings: Mapped[list[Rating]] = relationship(back_populates="recording", cascade="all, delete-orphan")


class Check(Base):
    """What was found in a recording, once it had been decoded and looked at.

    Attributes:
        findings: One entry for each thing looked at, {"name": …, "level": "good" | "warning" | "refused", "value": number or
            null}; names are those of `checking.Finding`, "playback" (no copy could be made) and "duplicate" (somebody else
            sent the same file).
        attempts: How often the check was begun, and after it the copy that browsers play (`Recording.playback`); a video
            that kills the checker is given up after three.
        claimed_at: When a checker took it; None while it waits. A claim older than the time limit is void.
        done_at: None until the check is finished.
    """

    __tablename__ = "recording_check"
    recording_id: Mapped[str] = mapped_column(sa.ForeignKey("recording.id", ondelete="CASCADE"), primary_key=True)
    findings: Mapped[list[Any]] = mapped_column(default=list)
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_at: Mapped[dt.datetime | None]
    done_at: Mapped[dt.datetime | None] = mapped_column(index=True)
    recording: Mapped[Recording] = relationship(back_populates="check")


class Upload(Base):
    """A recording on its way; how many bytes are there is told by the file itself.

    Attributes:
        stalled: No bytes came for so long that it was given up.
    """

    __tablename__ = "upload"
    recording_id: Mapped[str] = mapped_column(sa.ForeignKey("recording.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    touched_at: Mapped[dt.datetime] = mapped_column(default=now)
    stalled: Mapped[bool] = mapped_column(default=False)


class Assignment(Base):
    """That a rater is to see a recording, and when in his own order.

    Attributes:
        position: Place in the rater's own random order; skipping moves it to the end.
    """

    __tablename__ = "assignment"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "recording_id", "purpose"),
        sa.Index("ix_assignment_account_id_done_at_position", "account_id", "done_at", "position"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id"))
    recording_id: Mapped[str] = mapped_column(sa.ForeignKey("recording.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[Purpose] = mapped_column(_words(Purpose))
    position: Mapped[float]
    skipped: Mapped[int] = mapped_column(default=0)
    shown_at: Mapped[dt.datetime | None]
    done_at: Mapped[dt.datetime | None]


class Rating(Base):
    """What one rater said of one recording.

    Attributes:
        value: 1 to 5 in half points; None: "cannot judge".
        confidence: 1 unsure, 2 fairly sure, 3 sure; None if not said.
        seconds: From when it was shown until it was rated; None if unknown (imported).
        source: "studio", or where it was imported from.
    """

    __tablename__ = "rating"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "recording_id", "purpose"),
        sa.CheckConstraint("value IS NULL OR (value >= 1 AND value <= 5)", name="value"),
        sa.CheckConstraint("confidence IS NULL OR (confidence >= 1 AND confidence <= 3)", name="confidence"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id"), index=True)
    recording_id: Mapped[str] = mapped_column(sa.ForeignKey("recording.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[Purpose] = mapped_column(_words(Purpose))
    value: Mapped[float | None]
    confidence: Mapped[int | None]
    note: Mapped[str] = mapped_column(sa.String(1000), default="")
    seconds: Mapped[float | None]
    source: Mapped[str] = mapped_column(sa.String(60), default="studio")
    rated_at: Mapped[dt.datetime] = mapped_column(default=now)
    changed_at: Mapped[dt.datetime | None]
    recording: Mapped[Recording] = relationship(back_populates="ratings")


class Remark(Base):
    """What was said about a recording on which raters disagree."""

    __tablename__ = "remark"
    id: Mapped[int] = mapped_column(primary_key=True)
    recording_id: Mapped[str] = mapped_column(sa.ForeignKey("recording.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id"))
    text: Mapped[str] = mapped_column(sa.String(2000))
    made_at: Mapped[dt.datetime] = mapped_column(default=now)


class AuditEntry(Base):
    """Something that was done; each entry carries the hash of the one before, so that a change shows."""

    __tablename__ = "audit_entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(default=now)
    actor: Mapped[str] = mapped_column(sa.String(60))
    action: Mapped[str] = mapped_column(sa.String(60), index=True)
    subject: Mapped[str] = mapped_column(sa.String(60), default="", index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    before_sha256: Mapped[str] = mapped_column(sa.String(64))
    sha256: Mapped[str] = mapped_column(sa.String(64))


class Choice(Base):
    """One setting of the study, as JSON under its name; see `facefatigue.studio.study`."""

    __tablename__ = "choice"
    name: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    value: Mapped[Any] = mapped_column(sa.JSON)
