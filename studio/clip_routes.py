"""Addresses of what belongs to clips: pictures in colour, downloads with tags, the tanpura."""

import io
import math
import shutil
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from core import theory
from core.errors import StudioError
from core.records import TONIC_RANGE_HZ
from core.spectrogram import Codec, codec_from, read_image
from core.workspace import Workspace
from studio.clip_view import HIGH_CENTS, LOW_CENTS
from training import clips
from training.clips import SavedClip
from training.handing import FORMATS, in_format, zipped
from training.sources import picture_of_file

DRONE_SR = 24_000
DRONE_LEVEL = 0.2  # of full scale, root mean square
_KEPT = 128
_KEEP = {"Cache-Control": "private, max-age=86400"}


class ServedClips:
    """Answers requests about the clips of one workspace."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace

    def thumbnail(self, request: Request) -> Response:
        """The whole spectrogram in colour."""
        return _png(thumbnail(*self._key(request)))

    def melody(self, request: Request) -> Response:
        """The spectrogram between the lowest and the highest cents of the melody's panel."""
        return _png(melody_picture(*self._key(request)))

    def download(self, request: Request) -> Response:
        """The clip as wav, flac or mp3."""
        saved, format = self._clip(request), request.path_params["format"]
        content = in_format(saved, format)
        named = {"Content-Disposition": f'attachment; filename="{saved.id}.{format}"'}
        return Response(content, media_type=FORMATS[format], headers=named)

    def settings(self, request: Request) -> Response:
        """The clip's sidecar."""
        saved = self._clip(request)
        named = {"Content-Disposition": f'attachment; filename="{saved.id}.json"'}
        return Response(clips.sidecar_of(saved), media_type="application/json", headers=named)

    def bundle(self, request: Request) -> Response:
        """A zip of the clips that the query names: by raga, tala, section, model, or ids."""
        asked = request.query_params
        ids = asked.get("ids")
        found = clips.clips(
            self._workspace,
            **{what: asked.get(what) or None for what in ("raga", "tala", "section", "model")},
            only=None if ids is None else ids.split(","),
        )
        folder = Path(tempfile.mkdtemp(prefix="clips-"))
        swept = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
        try:
            path = zipped(found, folder / "clips.zip")
        except StudioError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return FileResponse(path, filename="carnatic-clips.zip", background=swept)

    def drone(self, request: Request) -> Response:
        """One seamless round of a tanpura at `tonic` Hz, tuned for `raga`."""
        try:
            tonic_hz = float(request.query_params.get("tonic", "nan"))
        except ValueError:
            tonic_hz = math.nan
        low, high = TONIC_RANGE_HZ
        if not low <= tonic_hz <= high:
            raise StudioError(f"A tanpura needs a tonic from {low:g} to {high:g} Hz.")
        return Response(
            tanpura(round(tonic_hz, 2), request.query_params.get("raga", "")),
            media_type="audio/flac",
            headers=_KEEP,
        )

    def _clip(self, request: Request) -> SavedClip:
        return clips.clip(self._workspace, request.path_params["id"])

    def _key(self, request: Request) -> tuple[Path, Path, float]:
        saved = self._clip(request)
        return saved.picture, saved.audio, saved.config.tonic_hz


def clip_routes(workspace: Workspace) -> dict[str, Callable[[Request], Response]]:
    """What is answered, by address."""
    served = ServedClips(workspace)
    return {
        "/clips/{id}/thumbnail": served.thumbnail,
        "/clips/{id}/melody": served.melody,
        "/clips/{id}/as/{format}": served.download,
        "/clips/{id}/settings": served.settings,
        "/clips-as-zip": served.bundle,
        "/drone": served.drone,
    }


@lru_cache(maxsize=_KEPT)
def thumbnail(picture: Path, sound: Path, tonic_hz: float) -> bytes:
    """A clip's spectrogram in colour, as PNG."""
    image, codec = _drawn(picture, sound, tonic_hz)
    return _encoded(image, codec)


@lru_cache(maxsize=_KEPT)
def melody_picture(picture: Path, sound: Path, tonic_hz: float) -> bytes:
    """The rows of a clip's spectrogram from `LOW_CENTS` to `HIGH_CENTS`, evenly spaced, as PNG."""
    image, codec = _drawn(picture, sound, tonic_hz)
    wanted = np.linspace(HIGH_CENTS, LOW_CENTS, 256)
    cents = codec.row_cents if codec.tonic_hz else _above(codec, tonic_hz)
    rows = np.interp(wanted, cents[::-1], np.arange(len(cents))[::-1])
    return _encoded(image[np.rint(rows).astype(int)], codec)


def _above(codec: Codec, tonic_hz: float) -> np.ndarray:
    return 1200 * np.log2(np.maximum(codec.row_hz, 1.0) / tonic_hz)


def _drawn(picture: Path, sound: Path, tonic_hz: float) -> tuple[np.ndarray, Codec]:
    if picture.is_file():
        return read_image(picture)
    codec = codec_from({"preset": "svara", "tonic_hz": tonic_hz})
    return picture_of_file(sound, codec), codec


def _encoded(image: np.ndarray, codec: Codec) -> bytes:
    from PIL import Image

    from studio.plots import coloured

    stream = io.BytesIO()
    Image.fromarray(coloured(image, codec)).save(stream, "PNG")
    return stream.getvalue()


@lru_cache(maxsize=16)
def tanpura(tonic_hz: float, raga: str) -> bytes:
    """One seamless round of a tanpura as FLAC; its first string is what the raga asks for."""
    import soundfile

    from core.synthesis.character import character
    from core.synthesis.room import tanpura_loop

    first = character(theory.raga(raga)).drone if raga else 700
    y = DRONE_LEVEL * tanpura_loop(tonic_hz, first, DRONE_SR, np.random.default_rng(1))
    stream = io.BytesIO()
    soundfile.write(stream, np.clip(y, -1, 1), DRONE_SR, format="FLAC", subtype="PCM_16")
    return stream.getvalue()


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png", headers=_KEEP)
