"""Training: lists of labelled clips in, a model folder out; importing this loads no torch."""

from facefatigue.train.settings import TrainSettings

__all__ = ["TrainSettings"]
