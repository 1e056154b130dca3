"""Stage 4: say in words what is known of each segment.

`fields` knows what can be said, `templates` how; here both meet. `caption` words a segment for
training and `say` words a wish at play time, by the same templates.
"""

import csv
import logging
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import AnnotationError
from core.fields import Fact, describe, facts, known_fields
from core.measure import heard_facts, kept_measures
from core.records import Recording, Segment
from core.templates import FIELDS, PRESETS, CaptionTemplate, templates
from core.variants import edited, variants
from core.workspace import Workspace, replacing

__all__ = [
    "FIELDS",
    "PRESETS",
    "CaptionTemplate",
    "Fact",
    "caption",
    "captions",
    "coverage",
    "describe",
    "facts",
    "known_fields",
    "main",
    "say",
]

log = logging.getLogger(__name__)

Templates = Mapping[str, CaptionTemplate]  # by section


def caption(segment: Segment, recording: Recording, preset: str | Templates = "rich") -> str:
    """Word what is known of `segment`; `preset` is a preset's name or templates by section."""
    return say(known_fields(segment, recording), preset)


def say(known: Mapping[str, str | None], preset: str | Templates = "rich") -> str:
    """Word known fields: of a segment (`known_fields`) or of a wish (`describe`).

    >>> say({"section": "neraval", "raga": "Todi"}, "sections")
    'Neraval in raga Todi'
    """
    by_section = templates(preset) if isinstance(preset, str) else preset
    section = known.get("section") or "other"
    if section not in by_section:
        raise AnnotationError(
            f"No template for section {section!r}. There are: {', '.join(by_section)}."
        )
    template = by_section[section]
    if not template.said(known):  # the section itself is always known
        return "Carnatic music" if section == "other" else f"Carnatic {section}"
    return template.render(known)


def captions(
    known: Mapping[str, str | None], by_section: Templates, n: int = 1, seed: str = ""
) -> tuple[str, ...]:
    """At most `n` wordings of the same facts, the plain one first."""
    plain = say(known, by_section)
    template = by_section[known.get("section") or "other"]
    return variants(template, known, n, seed) if template.said(known) else (plain,)


@dataclass(frozen=True)
class Coverage:
    """How many of `n_segments` say each field, and which do not."""

    n_segments: int
    missing: dict[str, tuple[str, ...]]  # field -> ids of the segments that lack it

    def line(self, name: str) -> str:
        """One line about a field, such as "38 of 120 segments have no tala"."""
        return f"{len(self.missing[name])} of {self.n_segments} segments have no {name}"


def coverage(known: Mapping[str, Mapping[str, str]], fields: Iterable[str] = FIELDS) -> Coverage:
    """Count what is known; `known` holds each segment's fields by its id."""
    missing = {
        name: tuple(sorted(key for key, said in known.items() if name not in said))
        for name in fields
    }
    return Coverage(len(known), missing)


def main(
    template: str = "rich",
    recording: str | None = None,
    out: Path | None = None,
    workspace: Path | None = None,
) -> None:
    """Write the caption of every segment that is not rejected, as a table.

    Args:
        template: a preset (seed, sections, rich, tags, concise) or your own saved template.
        recording: only this recording's segments.
        out: the CSV file to write; without it the table goes to standard output.
        workspace: the folder that holds everything; $STUDIO_WORKSPACE or workspace/ if not given.
    """
    from core.library import Library

    place = Workspace.at(workspace)
    words = templates(template, place)
    rows = list(_rows(place, Library.of(place), words, recording))
    if not rows:
        raise AnnotationError(
            f"No segments to caption in {recording or 'the library'}. Mark some in the Segment tab."
        )
    if out is None:
        _write(sys.stdout, rows)
        return
    with replacing(out) as part, part.open("w", newline="", encoding="utf-8") as stream:
        _write(stream, rows)
    log.info("%d captions written to %s", len(rows), out)


def _rows(workspace: Workspace, library, words: Templates, recording_id: str | None):
    by_hand = edited(workspace)
    recordings = [library.recording(recording_id)] if recording_id else library.recordings()
    for recording in recordings:
        kept = kept_measures(recording.id, workspace)
        for segment in library.segments(recording.id):
            if segment.status != "rejected":
                known = known_fields(segment, recording, heard_facts(segment, recording, kept))
                yield {
                    "segment_id": segment.id,
                    "recording_id": recording.id,
                    "start_s": segment.start_s,
                    "end_s": segment.end_s,
                    "section": segment.section,
                    "status": segment.status,
                    "caption": by_hand.get(segment.id) or say(known, words),
                }


def _write(stream, rows: list[dict]) -> None:
    table = csv.DictWriter(stream, fieldnames=list(rows[0]))
    table.writeheader()
    table.writerows(rows)


if __name__ == "__main__":
    from core.command import run

    run(main)
