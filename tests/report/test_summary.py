from __future__ import annotations

from typing import TYPE_CHECKING

from facefatigue.report.summary import summary_table, text_width

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.estimate.report import Report


def test_a_line_a_face(make_report: Callable[..., Report]) -> None:
    table = summary_table([make_report(faces=2), make_report(faces=0, path="0"), make_report(windows=0, duration_s=1.2)])
    header, *lines = table.splitlines()
    assert header.split() == ["source", "length", "face", "score", "(95", "%", "interval)", "class", "windows", "reason"]
    assert [line.split() for line in lines] == [
        ["driver", "07.mp4", "25.0", "s", "0", "0.52", "(0.35-0.70)", "fatigue", "10/11"],
        ["driver", "07.mp4", "25.0", "s", "1", *lines[1].split()[5:7], lines[1].split()[7], "10/11"],
        ["camera", "0", "25.0", "s", "-", "-", "abstain", "0/0", "no", "face"],
        ["driver", "07.mp4", "1.2", "s", "0", "-", "abstain", "0/0", "too", "short"],
    ]


def test_columns_are_aligned_also_with_wide_characters(make_report: Callable[..., Report]) -> None:
    names = ["a.mp4", "昨日の顔の動画.mp4", "😀e\u0301.mp4", "ok.mp4"]
    lines = summary_table([make_report(path=name) for name in names]).splitlines()
    starts = {text_width(line[: line.index("25.0 s")]) for line in lines[1:]}
    assert len(starts) == 1
    assert lines[0].index("class") == text_width(lines[2][: lines[2].index("fatigue")])


def test_long_names_are_cut_in_the_middle_to_fit_100_columns(make_report: Callable[..., Report]) -> None:
    names = ["x" * 200 + "_2024-05-01.mp4", "顔" * 200 + ".mp4"]
    table = summary_table([make_report(path=name, windows=2000, length_s=5.4) for name in names])
    assert all(text_width(line) <= 100 for line in table.splitlines())
    assert "…" in table
    assert "01.mp4" in table


def test_control_characters_do_not_reach_the_terminal(make_report: Callable[..., Report]) -> None:
    assert "\x1b" not in summary_table([make_report(path="a\x1b[31m.mp4")])


def test_no_reports() -> None:
    assert summary_table([]).startswith("source")
