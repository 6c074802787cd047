"""Engines that run a model artefact behind one small interface; importing this loads none of their libraries."""

from facefatigue.engine.choice import ENGINES, PRECISIONS, EngineName, Precision, open_engine
from facefatigue.engine.interface import Engine, EngineOutput

__all__ = ["ENGINES", "PRECISIONS", "Engine", "EngineName", "EngineOutput", "Precision", "open_engine"]
