"""Landmarks of a followed face: 478 points, 52 blendshapes, and where the head is turned."""

from __future__ import annotations

from facefatigue.landmarks.follow import LandmarkFollower
from facefatigue.landmarks.head_pose import HeadPose, head_pose
from facefatigue.landmarks.landmarker import Landmarker
from facefatigue.landmarks.reading import BLENDSHAPES, POINTS, FaceReading

__all__ = ["BLENDSHAPES", "POINTS", "FaceReading", "HeadPose", "LandmarkFollower", "Landmarker", "head_pose"]
