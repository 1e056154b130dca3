"""Stage 2, in comes the sound: files of one's own become recordings of the library.

    file --> audio/<id>.<ext>, playback/<id>.webm, peaks/<id>.u8 and a recording

The id is the hash of the content, so the same file is one recording wherever it lies and however
often it is imported; an import that was cut off is finished by running it again. One bad file never
stops the others.
"""

import errno
import hashlib
import logging
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from core.command import progress_bar, run
from core.decoder import AUDIO_SUFFIXES, suffix_of
from core.errors import DownloadError, StudioError
from core.executors import in_parallel, processors
from core.labels import Labels, artists_of
from core.library import Library
from core.playback import prepare
from core.records import RESTRICTED, Recording
from core.workspace import Workspace, replacing

logger = logging.getLogger(__name__)

Tell = Callable[[float, str], object]  # the share done, 0..1, and what is being done

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Failure:
    """A file that was not brought in, and why."""

    path: Path
    reason: str


class Imported(list[Recording]):
    """The recordings that are in the library now; `failed` are the files that are not."""

    def __init__(self, recordings: Iterable[Recording], failed: Iterable[Failure]):
        super().__init__(recordings)
        self.failed = tuple(failed)


@dataclass(frozen=True)
class Importer:
    """How files are brought in.

    `jobs` files are read at the same time, by processes of this machine or of the dask cluster at
    `scheduler`.
    """

    workspace: Workspace
    library: Library
    labels: Labels = field(default_factory=Labels)
    jobs: int = 0  # 0: as many as there are processors
    scheduler: str | None = None

    def run(self, paths: Sequence[Path], rights: str = RESTRICTED, tell: Tell | None = None):
        """Import files, and every audio file in folders; see `import_files`."""
        files, failed = found(paths)
        known = frozenset(recording.id for recording in self.library.recordings())
        pieces = [_Piece(path, self.workspace.root, rights, known) for path in files]
        recordings: dict[str, Recording] = {}

        def take(piece: "_Piece | None", result: "Recording | Failure | None") -> None:
            if isinstance(result, Failure):
                failed.append(result)
            elif isinstance(result, Recording):
                recordings[result.id] = self._added(result, piece)
            if tell and piece:
                done = len(recordings) + len(failed)
                tell(min(1.0, done / len(pieces)), f"brought in {piece.path.name}")

        self._work(pieces, take, tell)
        failed += self._unheard(files)
        return Imported(recordings.values(), failed)

    def _work(self, pieces: list["_Piece"], take: Callable, tell: Tell | None) -> None:
        if len(pieces) == 1 and not self.scheduler:
            take(pieces[0], _prepared(pieces[0], tell))
            return
        heard = set()

        def on_done(piece, result) -> None:
            heard.add(piece)
            take(piece, result)

        n_workers = min(self.jobs or processors(), max(1, len(pieces)))
        try:
            in_parallel(_prepared, pieces, (n_workers, self.scheduler), on_done)
        except BrokenProcessPool:
            reason = "The process that read it died. Import it alone, or convert it to FLAC."
            for piece in pieces:
                if piece not in heard:
                    take(piece, Failure(piece.path, reason))

    def _added(self, recording: Recording, piece: "_Piece") -> Recording:
        """Put it into the library, or say of what is there what is newly known."""
        key = self.labels.key(piece.path)
        if not self.library.has(recording.id):
            recording = self.labels.told(recording, key)
            self.library.add(recording)
            return recording
        known = self.library.recording(recording.id)
        if piece.rights != RESTRICTED:
            known = replace(known, rights=piece.rights)
        self.library.change(self.labels.told(known, key))
        return self.labels.told(known, key)

    def _unheard(self, files: list[Path]) -> list[Failure]:
        named = {self.labels.key(path) for path in files}
        reason = "The labels name it, but it is not among the files. Mend its name in the labels."
        return [Failure(Path(key), reason) for key in self.labels.rows if key not in named]


def import_files(
    paths: Sequence[Path],
    workspace: Workspace,
    library: Library,
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
        raise DownloadError(_summary(result.failed))
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
        )
        files += inside
        if not inside:
            failed.append(Failure(path, "No audio file in this folder. Choose another."))
    return list(dict.fromkeys(files)), failed


@dataclass(frozen=True)
class _Piece:
    """What a worker needs to prepare one file."""

    path: Path
    root: Path
    rights: str
    known: frozenset[str]  # ids that the library holds


