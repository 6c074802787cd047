"""A fatigue timeline from any video of a face."""

from facefatigue._version import __version__

__all__ = ["__version__"]
