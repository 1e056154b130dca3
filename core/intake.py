"""Stage 2, one file: hashed, decoded, copied into the workspace and described by its tags.

This is what a worker does for an import; the library is not touched here.
"""

import errno
import hashlib
import shutil
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from core.decoder import AUDIO_SUFFIXES, suffix_of
from core.errors import DownloadError, StudioError
from core.labels import artists_of
from core.playback import prepare
from core.records import Recording
from core.workspace import Workspace, replacing

Tell = Callable[[float, str], object]  # the share done, 0..1, and what is being done

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFull(DownloadError):
    """Nothing more can be brought in until there is space."""


@dataclass(frozen=True)
class Failure:
    """A file or link that was not brought in, and why."""

    what: str
    reason: str


class Imported(list[Recording]):
    """The recordings that are in the library now; `failed` is what is not."""

    def __init__(self, recordings: Iterable[Recording], failed: Iterable[Failure]):
        super().__init__(recordings)
        self.failed = tuple(failed)


@dataclass(frozen=True)
class Piece:
    """What a worker needs to prepare one file."""

    path: Path
    root: Path
    rights: str
    known: frozenset[str]  # ids that the library holds


def prepared(piece: Piece, tell: Tell | None = None) -> Recording | Failure:
    """Copy, decode and describe one file; runs in a process of its own."""
    path, workspace = piece.path, Workspace(piece.root)
    if path.exists() and not path.is_file():
        return Failure(str(path), "It is a pipe or a device. Give an audio file.")
    try:
        recording_id = f"file-{_digest(path)[:12]}"
        recording = _described(path, recording_id, piece.rights)  # first: it may be refused
        if recording_id in piece.known and is_complete(workspace, recording_id):
            return recording
        return replace(recording, duration_s=bring_in(path, workspace, recording_id, tell))
    except StudioError as error:
        return Failure(str(path), str(error))
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(
                f"The disk is full: {path.name!r} was not brought in. Free some space in "
                f"{piece.root} and run the import again; it goes on where it stopped."
            ) from error
        reason = f"It cannot be read: {error.strerror}. Check the file and try again."
        return Failure(str(path), reason)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_complete(workspace: Workspace, recording_id: str) -> bool:
    """Whether all three files of a recording are there."""
    try:
        workspace.audio(recording_id)
    except StudioError:
        return False
    return workspace.playback(recording_id).exists() and workspace.peaks(recording_id).exists()


def bring_in(
    path: Path,
    workspace: Workspace,
    recording_id: str,
    tell: Tell | None = None,
    *,
    moves: bool = False,
) -> float:
    """Write the three files of a recording, all or none; its true duration in seconds.

    `path` is copied, or moved if it `moves`.
    """
    playback, peaks = workspace.playback(recording_id), workspace.peaks(recording_id)
    with _all_or_nothing(playback, peaks):
        info = prepare(path, playback, peaks, tell)
        named = path.suffix.lower()
        suffix = named if named in AUDIO_SUFFIXES else suffix_of(info.format)
        with replacing(workspace.audio_target(recording_id, suffix)) as part:
            (shutil.move if moves else shutil.copyfile)(path, part)
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


def _described(path: Path, recording_id: str, rights: str) -> Recording:
    """The recording as its file's tags, else its name, tell; its length is not known yet."""
    from core.ffmpeg import tags

    said = {name: line(value) for name, value in tags(path).items()}
    name = line(path.name)
    album = said.get("album")
    return Recording(
        id=recording_id,
        title=said.get("title") or line(path.stem) or recording_id,
        duration_s=1.0,
        rights=rights,
        source=f"{name} ({album})" if album else name,
        composer=said.get("composer") or None,
        **artists_of(said.get("artist", "")),
    )


def line(text: str) -> str:
    """`text` on one line, without what cannot be printed.

    >>> line("two\\nlines\\x00")
    'two lines'
    """
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(printable.split())[:300]
