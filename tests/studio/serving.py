"""A studio as its own process, that can be killed and started again, and people who have links to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from facefatigue import sample_video
from facefatigue.studio import people, study
from facefatigue.studio.access import Access, new_link
from facefatigue.studio.database import Database
from facefatigue.studio.settings import StudioSettings

CHROMIUM = Path("/usr/bin/chromium")
TEXT = "We film your face to learn how tiredness shows.\n\nOnly the people of this study see the videos. You may withdraw at any time."


class Served:
    """A studio in a folder, on a port that stays the same."""

    def __init__(self, folder: Path, **choices: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.folder = folder
        self.settings = StudioSettings(folder=folder, port=port)
        folder.mkdir(exist_ok=True, parents=True)
        self.database = Database(self.settings.database_url)
        self.database.upgrade()
        with self.database.writing() as db:
            study.prepare(db)
            study.write(db, study.Study(**choices), actor="test")
            people.write_text(db, "Taking part in the study", TEXT, actor="test")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.settings.port}"

    def link(self) -> tuple[int, str]:
        """A new volunteer: id and link."""
        with self.database.writing() as db:
            person, _ = people.invite(db, actor="test")
            return person.id, Access(self.settings).url(new_link(db, person))

    def start(self) -> None:
        """Start the process and wait until it answers."""
        arguments = ["-m", "facefatigue", "studio", "--folder", str(self.folder), "--port", str(self.settings.port)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=log, stderr=log)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(self.url, timeout=5).close()  # noqa: S310  # http, see above
            except (urllib.error.URLError, OSError):
                assert self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.2)
            else:
                return
        raise TimeoutError((self.folder / "log").read_text())

    def kill(self) -> None:
        """As a power cut does, as far as this process is concerned."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def close(self) -> None:
        """End the process and let the database go."""
        self.kill()
        self.database.close()


def fake_camera(path: Path) -> Path:
    """The sample video as a camera's stream of JPEG pictures, 640x480, 15 a second."""
    with av.open(str(sample_video())) as source, av.open(str(path), "w", format="mjpeg") as target:
        stream: Any = target.add_stream("mjpeg", rate=15)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 640, 480, "yuvj420p", 8_000_000
        for number, frame in enumerate(source.decode(video=0)):
            if number % 2 == 0:
                picture = frame.reformat(width=640, height=480, format="yuvj420p")
                picture.pts, picture.time_base = number // 2, Fraction(1, 15)
                target.mux(stream.encode(picture))
        target.mux(stream.encode(None))
    return path


def chromium_arguments(camera: Path) -> list[str]:
    """How Chromium is started with that camera."""
    return [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
        "--autoplay-policy=no-user-gesture-required",
    ]
