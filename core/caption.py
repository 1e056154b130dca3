"""Stage 4: say in words what is known of each segment.

`fields` knows what can be said, `templates` how; here both meet. `caption` words a segment for
training and `say` words a wish at play time, by the same templates.
"""

import csv
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

from core.errors import AnnotationError
from core.fields import Fact, describe, facts, known_fields
from core.records import Recording, Segment
from core.templates import FIELDS, PRESETS, CaptionTemplate, templates
from core.variants import variants
from core.workspace import Workspace, replacing

__all__ = [
    "FIELDS",
    "PRESETS",
    "CaptionTemplate",
    "Fact",
    "caption",
    "captions",
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


def main(
    template: str = "rich",
    recording: str | None = None,
    out: Path | None = None,
    base: Path | None = None,
    workspace: Path | None = None,
) -> None:
    """Write the caption of every segment that is not rejected, as a table.

    Args:
        template: a preset (seed, sections, rich, tags, concise) or your own saved template.
        recording: only this recording's segments.
        out: the CSV file to write; without it the table goes to standard output.
        base: a model's folder, to count each caption's length in that model's own tokens.
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
    if base:
        _count(rows, base)
    if out is None:
        _write(sys.stdout, rows)
        return
    with replacing(out) as part, part.open("w", newline="", encoding="utf-8") as stream:
        _write(stream, rows)
    log.info("%d captions written to %s", len(rows), out)


def _rows(workspace: Workspace, library, words: Templates, recording_id: str | None):
    from core.wording import Wanted, wordings  # which words by this module's means

    if recording_id:
        library.recording(recording_id)  # refuses one that is not there
    for each in wordings(workspace, library, words, Wanted(recording_id=recording_id)):
        yield {
            "segment_id": each.segment.id,
            "recording_id": each.recording.id,
            "start_s": each.segment.start_s,
            "end_s": each.segment.end_s,
            "section": each.segment.section,
            "status": each.segment.status,
            "caption": each.text,
            "origin": "human" if each.by_hand else "template",
        }


def _count(rows: list[dict], base: Path) -> None:
    from core.tokens import token_counter

    counter = token_counter(base)
    for row in rows:
        row["tokens"] = counter.count(row["caption"])
    n_long = sum(row["tokens"] > counter.limit for row in rows)
    if n_long:
        log.warning(
            "%d captions are longer than the %d tokens that %s reads: their ends are cut off.",
            n_long,
            counter.limit,
            base.name,
        )


def _write(stream, rows: list[dict]) -> None:
    table = csv.DictWriter(stream, fieldnames=list(rows[0]))
    table.writeheader()
    table.writerows(rows)


if __name__ == "__main__":
    from core.command import run

    run(main)
