"""The spectrogram under the waveform, drawn in tiles like a map.

At `level` n a second is 2**(n - 5) columns wide and a tile is TILE_COLUMNS columns. Rows are
spaced by pitch, not by Hz: the lowest is LOW_HZ, the highest HIGH_HZ, so that a glide keeps its
shape in every octave. Close levels are computed from the sound of their tile, far ones from a
coarse map of the whole recording that is made once.
"""

import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from core import audio
from core.errors import StudioError
from core.workspace import Workspace, replacing
from studio.editor.later import Later

TILE_COLUMNS = 512
ROWS = 128
LOW_HZ, HIGH_HZ = 70.0, 7000.0
LEVELS = range(15)  # a tile is 4 h 33 min .. 1 s

_SR = 16_000
_MAP_LEVEL = 7  # of the coarse map: four columns a second
_MAP_HOPS = 4  # frames averaged into one of its columns
_FLOOR_DB, _CEILING_DB = -92.0, -18.0  # of a full-scale sine; quieter or louder is all one colour
_MAPS_KEPT = 8  # of 5 MB for a three-hour concert
_COLOURS = ("#0d1a20", "#14393f", "#1f6866", "#6fa287", "#e8b54a", "#fff3cf")  # quiet to loud


class Strips:
    """Draws tiles; makes each recording's coarse map when first asked, one at a time."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace
        self._maps = Later[np.ndarray]("strip", _MAPS_KEPT)

    def tile(self, recording_id: str, level: int, index: int) -> bytes | None:
        """A tile as PNG; `None` while the map it needs is being made."""
        if level not in LEVELS or index < 0:
            raise StudioError(
                f"No tile {index} of level {level}: levels run from {LEVELS[0]} to {LEVELS[-1]}."
            )
        if level > _MAP_LEVEL:
            return png(close_up(self._workspace.playback(recording_id), level, index))
        coarse = self._map(recording_id)
        return None if coarse is None else png(from_afar(coarse, level, index))

    def _map(self, recording_id: str) -> np.ndarray | None:
        cached = self._workspace.features(recording_id, "strip")
        source = self._workspace.playback(recording_id)
        return self._maps.get(recording_id, _read_or_make, cached, source)


def columns_per_s(level: int) -> float:
    """How many columns show one second.

    >>> columns_per_s(0), columns_per_s(14)
    (0.03125, 512.0)
    """
    return 2.0 ** (level - 5)


def close_up(source: Path, level: int, index: int) -> np.ndarray:
    """One tile's levels from its own sound, uint8 [shape=(ROWS, TILE_COLUMNS)]."""
    hop = _SR / columns_per_s(level)
    n_fft = 4096 if hop > 400 else 2048 if hop > 100 else 1024  # pitch far off, strokes close by
    start = round(index * TILE_COLUMNS * hop) - n_fft // 2  # a column shows what is around it
    length = round(TILE_COLUMNS * hop) + n_fft
    silence = max(0, -start)
    y, _ = audio.load(source, sr=_SR, start_s=max(0, start) / _SR, end_s=(start + length) / _SR)
    y = np.pad(y, (silence, max(0, length - silence - len(y))))
    starts = np.round(np.arange(TILE_COLUMNS) * hop).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(y, n_fft)[starts]
    return _levels(_powers(frames))


def from_afar(coarse: np.ndarray, level: int, index: int) -> np.ndarray:
    """One tile's levels from the coarse map, uint8 [shape=(ROWS, TILE_COLUMNS)]."""
    step = 2 ** (_MAP_LEVEL - level)  # map columns in one of the tile
    part = coarse[:, index * TILE_COLUMNS * step : (index + 1) * TILE_COLUMNS * step]
    part = np.pad(part, ((0, 0), (0, TILE_COLUMNS * step - part.shape[1])))
    return part.reshape(ROWS, TILE_COLUMNS, step).mean(axis=2).astype(np.uint8)


def coarse_map(source: Path) -> np.ndarray:
    """The whole recording at four columns a second, uint8 [shape=(ROWS, n)]."""
    columns = [_levels(_powers(frames), pooled=_MAP_HOPS) for frames in _frames(source)]
    return np.concatenate(columns, axis=1) if columns else np.zeros((ROWS, 1), np.uint8)


def png(levels: np.ndarray) -> bytes:
    """Levels as a coloured picture."""
    from PIL import Image

    image = Image.fromarray(levels)
    image.putpalette(palette())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _read_or_make(cached: Path, source: Path) -> np.ndarray:
    if cached.is_file() and cached.stat().st_mtime >= source.stat().st_mtime:
        with np.load(cached) as file:
            return file["levels"]
    levels = coarse_map(source)
    with replacing(cached) as part:
        np.savez(part, levels=levels)
    return levels


def _frames(source: Path) -> Iterator[np.ndarray]:
    n_fft, hop = 4096, round(_SR / columns_per_s(_MAP_LEVEL)) // _MAP_HOPS
    kept = np.zeros(n_fft // 2, np.float32)
    for block in audio.stream(source, sr=_SR):
        kept = np.concatenate([kept, block])
        n = (len(kept) - n_fft) // hop // _MAP_HOPS * _MAP_HOPS
        if n > 0:
            yield np.lib.stride_tricks.sliding_window_view(kept, n_fft)[: n * hop : hop]
            kept = kept[n * hop :]


def _powers(frames: np.ndarray) -> np.ndarray:
    """Power in each row, 1 for a full-scale sine [shape=(n_frames, ROWS)]."""
    n_fft = frames.shape[1]
    window = np.hanning(n_fft).astype(np.float32)
    spectrum = np.fft.rfft(frames * window, axis=1)
    return (np.abs(spectrum) * (2 / window.sum())) ** 2 @ _rows(n_fft).T


def _levels(powers: np.ndarray, pooled: int = 1) -> np.ndarray:
    means = powers.reshape(-1, pooled, ROWS).mean(axis=1).T
    db = 10 * np.log10(np.maximum(means, 1e-12))
    share = (db - _FLOOR_DB) / (_CEILING_DB - _FLOOR_DB)
    return np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)[::-1]


@cache
def _rows(n_fft: int) -> np.ndarray:
    """Which bins each row listens to: a triangle as wide as a bin or two rows, the wider."""
    bins = np.fft.rfftfreq(n_fft, 1 / _SR)
    centres = np.geomspace(LOW_HZ, HIGH_HZ, ROWS)
    ratio = centres[1] / centres[0]
    width = np.maximum(centres * (ratio - 1), bins[1])
    reach = 1 - np.abs(bins[None] - centres[:, None]) / width[:, None]
    return np.maximum(reach, 0).astype(np.float32)


@cache
def palette() -> list[int]:
    """The colours of the strip, as red, green, blue of each of 256 levels."""
    stops = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in _COLOURS], float)
    at = np.linspace(0, len(_COLOURS) - 1, 256)
    return [
        round(value)
        for level in at
        for value in (np.interp(level, range(len(_COLOURS)), stops[:, i]) for i in range(3))
    ]
