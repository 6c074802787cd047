from __future__ import annotations

import pytest

from facefatigue.report.names import display_name, safe_stem, unique_stems


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("clips/driver 07.mp4", "driver 07"),
        ("/data/früh.mov", "früh"),
        ("fru\u0308h.mov", "früh"),
        ("昨日 😀.mp4", "昨日 😀"),
        ("-rf.mp4", "_rf"),
        ("--out.mp4", "_out"),
        ("..", "video"),
        (".hidden", "_hidden"),
        ("a.b.c.mp4", "a.b.c"),
        ("noextension", "noextension"),
        ('a<b>"c|d?e*f:g\\h.mp4', "a_b__c_d_e_f_g_h"),
        ("line\nbreak\t.mp4", "line_break_"),
        ("evil\u202egpj.mp4", "evil_gpj"),
        ("CON.mp4", "_CON"),
        ("com1.txt.mp4", "_com1.txt"),
        ("trailing . .mp4", "trailing"),
        ("0", "camera0"),
        ("12", "camera12"),
        ("rtsp://user:secret@cam.local:554/live/entrance?token=abc", "entrance"),
        ("http://user:secret@host.example/", "host.example"),
        ("http://h/a%20b%2Fc.mp4?x=1#t", "c"),
        ("http://[broken/a.mp4", "video"),
        ("shot_%04d.png", "shot_%04d"),
        ("", "video"),
        ("bad\udcffbyte.mp4", "bad_byte"),
    ],
)
def test_safe_stem(source: str, stem: str) -> None:
    made = safe_stem(source)
    assert made == stem
    assert "secret" not in made


def test_a_long_name_is_cut_and_stays_its_own() -> None:
    first, second = safe_stem("顔" * 100 + "1.mp4"), safe_stem("顔" * 100 + "2.mp4")
    assert first != second
    assert len(first.encode()) <= 200
    assert first.startswith("顔" * 60)
    assert len(safe_stem("x" * 300 + ".mp4").encode()) == 200


def test_unique_stems() -> None:
    assert unique_stems(["a/x.mp4", "b/x.mp4", "c/X.avi", "y.mp4"]) == ["x", "x-2", "X-3", "y"]
    # A numbered name does not take the place of another source's own name.
    assert unique_stems(["a/x.mp4", "b/x.mp4", "x-2.mp4"]) == ["x", "x-3", "x-2"]
    assert unique_stems([]) == []
    many = unique_stems(["x.mp4"] * 50)
    assert len(set(many)) == 50


def test_display_name_keeps_secrets() -> None:
    assert display_name("a/b.mp4") == "b.mp4"
    assert display_name("0") == "camera 0"
    assert display_name("rtsp://me:secret@cam/live?token=secret") == "rtsp://cam/live"
    assert "\n" not in display_name("a\nb.mp4")
    assert display_name("http://[broken") == "http://…"
