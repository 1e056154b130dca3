"""What the editor hears in a recording: candidates for its tonic, and the melody's pitch in tiles.

A tile is `TILE_S` seconds of f0, as float32 Hz, little-endian, a frame every `core.pitch.FRAME_S`;
0 where there is no pitch.
"""

import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from core import audio, pitch
from core.errors import StudioError
from core.tonic import Tonic, listen, tonics
from core.workspace import Workspace
from studio.editor.later import Later

TILE_S = 20.0

_FIRST_S = 90.0  # a concert's first minutes are best: the drone is alone there
_PIECES, _PIECE_S = 4, 15.0  # and these from all over the rest
_CANDIDATES = 5
_SURROUNDINGS_S = 0.5  # the tracker hears this much on both sides of a tile
_TILES_KEPT = 512  # of 5 KB
_TONICS_KEPT = 4096


class Listening:
    """Listens to the recordings of one workspace; each is heard for its tonic once."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace
        self._lock = threading.Lock()
        self._tonics = Later[list[Tonic]]("tonic", _TONICS_KEPT)
        self._pitch = lru_cache(_TILES_KEPT)(pitch_tile)

    def tonics(self, recording_id: str) -> list[Tonic] | None:
        """The likeliest tonics, best first; `None` while they are being listened for.

        Raises
        ------
        AudioError
            If nothing in the recording has a pitch.
        """
        return self._tonics.get(recording_id, _tonics_of, self._source(recording_id))

    def pitch(self, recording_id: str, index: int) -> bytes:
        """One tile of the melody's f0."""
        source = self._source(recording_id)
        with self._lock:  # one after the other: a page asks for ten at once
            return self._pitch(source, source.stat().st_mtime, index)

    def _source(self, recording_id: str) -> Path:
        source = self._workspace.playback(recording_id)
        if not source.is_file():
            raise StudioError(f"No sound of {recording_id!r} here. Import it again.")
        return source


def pitch_tile(source: Path, modified: float, index: int) -> bytes:
    """One tile's f0 as bytes, from its own sound; `modified` marks the version of `source`."""
    start = index * TILE_S
    first = max(0.0, start - _SURROUNDINGS_S)
    end = start + TILE_S + _SURROUNDINGS_S
    y, sr = audio.load(source, sr=pitch.SR, start_s=first, end_s=end)
    track = pitch.f0(y, sr)
    skipped = round((start - first) / pitch.FRAME_S)
    n_frames = round(TILE_S / pitch.FRAME_S)
    hz = track.hz[skipped : skipped + n_frames]
    return np.pad(hz, (0, n_frames - len(hz))).astype("<f4").tobytes()


def _tonics_of(source: Path) -> list[Tonic]:
    _, evidence = listen(_pieces(source), pitch.SR)
    return tonics(evidence)[:_CANDIDATES]


def _pieces(source: Path) -> Iterator[np.ndarray]:
    """The beginning, and some pieces of the rest, evenly spread."""
    length_s = audio.info(source).duration_s
    pieces = [(0.0, _FIRST_S)]
    if length_s > _FIRST_S + _PIECE_S:
        spread = np.linspace(_FIRST_S, length_s - _PIECE_S, _PIECES)
        pieces += [(float(start), _PIECE_S) for start in spread]
    for start, duration in pieces:
        yield audio.load(source, sr=pitch.SR, start_s=start, end_s=start + duration)[0]
