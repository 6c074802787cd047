"""``facefatigue baseline`` as a user runs it, and what predict and signs make of a baseline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import pytest

import facefatigue
from facefatigue import estimate
from facefatigue.cli import main
from facefatigue.errors import BrokenVideoError
from facefatigue.estimate import measured_signs
from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact
from facefatigue.signs import make_baseline, measure, read_baseline, write_baseline
from facefatigue.signs.blink_fatigue import BlinkEstimate
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

    from facefatigue.estimate import Analysis

    Film = Callable[..., Analysis]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "facefatigue" / "baselines"


@pytest.fixture
def analyses(write_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A function that makes a small video for each analysis, which is what the estimator finds in it."""
    known: dict[str, Any] = {}

    class Estimator:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def analyze(self, source: str, **_: object) -> Analysis:
            if isinstance(known[source], Exception):
                raise known[source]
            return known[source]

    def add(*found: object) -> list[str]:
        paths = [str(write_video(f"{number}.mp4")) for number in range(len(found))]
        known.update(zip(paths, found, strict=True))
        return paths

    monkeypatch.setattr(estimate, "Estimator", Estimator)
    return add


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["baseline", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_baseline_is_stored_shown_listed_and_removed(
    film: Film, analyses: Callable[..., list[str]], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = analyses(film(90), film(90, score=0.3))
    code, out, err = run(capsys, *sources, "--name", "me", "--glasses", "no")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "baseline me: 2 recordings, 3 min 00 s of the face read; glasses: no, brightness 0.40"
    assert lines[1].split() == ["sign", "usual", "spread", "from"]
    assert "  blink rate            20.0 a minute  " in out
    assert "alert blinks, one every 3.0 s" in out
    assert lines[-2:] == [f"stored: {home / 'me.json'}", "use it: facefatigue predict VIDEO --baseline me"]
    assert [path.name for path in home.iterdir()] == ["me.json"]
    own = read_baseline(home / "me.json")
    assert (own.name, own.recordings, own.conditions.glasses) == ("me", 2, "no")
    assert run(capsys, "--show", "me") == (0, "\n".join(lines[:-2]) + "\n", "")
    assert json.loads(run(capsys, "--show", "me", "--json")[1]) == json.loads((home / "me.json").read_text())
    assert run(capsys, "--list") == (0, "me  2 recordings, 3 min 00 s, glasses: no\n", "")
    (listed,) = json.loads(run(capsys, "--list", "--json")[1])
    assert (listed["name"], listed["path"]) == ("me", str(home / "me.json"))
    assert run(capsys, "--remove", "me") == (0, f"removed: {home / 'me.json'}\n", "")
    assert run(capsys, "--list")[1].startswith(f"no baselines in {home}; make one with: ")


def test_json_is_all_there_is_on_stdout(
    film: Film, analyses: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "x.json"
    sources = analyses(film(90, looks=1), film(60, looks=2))
    code, text, err = run(capsys, *sources, "--name", "me", "--out", str(out), "--json")
    printed = json.loads(text)
    assert (code, printed["schema"], printed["path"]) == (0, "facefatigue.baseline/1", str(out))
    (warning,) = printed["warnings"]
    assert "looks do not tell that these show one: 0.mp4 and 1.mp4 (" in warning
    assert err == f"facefatigue: warning: {warning}\n"
    assert read_baseline(out).name == "me"


def test_too_little_is_exit_code_4_and_one_line(
    film: Film, analyses: Callable[..., list[str]], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *analyses(film(40)), "--name", "me")
    assert (code, out) == (4, "")
    (line,) = err.splitlines()
    assert line.startswith(
        "facefatigue: no baseline was written: 40 s of the face were read, and 60 s are needed; film longer"
    )
    assert list(home.iterdir()) == []


def test_nothing_is_written_over_unless_asked(
    film: Film, analyses: Callable[..., list[str]], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = analyses(film(90))
    assert run(capsys, *sources, "--name", "me")[0] == 0
    before = (home / "me.json").read_bytes()
    code, out, err = run(capsys, *sources, "--name", "me", "--glasses", "yes")
    assert (code, out) == (2, "")
    assert err == f"facefatigue: {home / 'me.json'} exists; choose another --name, or give --overwrite\n"
    assert (home / "me.json").read_bytes() == before
    for asked in ("--overwrite", "--force"):
        assert run(capsys, *sources, "--name", "me", "--glasses", "yes", asked)[0] == 0
    assert read_baseline(home / "me.json").conditions.glasses == "yes"


def test_a_source_that_fails_leaves_no_baseline_of_the_others(
    film: Film, analyses: Callable[..., list[str]], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *analyses(film(90), BrokenVideoError("1.mp4: broken")), "--name", "me")
    assert (code, out, err) == (3, "", "facefatigue: 1.mp4: broken\n")
    assert list(home.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_said_before_any_work(
    analyses: Callable[..., list[str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = analyses(AssertionError("this must not be analysed"))
    code, out, err = run(capsys, *sources, "--name", "me", "--out", "/dev/null/x/me.json")
    assert (code, out) == (6, "")
    assert err.endswith("(--out)\n")
    monkeypatch.setenv("XDG_DATA_HOME", "/dev/null")
    code, out, err = run(capsys, *sources, "--name", "me")
    assert (code, out) == (6, "")
    assert err.endswith("(XDG_DATA_HOME)\n")


def test_a_missing_source_is_said_before_any_work(
    film: Film, analyses: Callable[..., list[str]], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = analyses(AssertionError("this must not be analysed"))
    code, out, err = run(capsys, *sources, "missing.mp4", "--name", "me")
    assert (code, out) == (3, "")
    assert "missing.mp4: no such file" in err
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "no SOURCE given"),
        (["a.mp4"], 2, "a baseline needs a name: --name me"),
        (["a.mp4", "--name", "../me"], 2, "'../me' cannot name a baseline"),
        (["a.mp4", "--name", "me", "--out", "me.txt"], 2, "me.txt: the name of a baseline's file must end in .json (--out)"),
        (["a.mp4", "--name", "me"], 3, "a.mp4: no such file"),
        (["a.mp4", "b.mp4", "a.mp4", "--name", "me"], 2, "a.mp4 is named twice"),
        (["--list", "a.mp4"], 2, "stand alone"),
        (["--show", "me", "--name", "me"], 2, "stand alone"),
        (["--show", "me"], 6, "there is no baseline 'me'; there is none yet"),
        (["--show", "./me.json"], 6, "me.json: the baseline cannot be read"),
        (["--remove", "me"], 6, "there is no baseline 'me'"),
        (["--remove", "../../me"], 2, "cannot name a baseline"),
        (["--show", ""], 2, "'' cannot name a baseline"),
    ],
)
def test_errors_are_one_line_with_their_code(
    arguments: list[str],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = run(capsys, *arguments)
    assert (found, out) == (code, "")
    (line,) = err.splitlines()
    assert line.startswith("facefatigue: ")
    assert says in line
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_baseline_does_not_hide_the_others(
    film: Film, analyses: Callable[..., list[str]], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, *analyses(film(90)), "--name", "me")
    (home / "bad.json").write_text("{")
    code, out, err = run(capsys, "--list")
    assert (code, out) == (6, "me  1 recording, 90.0 s, glasses: unknown\n")
    assert err.startswith(f"facefatigue: {home / 'bad.json'}: not a baseline: not JSON")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["predict", "--sample", "--baseline", "me", "--no-signs"], 2, "--baseline is held against the signs"),
        (["predict", "--sample", "--baseline", "me", "--json"], 6, "there is no baseline 'me'"),
        (["signs", "--sample", "--baseline", "me", "--json"], 6, "there is no baseline 'me'"),
        (["signs", "--sample", "--baseline", "a/b", "--json"], 6, "a/b: the baseline cannot be read"),
        (["signs", "--sample", "--baseline", "me!", "--json"], 2, "cannot name a baseline"),
        (["signs", "--sample", "--glasses", "yes", "--json"], 2, "--glasses is held against a baseline's"),
    ],
)
def test_predict_and_signs_refuse(
    arguments: list[str], code: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert says in line


class ThreeStates:
    """Stands for the model of blinks."""

    def estimate(self, table: np.ndarray, alert: object = None) -> BlinkEstimate:
        return BlinkEstimate(
            probabilities=(0.7, 0.2, 0.1), score=0.2, interval=(0.0, 0.5), blinks=len(table), columns=("duration",),
            reference="population" if alert is None else "own",
        )  # fmt: skip


@pytest.fixture
def me(film: Film, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a stored baseline."""
    monkeypatch.setattr(measured_signs, "BlinkFatigue", ThreeStates)
    own = make_baseline("me", [measure(film(120).sign_series[0])], [0.2, 0.25], model="another 1.0.0")
    home.mkdir(parents=True)
    write_baseline(own, home / "me.json")
    return "me"


def test_predict_compares_with_the_baseline(me: str, sample: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"
    arguments = ["predict", str(sample), "--duration", "10", "--engine", "onnxruntime", "--out", str(out)]
    assert main([*arguments, "--baseline", me]) == 0
    printed = capsys.readouterr().out
    assert "  compared with what is usual for me: " in printed
    assert "  fatigue: network 0." in printed
    assert "compared with this person's own alert blinks" in printed
    (face,) = json.loads((out / "drowsy.report.json").read_text())["faces"]
    comparison, fusion = face["comparison"], face["fusion"]
    assert comparison["name"] == "me"
    assert {own["reference"] for own in comparison["deviations"]} == {"own"}
    assert "scores are not compared: this one is of facefatigue-v1" in " ".join(comparison["cautions"])
    assert face["signs"]["lid_levels"]["open"] == pytest.approx([0.8, 0.8], abs=0.01)
    assert face["signs"]["fatigue"]["reference"] == fusion["signs"]["reference"] == "own"
    assert fusion["network"]["score"] == face["score"]
    assert fusion["network"]["score_interval"] == face["score_interval"]
    assert fusion["agreement"]["difference"] == pytest.approx(0.2 - face["score"])
    page = (out / "drowsy.report.html").read_text()
    assert "Compared with what is usual for me" in page
    assert "Two estimates of fatigue" in page


def test_signs_without_a_baseline_say_so(me: str, sample: Path, capsys: Any) -> None:
    assert main(["signs", str(sample), "--duration", "10", "--json"]) == 0
    (face,) = json.loads(capsys.readouterr().out)["faces"]
    assert face["comparison"]["name"] is None
    assert "no baseline of this person" in face["comparison"]["cautions"][0]
    assert "fusion" not in face
    assert face["signs"]["fatigue"]["reference"] == "population"
    assert main(["signs", str(sample), "--duration", "10", "--json", "--baseline", me, "--glasses", "yes"]) == 0
    (face,) = json.loads(capsys.readouterr().out)["faces"]
    assert face["comparison"]["name"] == "me"
    assert face["signs"]["fatigue"]["reference"] == "own"


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["baseline", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for said in ("examples:", "--name me", "At least 60 s", "no pictures", "--baseline me", "--overwrite"):
        assert said in text


@pytest.mark.slow
def test_from_a_video_to_a_comparison(
    sample: Path, write_video: Callable[..., Path], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """The first ten seconds of the sample at a sixth of their speed: a minute of a face."""
    monkeypatch.setattr(measured_signs, "BlinkFatigue", ThreeStates)
    with open_video(sample) as video:
        slow = write_video("slow.mp4", [frame.rgb for frame in video if frame.index < 250], rate=4)
    assert main(["baseline", str(slow), "--name", "me", "--glasses", "no", "--engine", "onnxruntime"]) == 0
    assert capsys.readouterr().err == (
        "facefatigue: warning: slow.mp4: blinks could not be measured whole: the face was read 4.0 times a second; blinks "
        "need 8\n"
    )
    own = read_baseline(home / "me.json")
    assert own.read_s == pytest.approx(62.3, abs=0.5)
    config = load_artefact(DEFAULT_MODEL).config
    assert own.model == f"{config.name} {config.version}"
    assert own.conditions.brightness == pytest.approx(0.38, abs=0.05)
    assert own.blinks is None
    report = facefatigue.analyze(sample, baseline="me", glasses="yes", engine="onnxruntime", max_duration_s=7)
    comparison = report.faces[0].comparison
    assert comparison is not None
    assert comparison["name"] == "me"
    assert "score" in {entry["sign"] for entry in comparison["deviations"]}
    assert "glasses: yes now, no in the baseline" in comparison["cautions"]
    assert "the baseline rests on 1.0 min only" in comparison["cautions"]
