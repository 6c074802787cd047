"""Frames with presentation time: upright, RGB, square pixels, in bounded memory, from files, cameras and addresses."""

from facefatigue.video.clock import PresentationClock
from facefatigue.video.container import VideoInfo
from facefatigue.video.decode import Frame, Video, open_video, probe
from facefatigue.video.location import Location, locate
from facefatigue.video.orientation import Orientation

__all__ = [
    "Frame",
    "Location",
    "Orientation",
    "PresentationClock",
    "Video",
    "VideoInfo",
    "locate",
    "open_video",
    "probe",
]
