"""A studio over a small workspace, for the tests of the page."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from core import audio
from core.library import Library
from core.records import Artist, Recording, Segment
from core.workspace import Workspace

SR = 22_050
LENGTH_S = 90.0


@dataclass(frozen=True)
class Opened:
    """A running studio."""

    url: str
    workspace: Workspace
    library: Library


def silent(recording_id: str, **said) -> Recording:
    """A recording whose sound nobody will ask for."""
    known = {
        "title": "Evening concert",
        "duration_s": LENGTH_S,
        "rights": "own",
        "source": "a test",
        "tonic_hz": 146.8,
        "raga": "Mohanam",
        "artists": (Artist("Lead Singer", "voice"),),
    }
    return Recording(id=recording_id, **{**known, **said})


def with_sound(workspace: Workspace, recording_id: str, length_s: float = LENGTH_S) -> Recording:
    """A recording of three tones in the workspace, with its playback copy and peaks."""
    t = np.arange(round(length_s * SR)) / SR
    pitch_hz = np.choose((3 * t / length_s).astype(int), [220.0, 330.0, 440.0])
    y = (0.3 * np.sin(2 * np.pi * np.cumsum(pitch_hz) / SR)).astype(np.float32)
    path = workspace.audio_target(recording_id, ".flac")
    audio.write(path, y, SR)
    audio.prepare(path, workspace.playback(recording_id), workspace.peaks(recording_id))
    return silent(recording_id, duration_s=length_s)


def segment(recording_id: str, start_s: float, end_s: float, **said) -> Segment:
    """A segment; an alapanai drawn by hand unless it says otherwise."""
    return Segment(recording_id, start_s, end_s, **{"section": "alapanai", **said})


@pytest.fixture
def library(workspace) -> Iterator[Library]:
    """An empty library of the workspace."""
    opened = Library.of(workspace)
    yield opened
    opened.close()


@contextmanager
def opened_studio(workspace: Workspace, library: Library, *more) -> Iterator[Opened]:
    """The whole page over `workspace`, open on a free port; `more` is for `build_studio`."""
    from studio.build import build_studio, launch_settings

    page = build_studio(workspace, library, *more)
    _, url, _ = page.launch(
        server_name="127.0.0.1",
        prevent_thread_lock=True,
        quiet=True,
        **launch_settings(workspace, library),
    )
    yield Opened(url.rstrip("/"), workspace, library)
    page.close()
    library.close()


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Iterator[Opened]:
    """A studio with one recording."""
    workspace = Workspace.at(tmp_path_factory.mktemp("studio"))
    library = Library.of(workspace)
    library.add(with_sound(workspace, "file-tones"))
    with opened_studio(workspace, library) as opened:
        yield opened
