"""A recording's segments as a file to download, at an address of its own.

/gradio_api/studio/recordings/<id>/labels/<format>?status=approved&annotator=Meena
"""

from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from core.errors import AnnotationError
from core.exchange import exporting
from core.library import Library
from core.records import STATUSES, Segment
from core.workspace import checked_name

ADDRESS = "/recordings/{id}/labels/{format}"


def answer(library: Library, request: Request) -> Response:
    """The file, in the format that the address names."""
    asked = request.query_params
    recording = library.recording(request.path_params["id"])
    segments = chosen(library, recording.id, asked.get("status"), asked.get("annotator"))
    done = exporting.export(recording, segments, request.path_params["format"])
    name = f"{checked_name(recording.id)}{done.format.suffix}"
    return Response(
        done.content,
        media_type="application/octet-stream",  # text of others, never a page of ours
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


def chosen(
    library: Library, recording_id: str, status: str | None, annotator: str | None
) -> list[Segment]:
    """The segments that the address asks for."""
    if status and status not in STATUSES:
        raise AnnotationError(f"No status {status!r}. There are: {', '.join(STATUSES)}.")
    return exporting.chosen(library.segments(recording_id), status or None, annotator or None)


def address(recording_id: str, format: str, status: str | None, annotator: str | None) -> str:
    """The path of the file below the studio's own, with what is asked."""
    asked = {"status": status, "annotator": annotator}
    query = urlencode({key: value for key, value in asked.items() if value})
    return f"/recordings/{quote(recording_id)}/labels/{format}" + (f"?{query}" if query else "")
