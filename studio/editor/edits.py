"""What the editor asks the library to do; each answer is plain JSON, an error among them.

The page sends whole segments. They are checked like anything from outside, and names of ragas and
talas are resolved here, where they enter.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial, wraps
from typing import Any

import gradio as gr

from core import theory
from core.errors import AnnotationError, StudioError, TheoryError
from core.library import Library
from core.records import Recording, Segment
from core.revisions import Revision
from studio.access import annotator
from studio.alerts import bound
from studio.editor.views import as_told, opened, told

Request = dict[str, Any]
Answer = dict[str, Any]

_RECORDING_FIELDS = ("title", "lead_artist", "tonic_hz", "raga", "tala", "composer", "composition")


def answering(act: Callable[..., Answer]) -> Callable[..., Answer]:
    """Answer `{"error": ...}` where the user can mend it: the editor shows it by the region."""

    @wraps(act)
    def answer(*arguments) -> Answer:
        try:
            return act(*arguments)
        except StudioError as error:
            return {"error": str(error)}

    return answer


@answering
def edit(library: Library, request: Request, profile: gr.OAuthProfile | None) -> Answer:
    """Save and delete segments as one edit; tell also what others did to them meanwhile."""
    segments = [_resolved(library, _segment(each)) for each in request.get("segments", ())]
    deleted = [str(each) for each in request.get("deleted", ())]
    seen = _checked(dict[str, int], request.get("seen", {}))
    written = library.edit(segments, deleted, _by(request, profile))
    return {**told(written), "clashes": _clashes(library, seen, written)}


@answering
def undo(library: Library, request: Request, profile: gr.OAuthProfile | None) -> Answer:
    """Take back the annotator's last edit of the recording."""
    return _stepped(library, library.undo, request, profile)


@answering
def redo(library: Library, request: Request, profile: gr.OAuthProfile | None) -> Answer:
    """Repeat the edit last taken back."""
    return _stepped(library, library.redo, request, profile)


@answering
def describe_recording(
    library: Library, request: Request, profile: gr.OAuthProfile | None
) -> Answer:
    """Change what is said of the whole recording."""
    recording = library.recording(str(request["recording_id"]))
    said = {name: request["said"][name] for name in _RECORDING_FIELDS if name in request["said"]}
    for kind in ("raga", "tala"):
        if said.get(kind):
            said[kind] = _spelt(kind, said[kind], partial(getattr, recording, kind))
    changed = _checked(Recording, {**vars(recording), **said})
    library.change(changed, _by(request, profile))
    return opened(library, recording.id)


def server_functions(library: Library) -> list[Callable[..., Answer]]:
    """The functions the page may call, by their own names."""
    return [bound(each, library) for each in (edit, undo, redo, describe_recording)]


def _stepped(library: Library, step: Callable, request: Request, profile) -> Answer:
    recording_id = str(request["recording_id"])
    before = library.newest_revision(recording_id)
    done = step(recording_id, _by(request, profile))
    return {**told(library.changes_since(recording_id, before), before), "done": done is not None}


def _clashes(library: Library, seen: dict[str, int], written: list[Revision]) -> list[Answer]:
    """What came between the revisions that the page had seen and those it has now written."""
    ours = {each.segment_id: each for each in written if each.segment_id in seen}
    if not ours:
        return []
    since = min(seen[segment_id] for segment_id in ours)
    between = {}
    for each in library.changes_since(written[0].recording_id, since):
        own = ours.get(each.segment_id)
        if own and seen[each.segment_id] < each.id < own.id:
            between[each.segment_id] = each
    return [
        {
            "id": segment_id,
            "by": each.annotator,
            "theirs": as_told(each.segment) if each.segment else None,
        }
        for segment_id, each in between.items()
    ]


def _by(request: Request, profile: gr.OAuthProfile | None) -> str | None:
    return annotator(profile, request.get("annotator"))


def _segment(fields: Any) -> Segment:
    return _checked(Segment, fields)


def _checked(kind: type, fields: Any) -> Any:
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or kind.__name__
        raise AnnotationError(
            f"{where}: {first['msg']}. Reload the page if you did not type this."
        ) from None


@cache
def _adapter(kind: type):
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _resolved(library: Library, segment: Segment) -> Segment:
    spelt = {}
    for kind in ("raga", "tala"):
        name = (getattr(segment, kind) or "").strip()
        before = partial(_said_before, library, segment, kind)
        spelt[kind] = _spelt(kind, name, before) if name else None
    return replace(segment, **spelt)


def _said_before(library: Library, segment: Segment, kind: str) -> str | None:
    revisions = library.history(segment.id)
    last = revisions[-1].segment if revisions else None
    return getattr(last, kind) if last else None


def _spelt(kind: str, name: str, said_before: Callable[[], str | None]) -> str:
    """The displayed spelling; a name that an import brought may stay though nobody knows it."""
    try:
        return getattr(theory, kind)(name).name
    except TheoryError:
        if name == said_before():
            return name
        raise
