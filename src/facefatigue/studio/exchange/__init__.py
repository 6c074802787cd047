"""Out of the studio and back: a data set for training, and ratings as CSV or for Label Studio."""

from facefatigue.studio.exchange.folder import Exported, export

__all__ = ["Exported", "export"]
