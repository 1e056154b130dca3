"""Stage 2, in comes the sound: files of one's own, and videos, become recordings of the library.

    file --> audio/<id>.<ext>, playback/<id>.webm, peaks/<id>.u8 and a recording

The id is the hash of the content, so the same file is one recording wherever it lies and however
often it is imported; an import that was cut off is finished by running it again. One bad file never
stops the others.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from core.command import run, told
from core.decoder import AUDIO_SUFFIXES
from core.errors import DownloadError
from core.executors import in_parallel, processors
from core.intake import Failure, Imported, Piece, Tell, line, prepared
from core.labels import Labels
from core.records import RESTRICTED, Recording
from core.saraga import add_sections, is_stem, notes_beside
from core.workspace import Workspace

if TYPE_CHECKING:  # the database is loaded only by those who open it, not by every worker
    from core.library import Library

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Importer:
    """How files are brought in.

    `jobs` files are read at the same time, by processes of this machine or of the dask cluster at
    `scheduler`.
    """

    workspace: Workspace
    library: "Library"
    labels: Labels = field(default_factory=Labels)
    jobs: int = 0  # 0: as many as there are processors
    scheduler: str | None = None

    def run(
        self, paths: Sequence[Path], rights: str = RESTRICTED, tell: Tell | None = None
    ) -> Imported:
        """Import files, and every audio file in folders; see `import_files`."""
        files, failed = found(paths)
        known = frozenset(recording.id for recording in self.library.recordings())
        pieces = [Piece(path, self.workspace.root, rights, known) for path in files]
        recordings: dict[str, Recording] = {}
        n_done = 0

        def take(piece: Piece | None, result: Recording | Failure | None) -> None:
            nonlocal n_done
            n_done += piece is not None
            if isinstance(result, Failure):
                failed.append(result)
            elif isinstance(result, Recording):
                recordings[result.id] = self._added(result, piece, failed)
            if tell and piece:
                tell(n_done / len(pieces), f"read {line(piece.path.name)}")

        self._work(pieces, take, tell)
        failed += self._unheard(files)
        return Imported(recordings.values(), failed)

    def _work(self, pieces: list[Piece], take: Callable, tell: Tell | None) -> None:
        n_workers = min(self.jobs or processors(), len(pieces))
        if n_workers <= 1 and not self.scheduler:
            for piece in pieces:
                take(piece, prepared(piece, tell if len(pieces) == 1 else None))
            return
        heard = set()

        def on_done(piece, result) -> None:
            heard.add(piece)
            take(piece, result)

        try:
            in_parallel(prepared, pieces, (n_workers, self.scheduler), on_done)
        except BrokenProcessPool:
            reason = "The process that read it died. Import it alone, or convert it to FLAC."
            for piece in pieces:
                if piece not in heard:
                    take(piece, Failure(str(piece.path), reason))

    def _added(self, recording: Recording, piece: Piece, failed: list[Failure]) -> Recording:
        """Put it into the library, or say of what is there what is newly known."""
        key = self.labels.key(piece.path)
        notes = notes_beside(piece.path)
        failed.extend(notes.failed if notes else ())
        if not self.library.has(recording.id):
            recording = replace(recording, **(notes.said if notes else {}))
            recording = self.labels.told(recording, key)
            self.library.add(recording)
        else:
            recording = self.library.recording(recording.id)
            if piece.rights != RESTRICTED:
                recording = replace(recording, rights=piece.rights)
            recording = self.labels.told(recording, key)
            self.library.change(recording)
        if notes:
            add_sections(self.library, recording, notes.sections)
        return recording

    def _unheard(self, files: list[Path]) -> list[Failure]:
        named = {self.labels.key(path) for path in files}
        reason = "The labels name it, but it is not among the files. Mend its name in the labels."
        return [Failure(key, reason) for key in self.labels.rows if key not in named]


def import_files(
    paths: Sequence[Path],
    workspace: Workspace,
    library: "Library",
    *,
    rights: str = RESTRICTED,
    progress: Tell | None = None,
) -> Imported:
    """Bring files, and every audio file in folders, into a workspace and its library.

    Raises
    ------
    DownloadError
        If none could be brought in, or the disk is full.
    """
    result = Importer(workspace, library).run(paths, rights, progress)
    if not result:
        raise DownloadError(summary(result.failed))
    return result


def found(paths: Iterable[Path]) -> tuple[list[Path], list[Failure]]:
    """The files that `paths` mean: those named, and in folders those that are named like audio."""
    files, failed = [], []
    for path in map(Path, paths):
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(
            each
            for each in path.rglob("*")
            if each.suffix.lower() in AUDIO_SUFFIXES
            and not each.name.startswith(".")
            and each.is_file()
            and not is_stem(each)
        )
        files += inside
        if not inside:
            failed.append(Failure(str(path), "No audio file in this folder. Choose another."))
    return list(dict.fromkeys(files)), failed


def summary(failed: Sequence[Failure]) -> str:
    """Why nothing came in."""
    reasons = "; ".join(f"{line(Path(each.what).name)}: {each.reason}" for each in failed)
    return f"Nothing was brought in. {reasons}"


def main(
    files: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    rights: str = RESTRICTED,
    labels: Path | None = None,
    rows: Path | None = None,
    workspace: Path | None = None,
    scheduler: str | None = None,
) -> None:
    """Bring audio files or YouTube videos into the workspace.

    Parameters
    ----------
    files
        Files of any audio format, folders of them, or links to videos.
    rights
        own, public-domain, a Creative Commons licence such as cc-by-4.0, or restricted. Of videos
        it is always restricted.
    labels
        A CSV with a column `file` and any of title, artist, instrument, raga, tala, composer,
        composition, tonic_hz, rights.
    rows
        A CSV of the catalogue's rows, as python -m core.catalog --out writes it: their videos are
        fetched, and timed rows become drafts of segments.
    workspace
        Where everything is kept; by default $STUDIO_WORKSPACE, else workspace/.
    scheduler
        Address of a dask scheduler whose workers see the same files; else this machine's cores.
    """
    from core.catalog_orders import orders_of, read_rows
    from core.library import Library
    from core.youtube import Downloader, is_link

    if not files and rows is None:
        raise DownloadError("Nothing was named. Give audio files, folders or links to videos.")
    place = Workspace.at(workspace)
    library = Library.of(place)
    table = Labels.read(labels) if labels else Labels()
    links = [each for each in files if is_link(each)]
    wanted = [*links, *orders_of(read_rows(rows) if rows else ())]
    paths = [Path(each) for each in files if not is_link(each)]
    results: list[Imported] = []
    if paths:
        with told("import") as tell:
            importer = Importer(place, library, table, scheduler=scheduler)
            results.append(importer.run(paths, rights, tell))
    if wanted:
        with told("download") as tell:
            results.append(Downloader(place, library).run(wanted, tell))
    _report(results)


def _report(results: Sequence[Imported]) -> None:
    failed = [each for result in results for each in result.failed]
    for each in failed:
        logger.error("not brought in: %s: %s", line(Path(each.what).name), each.reason)
    if not any(results) and len(failed) > 1:
        raise DownloadError(f"Nothing was brought in: each of {len(failed)} for the reason above.")
    if not any(results):
        raise DownloadError(summary(failed))
    for result in results:
        for recording in result:
            logger.info("%s  %.1f s  %s", recording.id, recording.duration_s, recording.title)


if __name__ == "__main__":
    run(main)
