"""Stage 5: export captioned spectrograms as a dataset folder that every tool opens.

    datasets/<name>/{train,validation,test}/{*.png, metadata.jsonl}  README.md  manifest.json

`clips.plan` decides, `shards.work` draws, one recording at a time; here the folder is put together
under a temporary name and gets its own name when it is whole.
"""

import hashlib
import logging
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from core.clips import Clip, Plan, plan, row_of
from core.datacard import About, read_manifest, settings_of, write_card, write_manifest
from core.duplicates import find_duplicates, known_duplicates
from core.errors import DatasetError
from core.executors import in_parallel, processors
from core.formats import arrange, suffix_of
from core.listening import Tick, hear_segments, with_tonics
from core.metadata import Row
from core.recipe import ExportConfig, codec_of
from core.shards import Cut, Shard, stretches, work
from core.workspace import Workspace

__all__ = ["ExportConfig", "Plan", "export", "main", "preview"]

log = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]  # clips done, clips in all, what is at work

WORTH_PROCESSES = 160  # clips; starting processes takes as long as drawing some hundred


class Cancel(Protocol):
    """What says "stop", such as a `threading.Event`."""

    def is_set(self) -> bool: ...


class ExportCancelled(DatasetError):
    """The export was stopped by its user; nothing of it is left."""


def preview(config: ExportConfig, workspace: Workspace, library) -> Plan:
    """What `export` would make, without reading or writing any audio.

    The same audio in two recordings is known here only if an earlier export listened to both.
    """
    kept = _kept_splits(config, workspace)
    decided = plan(config, workspace, library, kept)
    same = known_duplicates(_to_compare(decided), workspace)
    return plan(config, workspace, library, kept, same) if same else decided


