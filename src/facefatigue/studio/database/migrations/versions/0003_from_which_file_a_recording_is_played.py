"""From which file a recording is played: itself, or a copy that browsers play."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    # One statement for both databases. A batch would copy SQLite's table and drop the old one, and with it, by the foreign
    # keys' ON DELETE CASCADE, every check and rating.
    op.execute(
        "ALTER TABLE recording ADD COLUMN playback VARCHAR(20) DEFAULT 'original' NOT NULL CONSTRAINT ck_recording_playback "
        "CHECK (playback IN ('original', 'waiting', 'copy', 'failed'))"
    )
    op.create_index("ix_recording_playback", "recording", ["playback"])


def downgrade() -> None:
    """Back."""
    op.drop_index("ix_recording_playback", "recording")
    op.execute("ALTER TABLE recording DROP COLUMN playback")
