"""Stage 7: the clips made so far, each beside every setting needed to make it again.

    <clip id>.flac    what is heard            <clip id>.png    its spectrogram
    <clip id>.json    the sidecar, written last: a clip without one is not there
    <clip id>.source.png    what it varies or continues, if anything

The workspace's clips and the few that are shipped (as .mp3, their spectrograms drawn when asked
for) are listed as one gallery. No torch here: the gallery plays before any model is loaded.
"""

import hashlib
import logging
import os
import re
import tempfile
import time
import uuid
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core import theory
from core.errors import StudioError
from core.workspace import ASSETS, Workspace, checked_name, replacing
from training.wish import GenerateConfig

if TYPE_CHECKING:
    import numpy as np

    from core.spectrogram import Codec

log = logging.getLogger(__name__)

SHIPPED = ASSETS / "clips"
PER_PAGE = 12
SOUNDS = (".flac", ".mp3")


@dataclass(frozen=True)
class Clip:
    """What a model sang.

    Attributes
    ----------
    y : np.ndarray [shape=(n_samples,), float32, -1..1]
    image : np.ndarray [shape=(n_rows, n_frames), uint8]
        The spectrogram it was decoded from, for `codec`.
    config : GenerateConfig
        With every name resolved.
    notes : tuple of str
        What the listener should know, in sentences.
    source : np.ndarray [shape=(n_rows, n_source_columns), uint8], optional
        The picture it varies or continues.
    """

    y: "np.ndarray"
    sr: int
    image: "np.ndarray"
    codec: "Codec"
    config: GenerateConfig
    prompt: str
    model_hash: str
    notes: tuple[str, ...] = ()
    source: "np.ndarray | None" = None


