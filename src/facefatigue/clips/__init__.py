"""Clips: windows of T frames of one face, sampled in seconds, with coverage and quality."""

from facefatigue.clips.normalise import clip_from_crops
from facefatigue.clips.quality import CropQuality, crop_quality, median_quality
from facefatigue.clips.spec import ClipSpec
from facefatigue.clips.window import Window, WindowSampler

__all__ = ["ClipSpec", "CropQuality", "Window", "WindowSampler", "clip_from_crops", "crop_quality", "median_quality"]
