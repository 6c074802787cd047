"""A checksum of each video as it is kept: another than that of what was sent where the check made a plain file of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    # Not in a batch: that would copy the table, and dropping the old one takes with it what refers to it.
    op.add_column("recording", sa.Column("kept_sha256", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Back."""
    op.drop_column("recording", "kept_sha256")
