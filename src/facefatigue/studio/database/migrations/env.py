"""Run by Alembic: migrate over the connection that `Database.upgrade` gives."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from facefatigue.studio.database.tables import Base, Moment


def _render(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Write our own column type as the plain one it is kept in, so that old migrations never depend on our code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Moment) else False


# SQLite cannot alter a column in place: batches copy the table.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