def export(
    config: ExportConfig,
    workspace: Workspace,
    library,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Path:
    """Make the dataset folder and return it.

    An export that was killed goes on where it was when it is asked for again.

    Raises
    ------
    DatasetError
        If nothing would come out, the name is taken, a tonic is missing or the disk is full.
        Nothing half-written is left behind.
    """
    target = workspace.dataset(config.name)
    decided = preview(config, workspace, library)
    tick = _ticker(decided, progress, cancel)
    tick("", 0)
    to_compare = _to_compare(decided)
    news = find_duplicates(to_compare, workspace, config, lambda each: tick(each, 0))
    if config.measure or config.max_mridangam is not None:
        news |= hear_segments(decided, workspace, tick)
    if news:
        decided = preview(config, workspace, library)
    decided = with_tonics(decided, workspace)
    building = _building(target, decided, workspace)
    try:
        _fill(building, decided, workspace, tick)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    put_in_place(building, target)
    return target


def _to_compare(decided: Plan) -> list[str]:
    """The recordings that could straddle splits: none if there is one split only."""
    if not decided.config.find_duplicates or len(set(decided.splits.of.values())) < 2:
        return []
    return sorted(decided.splits.of)


def _kept_splits(config: ExportConfig, workspace: Workspace) -> dict[str, str] | None:
    """The splits of the dataset that this one replaces."""
    target = workspace.dataset(config.name)
    if not target.exists():
        return None
    if not config.overwrite:
        raise DatasetError(
            f"There is a dataset {config.name!r} already. Choose another name, or replace it with "
            "--overwrite."
        )
    return read_manifest(target).get("splits") if (target / "manifest.json").exists() else None


def _building(target: Path, decided: Plan, workspace: Workspace) -> Path:
    """The folder an export grows in: the same for the same plan and audio, so it can go on."""
    sources = sorted({clip.recording.id for clip in decided.clips})
    stats = [workspace.audio(each).stat() for each in sources]
    seen = (decided, [(stat.st_size, stat.st_mtime_ns) for stat in stats])
    digest = hashlib.sha256(repr(seen).encode()).hexdigest()[:12]
    building = target.with_name(f".part-{digest}-{target.name}")
    for other in target.parent.glob(f".part-*-{target.name}"):
        if other != building:  # of a plan that is no longer wanted
            shutil.rmtree(other, ignore_errors=True)
    building.mkdir(parents=True, exist_ok=True)
    return building


def _ticker(decided: Plan, progress: Progress | None, cancel: Cancel | None) -> Tick:
    done = 0

    def tick(recording_id: str, n_clips: int) -> None:
        nonlocal done
        if cancel is not None and cancel.is_set():
            raise ExportCancelled("The export was cancelled. Nothing of it is left.")
        done += n_clips
        if progress is not None and (n_clips or not done):
            progress(done, len(decided.clips), recording_id)

    return tick


def _fill(building: Path, decided: Plan, workspace: Workspace, tick: Tick) -> None:
    """Write everything a finished dataset has."""
    suffix = suffix_of(decided.config.format)
    by_file = {f"{clip.split}/{clip.stem}{suffix}": clip for clip in decided.clips}
    shards = list(_shards(building, decided, workspace))
    rows: dict[str, list[Row]] = defaultdict(list)
    for measured in _measured(shards, decided.config, tick):
        clip = by_file[measured["file_name"]]
        if "sha256" in measured:
            rows[clip.split].append(row_of(clip, measured))
    quiet = len(by_file) - sum(map(len, rows.values()))
    if quiet:
        note = f"{quiet} clips are quieter than {decided.config.floor_db:g} dB and left out."
        if not rows:
            raise DatasetError(f"Nothing to export: {note} Lower --floor-db, or check the audio.")
        decided = replace(decided, notes=(*decided.notes, note))
    shutil.rmtree(building / ".rows")
    _describe(building, decided, rows)


def _describe(building: Path, decided: Plan, rows: dict[str, list[Row]]) -> None:
    codec = codec_of(decided.config, decided.clips[0].recording.tonic_hz).parameters()
    codec.pop("tonic_hz")  # each recording has its own
    about = About(settings_of(decided.config), codec, decided.splits.of, decided.notes)
    finish(building, about, rows)


def finish(building: Path, about: About, rows: Mapping[str, Sequence[Row]]) -> None:
    """Write all that stands beside the clips; the manifest comes last."""
    arrange(building, about.config["format"], rows)
    write_card(building, about, rows)
    write_manifest(building, about, rows)


def _shards(building: Path, decided: Plan, workspace: Workspace) -> Iterator[Shard]:
    """The work, in pieces."""
    by_recording: dict[str, list[Clip]] = defaultdict(list)
    for clip in decided.clips:
        by_recording[clip.recording.id].append(clip)
    suffix = suffix_of(decided.config.format)
    for recording_id, clips in by_recording.items():
        codec = codec_of(decided.config, clips[0].recording.tonic_hz)
        cuts = (Cut(f"{clip.split}/{clip.stem}{suffix}", clip.start_s) for clip in clips)
        for some in stretches(cuts):
            sound, floor_db = workspace.audio(recording_id), decided.config.floor_db
            yield Shard(recording_id, sound, codec, some, building, floor_db)


def _measured(shards: list[Shard], config: ExportConfig, tick: Tick) -> Iterator[dict]:
    """Do all the work; the rows come in the order of the shards."""
    n_workers = min(config.workers or processors(), len(shards))
    n_clips = sum(len(shard.cuts) for shard in shards)
    if config.scheduler or (n_workers > 1 and n_clips >= WORTH_PROCESSES):

        def on_done(shard: Shard | None, rows: list[dict] | None) -> None:
            tick(shard.recording_id if shard else "", len(rows or ()))

        for rows in in_parallel(work, shards, (n_workers, config.scheduler), on_done):
            yield from rows
        return
    for shard in shards:
        yield from _here(shard, tick)


def _here(shard: Shard, tick: Tick) -> list[dict]:
    n_done = 0

    def on_clip() -> None:
        nonlocal n_done
        n_done += 1
        tick(shard.recording_id, 1)

    rows = work(shard, on_clip)
    tick(shard.recording_id, len(rows) - n_done)  # those of an earlier, interrupted export
    return rows


def put_in_place(building: Path, target: Path) -> None:
    """Give a finished folder its name; an earlier one goes when that has succeeded."""
    with _aside(target):
        os.replace(building, target)


@contextmanager
def _aside(target: Path) -> Iterator[None]:
    """Keep an earlier dataset until the new one has its place."""
    earlier = target.with_name(f".part-old-{target.name}")
    if target.exists():
        os.replace(target, earlier)
    try:
        yield
    except OSError:
        if earlier.exists():
            os.replace(earlier, target)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def main(config: ExportConfig, workspace: Path | None = None, rebuild: Path | None = None) -> None:
    """Export captioned spectrograms of the library's segments as a dataset folder.

    Args:
        config: what goes into the dataset.
        rebuild: make a released dataset whole again instead: its card, README.md.
        workspace: the folder that holds everything; $STUDIO_WORKSPACE or workspace/ if not given.
    """
    from core.command import progress_bar
    from core.library import Library
    from core.rebuild import rebuild as rebuilt

    place = Workspace.at(workspace)
    bar = progress_bar(0, "clip", config.name)

    def show(done: int, total: int, message: str) -> None:
        bar.total = total
        bar.set_postfix_str(message, refresh=False)
        bar.update(done - bar.n)

    with bar:
        if rebuild:
            folder = rebuilt(rebuild, place, show, config.overwrite)
        else:
            folder = export(config, place, Library.of(place), show)
    manifest = read_manifest(folder)
    for note in manifest["notes"]:
        log.info(note)
    log.info("%s in %s", manifest["clips"], folder)


if __name__ == "__main__":
    from tyro.conf import OmitArgPrefixes, configure

    from core.command import run

    run(configure(OmitArgPrefixes)(main))
