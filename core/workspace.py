"""Where every file lives: the only module that knows paths.

    studio.db   catalog/   downloads/   audio/<recording id>.<ext>   playback/<recording id>.webm
    peaks/<recording id>.u8   features/   models/   templates/
    datasets/<name>/{train,validation,test}/{*.png, metadata.jsonl}  README.md  manifest.json
    runs/<run id>/{config.json, command.json, log.txt, metrics.jsonl, status.json, ...}
    clips/<clip id>.flac + <clip id>.json

A big file is written under a temporary name and renamed (`replacing`), so what has its final name
is whole. A folder that takes many writes gets its manifest last: a manifest means "complete".
"""

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import LibraryError, StudioError

PROJECT = Path(__file__).resolve().parent.parent
ASSETS = PROJECT / "assets"
DEMO_MODEL = ASSETS / "model"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_PART = ".part-"  # a leftover of a killed process starts like this and may be swept


@dataclass(frozen=True)
class Workspace:
    """One folder that holds everything a user makes."""

    root: Path

    @classmethod
    def at(cls, root: Path | None = None) -> "Workspace":
        """The workspace at `root`, else $STUDIO_WORKSPACE, else beside app.py; made if absent."""
        root = Path(root or os.environ.get("STUDIO_WORKSPACE") or PROJECT / "workspace").resolve()
        root.mkdir(parents=True, exist_ok=True)
        return cls(root)

    @property
    def database_url(self) -> str:
        """$DATABASE_URL, else SQLite in the workspace."""
        return os.environ.get("DATABASE_URL") or f"sqlite:///{self.root / 'studio.db'}"

    def audio(self, recording_id: str) -> Path:
        """The recording's audio file, whatever its format."""
        folder = self._folder("audio")
        found = [
            path
            for path in folder.glob(f"{checked_name(recording_id)}.*")
            if path.stem == recording_id and path.suffix != ".json"
        ]
        if not found:
            raise LibraryError(
                f"No audio for {recording_id!r} in {folder}. Import or download it again."
            )
        return found[0]

    def audio_target(self, recording_id: str, suffix: str) -> Path:
        """Where the recording's audio is to be written; `suffix` as in ".flac"."""
        return self._folder("audio") / f"{checked_name(recording_id)}{suffix}"

    def downloads(self) -> Path:
        """Where downloads grow until they are whole; what is cut off goes on from here."""
        return self._folder("downloads")

    def catalog(self) -> Path:
        """Pages of the concert catalogue that were fetched before."""
        return self._folder("catalog")

    def playback(self, recording_id: str) -> Path:
        """The copy a browser plays: Opus in WebM, which seeks exactly."""
        return self._folder("playback") / f"{checked_name(recording_id)}.webm"

    def peaks(self, recording_id: str) -> Path:
        """The waveform picture's data: one unsigned byte per bin, whole recording."""
        return self._folder("peaks") / f"{checked_name(recording_id)}.u8"

    def features(self, recording_id: str, kind: str) -> Path:
        """Cached features of one kind ("f0", "segmentation", ...), as .npz."""
        return self._folder("features") / f"{checked_name(recording_id)}.{checked_name(kind)}.npz"

    def models(self) -> Path:
        """Models learned in this workspace (segmentation, raga)."""
        return self._folder("models")

    def templates(self) -> Path:
        """Caption templates a user saved."""
        return self._folder("templates")

    def captions(self) -> Path:
        """Captions written by hand: one line for each edit, the newest holds."""
        return self.root / "captions.jsonl"

    def datasets(self) -> Path:
        """The folder of all exported datasets."""
        return self._folder("datasets")

    def dataset(self, name: str) -> Path:
        """One exported dataset."""
        return self.datasets() / checked_name(name)

    def runs(self) -> Path:
        """The folder of all training runs."""
        return self._folder("runs")

    def run(self, run_id: str) -> Path:
        """One training run."""
        return self.runs() / checked_name(run_id)

    def clips(self) -> Path:
        """The folder of generated clips."""
        return self._folder("clips")

    def clip(self, clip_id: str) -> Path:
        """One generated clip's audio; its sidecar has the suffix .json."""
        return self.clips() / f"{checked_name(clip_id)}.flac"

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def checked_name(name: str) -> str:
    """`name` if it is safe as a file name.

    >>> checked_name("run-3")
    'run-3'
    """
    if not _NAME.fullmatch(name):
        raise StudioError(
            f"{name!r} cannot be a name. Use 1 to 100 letters a-z, digits, '-', '_' and '.', "
            "starting with a letter or a digit."
        )
    return name


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary sibling of `path` (same suffix) that takes its name if all goes well.

    Works for a file or a folder; on any error, and on a full disk, nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{_PART}{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        yield part
        if path.is_dir() and part.is_dir():
            shutil.rmtree(path)
        os.replace(part, path)
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)
