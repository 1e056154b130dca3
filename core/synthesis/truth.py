"""A sample concert on disk: <id>.flac and, beside it, <id>.json with everything true about it."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from core.errors import AnnotationError
from core.records import Recording, Segment
from core.synthesis.concert import F0_RATE, SampleConcert
from core.synthesis.melody import Note
from core.synthesis.mridangam import Stroke
from core.workspace import replacing


@dataclass(frozen=True)
class Truth:
    """What is true of a sample concert; times are seconds, `f0_hz` is 0 where no melody sounds."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    recording: Recording
    segments: tuple[Segment, ...]
    f0_rate: int  # points a second
    f0_hz: tuple[float, ...]
    strokes: tuple[Stroke, ...]
    notes: tuple[Note, ...]
    beats: tuple[tuple[float, int], ...]  # time, akshara from 1
    turns: tuple[tuple[float, float, str], ...]  # start, end, "voice" or "violin"

    @property
    def f0(self) -> tuple[np.ndarray, np.ndarray]:
        """Times and Hz, one point each."""
        return np.arange(len(self.f0_hz)) / self.f0_rate, np.array(self.f0_hz)


def truth(concert: SampleConcert) -> Truth:
    """The truth of a concert without its sound."""
    return Truth(
        recording=concert.recording,
        segments=concert.segments,
        f0_rate=F0_RATE,
        f0_hz=tuple(np.round(concert.f0_hz, 3).tolist()),
        strokes=concert.strokes,
        notes=concert.notes,
        beats=concert.beats,
        turns=concert.turns,
    )


def write(concert: SampleConcert, folder: Path) -> Path:
    """Write the sound and its truth; returns the sound's path. The truth comes last."""
    from core import audio

    recording = concert.recording
    path = Path(folder) / f"{recording.id}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    tags = {"title": recording.title, "artist": recording.lead_artist or ""}
    audio.write(path, concert.y, concert.sr, tags)
    with replacing(path.with_suffix(".json")) as part:
        part.write_bytes(_adapter().dump_json(truth(concert)))
    return path


def read_truth(path: Path) -> Truth:
    """The truth of a sample, given its .json or the sound file beside it."""
    from pydantic import ValidationError

    sidecar = Path(path).with_suffix(".json")
    try:
        return _adapter().validate_json(sidecar.read_bytes())
    except FileNotFoundError:
        raise AnnotationError(
            f"No truth at {sidecar}. Render the sample with `python -m core.synthesis`."
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise AnnotationError(
            f"{sidecar}: {place}: {first['msg']}. Render the sample again."
        ) from None


@cache
def _adapter():
    from pydantic import TypeAdapter

    return TypeAdapter(Truth)
