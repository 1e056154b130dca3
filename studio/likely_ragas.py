"""A region's likely ragas as JSON, at an address of its own: for the button beside its raga.

/gradio_api/studio/recordings/<id>/segments/<segment>/ragas
"""

import threading
from functools import lru_cache
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core import theory
from core.errors import StudioError
from core.library import Library
from core.raga_evidence import CONTOUR_S, Heard, hear
from core.tdms import Recogniser
from core.workspace import Workspace

ADDRESS = "/recordings/{id}/segments/{segment}/ragas"
LEARNED = "ragas.npz"  # what `python -m core.raga_learning` writes
KEPT = 64

_listens = threading.Lock()  # one after the other: each takes a core for some seconds


def answer(workspace: Workspace, library: Library, request: Request) -> Response:
    """What is heard in the region."""
    recording = library.recording(request.path_params["id"])
    found = [s for s in library.segments(recording.id) if s.id == request.path_params["segment"]]
    if not found:
        raise StudioError("This region is not saved yet, or was deleted. Select it again.")
    segment = found[0]
    path = workspace.playback(recording.id)
    if not path.is_file():
        raise StudioError(f"No sound of {recording.id!r} here. Import it again.")
    raga = segment.raga or recording.raga
    span = (segment.start_s, segment.end_s)
    with _listens:
        heard = _heard(path, span, recording.tonic_hz, raga, _stamp(workspace))
    return JSONResponse(told(heard, raga), headers={"Cache-Control": "no-store"})


@lru_cache(KEPT)
def _heard(path: Path, span: tuple, tonic_hz: float | None, raga: str | None, learned) -> Heard:
    known = Recogniser.load(learned[0]) if learned else None
    return hear(path, span, tonic_hz, raga, known)


def _stamp(workspace: Workspace) -> tuple[Path, float] | None:
    """The file of learned ragas and its time, if there is one."""
    path = workspace.models() / LEARNED
    return (path, path.stat().st_mtime) if path.is_file() else None


def told(heard: Heard, raga: str | None) -> dict:
    """As plain values; pitches are whole cents, None where there is none."""
    contour = [None if np.isnan(cents) else round(float(cents)) for cents in heard.contour]
    return {
        "tonic_hz": round(heard.tonic_hz, 2),
        "likely": [
            {
                "name": each.raga.name,
                "percent": round(100 * each.score),
                "why": each.why,
                "cents": each.raga.cents,
            }
            for each in heard.likely
        ],
        "histogram": [round(float(share), 5) for share in heard.histogram],
        "contour": {"start_s": heard.start_s, "step_s": CONTOUR_S, "cents": contour},
        "label": {"name": raga, "cents": theory.raga(raga).cents, "fit": heard.fit}
        if raga
        else None,
        "note": heard.note,
    }
