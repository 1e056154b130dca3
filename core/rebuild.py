"""Stage 5, backwards: a released dataset made whole again from one's own copies of the recordings.

The release names every withheld clip with its times and the hash of its picture. Whoever has the
recordings in a workspace draws them again; each picture is compared with its hash, and where a copy
differs (another upload, another encoder) that is said, not hidden.
"""

import json
import logging
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from core.datacard import WITHHELD, about_of, read_manifest
from core.errors import DatasetError, LibraryError
from core.export import Progress, finish, put_in_place
from core.metadata import Row
from core.publish import clips_in
from core.shards import Cut, Shard, hash_of, stretches, work
from core.spectrogram import codec_from
from core.workspace import Workspace

log = logging.getLogger(__name__)


def rebuild(
    card: Path, workspace: Workspace, progress: Progress | None = None, overwrite: bool = False
) -> Path:
    """Make the dataset whose release lies beside `card`, whole, in the workspace.

    Raises
    ------
    DatasetError
        If recordings are missing; the message names them and where they came from.
    """
    released = card.parent if card.is_file() else card
    manifest = read_manifest(released)
    about = about_of(manifest)
    target = workspace.dataset(about.name)
    if target.exists() and not overwrite:
        raise DatasetError(
            f"There is a dataset {about.name!r} already. Rename it, or replace it with --overwrite."
        )
    missing = _withheld(released)
    audio = _audio_of(missing, workspace)
    building = target.with_name(f".part-rebuild-{target.name}")
    shutil.rmtree(building, ignore_errors=True)
    try:
        rows = _copied(released, about.config["format"], building)
        changed = _drawn(building, missing, audio, about, progress)
        for row in missing:
            row.pop("sha256")
            rows[str(row.pop("split"))].append(row)
        if changed:
            note = f"{changed} clips differ from the released ones: the recordings differ."
            about = replace(about, notes=(*about.notes, note))
            log.warning(note)
        finish(building, about, rows)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    put_in_place(building, target)
    return target


def _withheld(released: Path) -> list[Row]:
    path = released / WITHHELD
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _audio_of(missing: list[Row], workspace: Workspace) -> dict[str, Path]:
    """The audio of every recording that is needed."""
    audio, lacking = {}, {}
    for row in missing:
        recording_id = str(row["recording_id"])
        try:
            audio[recording_id] = workspace.audio(recording_id)
        except LibraryError:
            lacking[recording_id] = row["source"]
    if lacking:
        named = ", ".join(f"{key} ({source})" for key, source in lacking.items())
        raise DatasetError(
            f"To rebuild it, these recordings are needed in the workspace: {named}. Bring them in "
            "with python -m core.download."
        )
    return audio


def _copied(released: Path, layout: str, building: Path) -> dict[str, list[Row]]:
    """Take over what the release holds."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for split, row, content in clips_in(released, layout):
        name = Path(str(row["file_name"])).name
        (building / split).mkdir(parents=True, exist_ok=True)
        (building / split / name).write_bytes(content)
        rows[split].append(row | {"file_name": name})
    return rows


def _drawn(
    building: Path, missing: list[Row], audio: dict[str, Path], about, progress: Progress | None
) -> int:
    """Draw the withheld clips; return how many are not what they were."""
    by_recording: dict[str, list[Row]] = defaultdict(list)
    for row in missing:
        by_recording[str(row["recording_id"])].append(row)
    changed = done = 0
    for recording_id, rows in by_recording.items():
        hashes = {f"{row['split']}/{row['file_name']}": row["sha256"] for row in rows}
        codec = codec_from({**about.codec, "tonic_hz": rows[0].get("tonic_hz")})
        cuts = (Cut(f"{row['split']}/{row['file_name']}", float(row["start_s"])) for row in rows)
        for some in stretches(cuts):
            work(Shard(recording_id, audio[recording_id], codec, some, building, floor_db=None))
            changed += sum(hash_of(building / c.file_name) != hashes[c.file_name] for c in some)
            done += len(some)
            if progress:
                progress(done, len(missing), recording_id)
    shutil.rmtree(building / ".rows", ignore_errors=True)
    return changed
