"""Stage 7: clips handed over: one in the format someone wants, many with metadata as a zip."""

import csv
import io
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from core import audio
from core.errors import StudioError
from core.workspace import replacing
from training.clips import SavedClip, sidecar_of, tags

FORMATS = {"wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg"}
MOST = 500  # clips in a zip
TABLE = "metadata.csv"
SETTINGS = ("raga", "tala", "section", "tempo", "instrument", "tonic_hz", "seed", "steps")
SETTINGS += ("guidance_scale", "negative_prompt", "model", "lora", "lora_strength")


def in_format(saved: SavedClip, format: str) -> bytes:
    """A clip as a file of that format, its tags in it."""
    if format not in FORMATS:
        raise StudioError(f"No clip comes as {format!r}. Choose {', '.join(FORMATS)}.")
    y, sr = audio.load(saved.audio)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{format}"
        audio.write(path, y, sr, tags(saved))
        return path.read_bytes()


def zipped(chosen: Sequence[SavedClip], target: Path) -> Path:
    """Write the clips, their pictures and settings and a table of all into one zip."""
    if not chosen:
        raise StudioError("No clip is chosen. Change the filters until some are shown.")
    if len(chosen) > MOST:
        raise StudioError(f"{len(chosen)} clips are too many for one zip; filter to {MOST}.")
    with replacing(target) as part, zipfile.ZipFile(part, "w") as bundle:
        for saved in chosen:
            for path in (saved.audio, saved.picture, saved.source_picture):
                if path.is_file():
                    bundle.write(path, f"{saved.id}/{path.name}")
            bundle.writestr(f"{saved.id}/{saved.id}.json", sidecar_of(saved))
        bundle.writestr(TABLE, _table(chosen))
    return target


def _table(chosen: Sequence[SavedClip]) -> str:
    text = io.StringIO()
    rows = [_row(saved) for saved in chosen]
    table = csv.DictWriter(text, fieldnames=list(dict.fromkeys(key for row in rows for key in row)))
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def _row(saved: SavedClip) -> dict[str, object]:
    config = asdict(saved.config)
    known = {"file_name": f"{saved.id}/{saved.audio.name}", "text": saved.prompt}
    known |= {name: config[name] for name in SETTINGS}
    return (
        known
        | {"seconds": round(saved.duration_s, 3), "model_hash": saved.model_hash}
        | dict(sorted(saved.scores.items()))
    )
