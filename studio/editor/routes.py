"""The studio's own addresses, all below /gradio_api/studio/: what is fetched rather than called.

They live below gradio's prefix because its proxies forward nothing else. A recording, clip or run
is asked for by id; only `core.workspace` turns an id into a path. Sound is sent in ranges, so a
player may start anywhere in a three-hour file.
"""

import hashlib
import inspect
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from core.errors import StudioError
from core.library import Library
from core.workspace import Workspace, checked_name
from studio import label_files, likely_ragas
from studio.clip_routes import clip_routes
from studio.editor import setup, views
from studio.editor.listening import Listening
from studio.editor.strip import Strips
from training import clips
from training.run_folder import SAMPLES

PREFIX = "/gradio_api/studio"
STATIC = Path(__file__).parent / "static"

_KEEP = {"Cache-Control": "private, max-age=86400"}
_ASK = {"Cache-Control": "private, no-cache"}  # the browser asks whether it changed
_SOUND_TYPES = {
    ".webm": "audio/webm",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
}


class Served:
    """Answers requests from one workspace and its library."""

    def __init__(self, workspace: Workspace, library: Library):
        self._workspace = workspace
        self._library = library
        self._strips = Strips(workspace)
        self._listening = Listening(workspace)

    def recording(self, request: Request) -> Response:
        """A recording with its segments."""
        return _json(views.opened(self._library, request.path_params["id"]))

    def changes(self, request: Request) -> Response:
        """What changed in a recording after the revision `since`."""
        since = _number(request, "since")
        return _json(views.changes(self._library, request.path_params["id"], since))

    def history(self, request: Request) -> Response:
        """All that was ever said of one segment of a recording."""
        return _json(views.history(self._library, request.path_params["segment"]))

    def search(self, request: Request) -> Response:
        """Ragas, talas or sections by any spelling."""
        kind, text = request.path_params["kind"], request.query_params.get("text", "")[:100]
        return _json(views.search(kind, text))

    def sound(self, request: Request) -> Response:
        """The recording's playback copy."""
        return _sound(self._workspace.playback(request.path_params["id"]))

    def peaks(self, request: Request) -> Response:
        """The recording's waveform, one byte per bin."""
        path = _present(self._workspace.peaks(request.path_params["id"]))
        return FileResponse(path, media_type="application/octet-stream", headers=_ASK)

    def tile(self, request: Request) -> Response:
        """A tile of the recording's spectrogram; 503 while it is being prepared."""
        where = request.path_params
        picture = self._strips.tile(where["id"], where["level"], where["index"])
        if picture is None:
            return Response(status_code=503, headers={"Retry-After": "2"})
        return Response(picture, media_type="image/png", headers=_KEEP)

    def tonics(self, request: Request) -> Response:
        """What the recording's tonic may be; 503 while it is being listened to."""
        found = self._listening.tonics(request.path_params["id"])
        if found is None:
            return Response(status_code=503, headers={"Retry-After": "2"})
        return _json({"candidates": [vars(each) for each in found]})

    def pitch(self, request: Request) -> Response:
        """A tile of the melody's pitch."""
        where = request.path_params
        hz = self._listening.pitch(where["id"], where["index"])
        return Response(hz, media_type="application/octet-stream", headers=_KEEP)

    def clip(self, request: Request) -> Response:
        """A generated clip's sound."""
        return _sound(clips.clip(self._workspace, request.path_params["id"]).audio)

    def clip_picture(self, request: Request) -> Response:
        """A generated clip's spectrogram."""
        picture = clips.clip(self._workspace, request.path_params["id"]).picture
        return FileResponse(_present(picture), media_type="image/png", headers=_ASK)

    def sample(self, request: Request) -> Response:
        """A sound that a training run made on the way."""
        folder = self._workspace.run(request.path_params["run"]) / SAMPLES
        parts = [checked_name(part) for part in request.path_params["path"].split("/")]
        return _sound(folder.joinpath(*parts))


def routes(workspace: Workspace, library: Library) -> list[BaseRoute]:
    """Everything the page fetches, for `launch(app_kwargs={"routes": ...})`."""
    served = Served(workspace, library)
    table: dict[str, Callable[[Request], Response]] = {
        "/recordings/{id}": served.recording,
        "/recordings/{id}/changes": served.changes,
        "/recordings/{id}/segments/{segment}/history": served.history,
        "/recordings/{id}/sound": served.sound,
        label_files.ADDRESS: partial(label_files.answer, library),
        likely_ragas.ADDRESS: partial(likely_ragas.answer, workspace, library),
        "/recordings/{id}/peaks": served.peaks,
        "/recordings/{id}/strip/{level:int}/{index:int}": served.tile,
        "/recordings/{id}/tonics": served.tonics,
        "/recordings/{id}/pitch/{index:int}": served.pitch,
        "/search/{kind}": served.search,
        "/clips/{id}/sound": served.clip,
        "/clips/{id}/picture": served.clip_picture,
        "/runs/{run}/samples/{path:path}": served.sample,
        **clip_routes(workspace),
    }
    return [
        *(Route(PREFIX + path, guarded(answer)) for path, answer in table.items()),
        Mount(f"{PREFIX}/vendor", StaticFiles(directory=setup.DIST, check_dir=False)),
        Mount(f"{PREFIX}/static/{version(STATIC)}", StaticFiles(directory=STATIC)),
    ]


@cache
def version(folder: Path) -> str:
    """A mark that changes with any file of `folder`, so that no browser keeps an old module."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def guarded(answer: Callable[[Request], Response]) -> Callable:
    """Let in whoever gradio let in, and say in JSON what a user could mend."""

    async def endpoint(request: Request) -> Response:
        if not await is_let_in(request):
            return JSONResponse({"error": "Log in first."}, status_code=401)
        try:
            return await run_in_threadpool(answer, request)
        except StudioError as error:
            return JSONResponse({"error": str(error)}, status_code=404)

    return endpoint


async def is_let_in(request: Request) -> bool:
    """Whether the request passes the login of the gradio app it came through, if it has one."""
    app = request.app
    if app.auth_dependency is not None:
        user = app.auth_dependency(request)
        return (await user if inspect.isawaitable(user) else user) is not None
    if app.auth is None:
        return True
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(request.cookies.get(name) in app.tokens for name in names)


def _json(value: dict) -> Response:
    return JSONResponse(value, headers={"Cache-Control": "no-store"})


def _sound(path: Path) -> Response:
    kind = _SOUND_TYPES.get(path.suffix)
    return FileResponse(_present(path), media_type=kind, headers=_ASK)


def _present(path: Path) -> Path:
    if not path.is_file():
        raise StudioError(f"No file {path.name!r} here. Import or make it again.")
    return path


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    if not text.isdecimal():
        raise StudioError(f"{name} is {text!r}. Give a whole number.")
    return int(text)
