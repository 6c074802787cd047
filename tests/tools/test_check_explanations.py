"""The proof of explanations: acts of one cue, pointing, shuffled weights, tables."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import check_explanations
from check_explanations import (
    BEGIN,
    END,
    Case,
    likenesses,
    measure,
    measure_all,
    methods_of,
    pointing_table,
    put_between_marks,
    randomised_table,
    removal_table,
)
from explanations.acts import act_in
from explanations.checks import likeness, point, random_order, randomised
from explanations.records import Records
from facefatigue.explain import REGIONS
from facefatigue.model.config import ModelConfig
from facefatigue.model.network import FatigueNet

TIME_S = np.arange(32) / 10


@pytest.fixture
def network() -> FatigueNet:
    config = ModelConfig(
        name="small", version="1", licence="CC0-1.0", training_data="none", metrics={}, backbone="resnet2d_cues",
        cues=("closure",), non_local_position=4, depth=10, first_channel=8, frames=4, size_px=32,
    )  # fmt: skip
    torch.manual_seed(0)
    return FatigueNet(config).eval().requires_grad_(requires_grad=False)


def codes(region: str) -> np.ndarray:
    """(32, 32): the background, and a square of a region."""
    image = np.full((32, 32), REGIONS.index("background"), np.uint8)
    image[8:12, 8:12] = REGIONS.index(region)
    return image


def test_an_act_of_one_region_moves_nothing_else():
    for region, moves, opening in (("eyes", "eye", "eyeBlink_L"), ("mouth", ("jaw", "mouth"), "jawOpen")):
        act = act_in(region, TIME_S, np.random.default_rng(3))
        moved = {name for name, track in act.expressions.items() if track.any()}
        assert all(name.startswith(moves) for name in moved)
        assert act.expressions[opening].max() > 0.5
        assert not act.turn.any()
        assert not act.hand.any()
        assert (act.closure.max() > 0.3) == (region == "eyes")
        assert (act.mouth.max() > 0.5) == (region == "mouth")
        assert act.rated > 0.5  # tired by definition


def test_the_brightest_pixel_may_be_a_little_off():
    values = np.zeros((2, 32, 32), np.float32)
    for place, hit in (((10, 10), True), ((13, 10), True), ((15, 10), False), ((30, 30), False)):
        values[:] = 0
        values[1, place[0], place[1]] = 1
        found = point(values, [codes("eyes")] * 2, "eyes")
        assert found.hit == hit, place
        assert found.chance == pytest.approx((4 + 2 * 2) ** 2 / 32**2)  # 15/224 of 32 px are 2 px


def test_weights_are_shuffled_from_the_output_down_and_the_network_is_left_alone(network):
    before = {name: weights.clone() for name, weights in network.named_parameters()}
    names, touched = [], []
    clip = torch.rand(1, 3, 4, 32, 32) * 2 - 1
    for name, shuffled in randomised(network, clip):
        names.append(name)
        touched.append({key for key, weights in shuffled.named_parameters() if not torch.equal(weights, before[key])})
        for key, weights in shuffled.named_parameters():
            own = before[key].flatten()
            own = own - own.mean() if weights.ndim > 1 and key in touched[-1] else own
            torch.testing.assert_close(weights.flatten().sort().values, own.sort().values)
        assert float(shuffled(clip)[1]) != pytest.approx(float(network(clip)[1]), abs=1e-4)
        assert not any(module.training for module in shuffled.modules())
    assert names == ["score", "reader", "stage4", "stage3", "stage2", "stage1", "stem"]
    assert all(earlier < later for earlier, later in zip(touched, touched[1:], strict=False))
    assert not any(key.startswith(("reader", "stage", "stem")) for key in touched[0])
    assert all(torch.equal(weights, before[name]) for name, weights in network.named_parameters())


def test_likeness_is_a_rank_correlation_of_cells():
    values = np.random.default_rng(0).random((8, 28, 28)).astype(np.float32)
    assert likeness(values, 3 * values + 1) == pytest.approx(1)
    assert likeness(values, -values) == pytest.approx(-1)
    assert likeness(values, np.ones_like(values)) is None
    order = random_order(torch.zeros(1, 3, 8, 28, 28), 1)
    assert order.shape == (8, 28, 28)
    assert abs(likeness(values, order)) < 0.15


def case_of(region: str, number: int = 0) -> Case:
    clip = torch.rand(1, 3, 4, 32, 32, generator=torch.Generator().manual_seed(number)) * 2 - 1
    return Case(region=region, number=number, clip=clip, maps=[codes(region)] * 4, called=region == "eyes")


def test_the_tables_hold_every_method(network):
    methods = list(methods_of(network))
    assert methods[0] == "hires-cam@read"
    fast = [name for name in methods if name not in check_explanations.SLOW]
    found = [measure(network, case_of(region), fast) for region in ("eyes", "mouth")]
    table = pointing_table(found, methods)
    assert [row.split(" | ")[0].strip("| *") for row in table[2:]] == [*methods, "chance"]
    assert "| – |" in table[2 + methods.index("occlusion")]  # a slow one, of which none was asked for
    rows = removal_table(found, methods)
    assert rows[-1].startswith("| random order | 1 | 0.")  # the clip that is called fatigue
    assert rows[2 + methods.index("occlusion")] == "| occlusion | 0 | – | – |"
    rows = randomised_table([dataclasses.replace(found[0], likeness=likenesses(network, case_of("eyes")))])
    assert len(rows) == 2 + 7
    assert rows[0] == "| shuffled down to | hires-cam@read | grad-cam@read | grad-cam@stage4 | guided |"


def test_a_run_goes_on_from_what_was_kept(network, tmp_path, monkeypatch, capsys):
    rendered = []

    def render(explainer, landmarker, rig, region, number):
        rendered.append((region, number))
        if len(rendered) == 4:
            raise KeyboardInterrupt
        return case_of(region, number)

    monkeypatch.setattr(check_explanations, "render_case", render)
    monkeypatch.setattr(check_explanations, "explain_cpu_s", lambda *_: 1.5)
    explainer = SimpleNamespace(network=network, config=network.config)
    path = tmp_path / "figures.jsonl"
    with pytest.raises(KeyboardInterrupt):
        measure_all(explainer, tmp_path, Records(path, "a"), clips=2, slow=0)
    found = measure_all(explainer, tmp_path, Records(path, "a"), clips=2, slow=0)
    assert rendered == [("eyes", 0), ("eyes", 1), ("mouth", 0), ("mouth", 1), ("mouth", 1)]
    assert measure_all(explainer, tmp_path, Records(path, "a"), clips=2, slow=0) == found
    assert "mouth 1: " in capsys.readouterr().err
    assert len(rendered) == 5
    slow = measure_all(explainer, tmp_path, Records(path, "a"), clips=1, slow=1)  # another run may ask for more of a clip
    assert rendered[5:] == [("eyes", 0), ("mouth", 0)]
    assert slow[0].methods.keys() - found[0].methods.keys() == check_explanations.SLOW
    assert slow[0].methods["guided"] == found[0].methods["guided"]
    with pytest.raises(SystemExit, match="holds figures of another model"):
        Records(path, "b")


def test_figures_take_the_place_of_what_stands_between_the_marks():
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert put_between_marks(text, ["new", "lines"]) == f"before\n{BEGIN}\nnew\nlines\n{END}\nafter\n"
    with pytest.raises(SystemExit, match="figures: begin"):
        put_between_marks("nothing", [])
