"""Names of methods and layers, and what is shown by default."""

from __future__ import annotations

import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.explain import METHODS, Explainer, Method, default_methods


def test_a_method_is_named_with_its_layer(network_of):
    network = network_of()
    assert [str(Method.parse(name, network)) for name in METHODS] == [
        "grad-cam@stage4",
        "hires-cam@stage4",
        "guided",
        "guided-grad-cam@stage4",
        "integrated-gradients",
        "occlusion",
        "attention",
    ]
    assert Method.parse("grad-cam@non-local", network) == Method("grad-cam", "non-local")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grad", "there is no method 'grad'; there are grad-cam, hires-cam, "),
        ("grad-cam@read", "small has no layer 'read'; it has stage1, stage2, stage3, stage4$"),
        ("guided@stage3", "the method guided looks at the whole network, so 'guided@stage3' names no layer of it"),
        ("grad-cam@", "small has no layer ''"),
        ("attention", "small has no non-local block, so there is no attention to show"),
    ],
)
def test_what_there_is_not_is_said_in_a_line(network_of, text, message):
    with pytest.raises(ConfigurationError, match=message):
        Method.parse(text, network_of(non_local_position=0))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["grad-cam@stage4", "grad-cam@stage3", "attention"]),
        ({"non_local_position": 4}, ["grad-cam@stage4", "attention"]),
        ({"non_local_position": 0}, ["grad-cam@stage4"]),
        ({"backbone": "resnet2d_cues"}, ["hires-cam@read", "attention"]),
        ({"backbone": "resnet2d_cues", "non_local_position": 0}, ["hires-cam@read"]),
    ],
)
def test_the_default_fits_the_network(network_of, settings, names):
    assert [str(method) for method in default_methods(network_of(**settings))] == names


def test_attention_comes_last_and_nothing_twice():
    explainer = Explainer(methods=["attention", "grad-cam@stage4", "grad-cam@stage4"])
    assert [str(method) for method in explainer.methods] == ["grad-cam@stage4", "attention"]
