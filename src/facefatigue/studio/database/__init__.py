"""What the studio remembers, in SQLite or PostgreSQL: tables, their migrations, transactions."""

from facefatigue.studio.database.session import Database

__all__ = ["Database"]
