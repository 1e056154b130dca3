"""Spectrogram tiles: a tone lies where its pitch and time say."""

import io

import numpy as np
import pytest
from PIL import Image

from core import audio
from core.errors import StudioError
from studio.editor.strip import (
    HIGH_HZ,
    LOW_HZ,
    ROWS,
    TILE_COLUMNS,
    Strips,
    close_up,
    coarse_map,
    columns_per_s,
    from_afar,
)

SR = 16_000
STEP_S = 8.0  # 250 Hz, then an octave up


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    t = np.arange(round(2 * STEP_S * SR)) / SR
    y = 0.3 * np.sin(2 * np.pi * np.where(t < STEP_S, 250.0, 500.0) * t)
    path = tmp_path_factory.mktemp("strip") / "tones.flac"
    audio.write(path, y.astype(np.float32), SR)
    return path


def row_of(hz: float) -> float:
    """Counted from the top."""
    return (ROWS - 1) * (1 - np.log(hz / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ))


@pytest.mark.parametrize("level", [8, 9, 10])
def test_close_up_a_tone_lies_on_its_row_and_changes_at_its_time(tones, level):
    levels = close_up(tones, level, 0)
    change = round(STEP_S * columns_per_s(level))
    assert levels.shape == (ROWS, TILE_COLUMNS)
    assert levels[:, change - 10].argmax() == pytest.approx(row_of(250), abs=1)
    if change + 10 < TILE_COLUMNS:
        assert levels[:, change + 10].argmax() == pytest.approx(row_of(500), abs=1)


def test_each_tile_goes_on_where_the_one_before_ended(tones):
    level = 11  # 8 s a tile: the second begins where the tone changes
    first, second = close_up(tones, level, 0), close_up(tones, level, 1)
    assert first[:, -20].argmax() == pytest.approx(row_of(250), abs=1)
    assert second[:, 20].argmax() == pytest.approx(row_of(500), abs=1)


def test_after_the_end_there_is_silence(tones):
    assert close_up(tones, 10, 1)[:, 20:].max() == 0  # from 16 s, where the tones end


def test_from_afar_the_same_picture_is_smaller(tones):
    coarse = coarse_map(tones)
    assert coarse.shape[1] / columns_per_s(7) == pytest.approx(2 * STEP_S, abs=0.5)
    half = from_afar(coarse, 6, 0)
    before, after = round(4 * columns_per_s(6)), round(12 * columns_per_s(6))
    assert half[:, before].argmax() == pytest.approx(row_of(250), abs=1)
    assert half[:, after].argmax() == pytest.approx(row_of(500), abs=1)
    assert half[:, 200:].max() == 0  # beyond the end


def test_a_tile_is_a_png_and_its_map_is_kept(tones, workspace):
    audio.prepare(tones, workspace.playback("file-1"), workspace.peaks("file-1"))
    strips = Strips(workspace)
    tile = None
    while tile is None:  # the map is made in the background
        tile = strips.tile("file-1", 5, 0)
    assert Image.open(io.BytesIO(tile)).size == (TILE_COLUMNS, ROWS)
    assert workspace.features("file-1", "strip").is_file()
    assert Strips(workspace).tile("file-1", 5, 0) == tile


@pytest.mark.parametrize(("level", "index"), [(15, 0), (-1, 0), (3, -1)])
def test_tiles_that_cannot_be_are_refused(workspace, level, index):
    with pytest.raises(StudioError, match="No tile"):
        Strips(workspace).tile("file-1", level, index)