def _prepared(piece: _Piece, tell: Tell | None = None) -> Recording | Failure:
    """Copy, decode and describe one file; runs in a process of its own."""
    path, workspace = piece.path, Workspace(piece.root)
    try:
        recording_id = f"file-{_digest(path)[:12]}"
        if recording_id in piece.known and _is_complete(workspace, recording_id):
            duration_s = 1.0  # the library knows
        else:
            duration_s = _brought_in(path, workspace, recording_id, tell)
        return _described(path, recording_id, duration_s, piece.rights)
    except StudioError as error:
        return Failure(path, str(error))
    except OSError as error:
        if error.errno in _FULL:
            raise DownloadError(
                f"The disk is full: {path.name!r} was not brought in. Free some space in "
                f"{piece.root} and run the import again; it goes on where it stopped."
            ) from error
        reason = f"It cannot be read: {error.strerror}. Check the file and try again."
        return Failure(path, reason)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_complete(workspace: Workspace, recording_id: str) -> bool:
    try:
        workspace.audio(recording_id)
    except StudioError:
        return False
    return workspace.playback(recording_id).exists() and workspace.peaks(recording_id).exists()


def _brought_in(path: Path, workspace: Workspace, recording_id: str, tell: Tell | None) -> float:
    """Write the three files of a recording; its duration. All three, or none."""
    playback, peaks = workspace.playback(recording_id), workspace.peaks(recording_id)
    with _all_or_nothing(playback, peaks):
        info = prepare(path, playback, peaks, tell)
        named = path.suffix.lower()
        suffix = named if named in AUDIO_SUFFIXES else suffix_of(info.format)
        with replacing(workspace.audio_target(recording_id, suffix)) as part:
            shutil.copyfile(path, part)
    return info.duration_s


@contextmanager
def _all_or_nothing(*targets: Path):
    new = [target for target in targets if not target.exists()]
    try:
        yield
    except BaseException:
        for target in new:
            target.unlink(missing_ok=True)
        raise


def _described(path: Path, recording_id: str, duration_s: float, rights: str) -> Recording:
    """The recording as its file's tags, else its name, tell."""
    from core.ffmpeg import tags

    said = {name: _line(value) for name, value in tags(path).items()}
    name = _line(path.name)
    album = said.get("album")
    return Recording(
        id=recording_id,
        title=said.get("title") or _line(path.stem) or recording_id,
        duration_s=duration_s,
        rights=rights,
        source=f"{name} ({album})" if album else name,
        composer=said.get("composer") or None,
        **artists_of(said.get("artist", "")),
    )


def _line(text: str) -> str:
    """`text` on one line, without what cannot be printed.

    >>> _line("two\\nlines\\x00")
    'two lines'
    """
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(printable.split())[:300]


def _summary(failed: Sequence[Failure]) -> str:
    reasons = "; ".join(f"{_line(each.path.name)}: {each.reason}" for each in failed)
    return f"Nothing was brought in. {reasons}"


def main(
    files: Annotated[tuple[Path, ...], tyro.conf.Positional],
    rights: str = RESTRICTED,
    labels: Path | None = None,
    workspace: Path | None = None,
    scheduler: str | None = None,
) -> None:
    """Bring audio files into the workspace.

    Parameters
    ----------
    files
        Files of any audio format, or folders of them.
    rights
        own, public-domain, a Creative Commons licence such as cc-by-4.0, or restricted.
    labels
        A CSV with a column `file` and any of title, artist, instrument, raga, tala, composer,
        composition, tonic_hz, rights.
    workspace
        Where everything is kept; by default $STUDIO_WORKSPACE, else workspace/.
    scheduler
        Address of a dask scheduler whose workers see the same files; else this machine's cores.
    """
    place = Workspace.at(workspace)
    table = Labels.read(labels) if labels else Labels()
    importer = Importer(place, Library.of(place), table, scheduler=scheduler)
    with progress_bar(1.0, "", "import") as bar:
        result = importer.run(files, rights, lambda share, _: bar.update(share - bar.n))
    for each in result.failed:
        logger.error("not brought in: %s: %s", _line(each.path.name), each.reason)
    if not result:
        raise DownloadError(_summary(result.failed))
    for recording in result:
        logger.info("%s  %.1f s  %s", recording.id, recording.duration_s, recording.title)


if __name__ == "__main__":
    run(main)
