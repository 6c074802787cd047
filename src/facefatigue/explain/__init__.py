"""Why a clip was scored as it was: which pixels of which frames speak for fatigue, by several methods; needs torch.

Nothing slow but torch (matplotlib, PyAV) is loaded before the function that needs it runs.
"""

from facefatigue.explain.activation import activation_map
from facefatigue.explain.attention import Listener, attention_map, attention_over_time
from facefatigue.explain.attribution import Attribution
from facefatigue.explain.explainer import QUESTIONS, Explainer, Explanation
from facefatigue.explain.gradients import guided_activation_map, guided_backpropagation, integrated_gradients
from facefatigue.explain.layers import layer_names
from facefatigue.explain.methods import METHODS, Method, default_methods
from facefatigue.explain.regions import REGIONS, RegionShares, read_points, region_map, region_shares
from facefatigue.explain.removal import blurred, deletion_and_insertion, occlusion
from facefatigue.explain.summary import MethodSummary, VideoExplanation, WindowSummary
from facefatigue.explain.target import TARGETS, target_of
from facefatigue.explain.video import explain_video

__all__ = [
    "METHODS",
    "QUESTIONS",
    "REGIONS",
    "TARGETS",
    "Attribution",
    "Explainer",
    "Explanation",
    "Listener",
    "Method",
    "MethodSummary",
    "RegionShares",
    "VideoExplanation",
    "WindowSummary",
    "activation_map",
    "attention_map",
    "attention_over_time",
    "blurred",
    "default_methods",
    "deletion_and_insertion",
    "explain_video",
    "guided_activation_map",
    "guided_backpropagation",
    "integrated_gradients",
    "layer_names",
    "occlusion",
    "read_points",
    "region_map",
    "region_shares",
    "target_of",
]