@dataclass(frozen=True)
class SavedClip:
    """A clip on disk, as its sidecar tells it."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str
    made: float  # seconds since 1970
    config: GenerateConfig
    prompt: str
    model_hash: str
    duration_s: float
    notes: tuple[str, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    maker: str = ""  # who may delete it, by `maker_of`; empty where nobody said
    folder: Path = field(default=Path(), compare=False)  # where it was found; not in the sidecar

    @property
    def audio(self) -> Path:
        """The sound."""
        named = [self.folder / f"{self.id}{suffix}" for suffix in SOUNDS]
        return next((path for path in named if path.is_file()), named[0])

    @property
    def picture(self) -> Path:
        """The spectrogram, which holds what decoding it needs."""
        return self.folder / f"{self.id}.png"

    @property
    def source_picture(self) -> Path:
        """The spectrogram it began from, if it began from one."""
        return self.folder / f"{self.id}.source.png"

    @property
    def is_shipped(self) -> bool:
        """Whether it came with the studio, hence cannot be deleted."""
        return self.folder == SHIPPED


def save(
    clip: Clip, workspace: Workspace, scores: dict[str, float] | None = None, maker: str = ""
) -> str:
    """Keep a clip with its picture and its sidecar; return its id."""
    from core import audio
    from core.spectrogram import write_image

    saved = SavedClip(
        id=_new_id(clip.config),
        made=time.time(),
        config=clip.config,
        prompt=clip.prompt,
        model_hash=clip.model_hash,
        duration_s=len(clip.y) / clip.sr,
        notes=clip.notes,
        scores=scores or {},
        maker=maker,
    )
    target = workspace.clip(saved.id).parent
    with tempfile.TemporaryDirectory(dir=target, prefix=".part-") as part:
        building = replace(saved, folder=Path(part))
        audio.write(building.audio, clip.y, clip.sr, tags(saved))
        write_image(building.picture, clip.image, clip.codec)
        if clip.source is not None:
            write_image(building.source_picture, clip.source, clip.codec)
        sidecar = Path(part) / f"{saved.id}.json"
        sidecar.write_bytes(sidecar_of(saved))
        for path in (building.audio, building.picture, building.source_picture, sidecar):
            if path.exists():
                os.replace(path, target / path.name)
    return saved.id


def sidecar_of(saved: SavedClip) -> bytes:
    """The sidecar of a clip, as it is written."""
    from pydantic import TypeAdapter

    return TypeAdapter(SavedClip).dump_json(saved, indent=1, exclude={"folder"})


def maker_of(token: str | None) -> str:
    """What a sidecar says of who made the clip: nobody can tell the token from it."""
    return hashlib.sha256(token.encode()).hexdigest()[:16] if token else ""


def claim(workspace: Workspace, clip_id: str, token: str | None) -> None:
    """Say who made a clip, if nobody has yet."""
    found = clip(workspace, clip_id)
    if found.maker or found.is_shipped or not token:
        return
    with replacing(found.folder / f"{found.id}.json") as part:
        part.write_bytes(sidecar_of(replace(found, maker=maker_of(token))))


def tags(clip: Clip | SavedClip) -> dict[str, str]:
    """What a player shows of the clip."""
    said = {
        "title": clip.prompt,
        "artist": f"Carnatic Riffusion Studio ({Path(clip.config.model).name})",
        "genre": "Carnatic",
        "comment": f"Generated, seed {clip.config.seed}",
    }
    return {name: text for name, text in said.items() if text}


def clips(
    workspace: Workspace,
    raga: str | None = None,
    tala: str | None = None,
    section: str | None = None,
    model: str | None = None,
    only: Container[str] | None = None,
) -> list[SavedClip]:
    """The clips of the workspace and those shipped, newest first; names in any spelling.

    `only` holds the ids to choose from, such as someone's favourites.
    """
    wanted = {
        "raga": theory.raga(raga).name if raga else None,
        "tala": theory.tala(tala).name if tala else None,
        "section": theory.section(section) if section else None,
        "model": model,
    }
    wanted = {what: name for what, name in wanted.items() if name}
    found = [*_in(workspace.clips()), *_in(SHIPPED)]
    fitting = [
        each
        for each in found
        if (only is None or each.id in only)
        and all(getattr(each.config, what) == name for what, name in wanted.items())
    ]
    return sorted(fitting, key=lambda each: each.made, reverse=True)


def page_of(found: list[SavedClip], page: int = 1, per_page: int = PER_PAGE) -> list[SavedClip]:
    """One page of a list, the first being 1; beyond the last there is nothing."""
    return found[max(0, page - 1) * per_page : max(0, page) * per_page]


def clip(workspace: Workspace, clip_id: str) -> SavedClip:
    """One clip by its id, of the workspace or shipped."""
    for folder in (workspace.clips(), SHIPPED):
        sidecar = folder / f"{checked_name(clip_id)}.json"
        if sidecar.is_file():
            return read(sidecar)
    raise StudioError(f"No clip {clip_id!r}. It may have been deleted; choose another.")


def read(sidecar: Path) -> SavedClip:
    """A clip as its sidecar tells it."""
    from pydantic import TypeAdapter, ValidationError

    try:
        said = TypeAdapter(dict[str, Any]).validate_json(sidecar.read_bytes())
        if isinstance(said.get("config"), dict):
            for guide in ("tala_guide", "raga_guidance"):  # drawn before there was one
                said["config"].setdefault(guide, 0.0)
        saved = TypeAdapter(SavedClip).validate_python(said)
    except OSError as error:
        raise StudioError(f"{sidecar} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise StudioError(f"{sidecar}: {where}: {first['msg']}. Mend or delete it.") from error
    return replace(saved, folder=sidecar.parent)


def delete(workspace: Workspace, clip_id: str) -> None:
    """Remove a clip of the workspace; a shipped one stays."""
    found = clip(workspace, clip_id)
    if found.is_shipped:
        raise StudioError(f"Clip {clip_id!r} came with the studio and stays.")
    # The sidecar first: without it there is no clip.
    for suffix in (".json", ".png", ".source.png", *SOUNDS):
        (found.folder / f"{found.id}{suffix}").unlink(missing_ok=True)


def _in(folder: Path) -> Iterator[SavedClip]:
    for sidecar in folder.glob("[!.]*.json"):
        try:
            found = read(sidecar)
        except StudioError as error:
            log.warning("A clip is left out. %s", error)
            continue
        if found.audio.is_file():
            yield found


def _new_id(config: GenerateConfig) -> str:
    about = re.sub(r"[^a-z0-9]+", "-", f"{config.raga or ''} {config.section}".lower()).strip("-")
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{about[:50]}-{uuid.uuid4().hex[:6]}"
