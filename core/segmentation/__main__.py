"""Suggest sections: python -m core.segmentation suggest AUDIO|RECORDING --out sections.csv."""

import csv
import io
import logging
from pathlib import Path
from typing import Annotated

import tyro

from core.command import progress_bar, run
from core.errors import LibraryError
from core.library import Library
from core.segmentation import drafting, learning, levels, listening, suggesting
from core.segmentation.model import SHIPPED, current
from core.segmentation.suggesting import Suggestion
from core.workspace import Workspace, replacing

log = logging.getLogger(__name__)

COLUMNS = ("start", "end", "section", "confidence", "reason", "mridangam_level")


def suggest(
    what: Annotated[str, tyro.conf.Positional],
    out: Path | None = None,
    save: bool = False,
    workspace: Path | None = None,
) -> str | None:
    """Cut a concert into sections.

    Parameters
    ----------
    what
        An audio file, or the id of a recording in the library.
    out
        A CSV of start, end, section, confidence, reason and mridangam_level; without it the table
        goes to standard output.
    save
        Also put the suggestions into the library as drafts (of a recording only).
    workspace
        The folder that holds everything; $STUDIO_WORKSPACE or workspace/ if not given.
    """
    place = Workspace.at(workspace)
    heard = _heard(what, place)
    found = suggesting.suggest(heard, current(place))
    if save:
        drafting.draft(what, found, Library.of(place))
    table = _table(found)
    if out is None:
        return table.rstrip("\n")
    with replacing(out) as part:
        part.write_text(table, encoding="utf-8")
    log.info("%d sections in %s", len(found), out)
    return None


def train(workspace: Path | None = None) -> str:
    """Learn from the library's approved segments; the model is replaced only if it is better.

    Parameters
    ----------
    workspace
        The folder that holds everything; $STUDIO_WORKSPACE or workspace/ if not given.
    """
    place = Workspace.at(workspace)
    with progress_bar(1.0, "", "learning") as bar:
        outcome = learning.retrain(place, Library.of(place), _onto(bar))
    return outcome.told()


def next_(workspace: Path | None = None) -> str:
    """Which recording to mark next: the one the model is least sure of.

    Parameters
    ----------
    workspace
        The folder that holds everything; $STUDIO_WORKSPACE or workspace/ if not given.
    """
    place = Workspace.at(workspace)
    library = Library.of(place)
    for recording in library.recordings():
        _heard(recording.id, place)
    ranked = learning.to_mark_next(place, library)
    if not ranked:
        return "Every recording has approved sections, or there is none."
    return "\n".join(f"{sure:.2f}  {each.id}  {each.title}" for each, sure in ranked)


def measure_levels(workspace: Path | None = None) -> str:
    """Save the mridangam's level of every segment that lacks it, for captions and export.

    Parameters
    ----------
    workspace
        The folder that holds everything; $STUDIO_WORKSPACE or workspace/ if not given.
    """
    place = Workspace.at(workspace)
    return f"{levels.fill_all(place, Library.of(place))} segments levelled."


def bootstrap(out: Path = SHIPPED, cache: Path = Path("lessons"), concerts: int = 300) -> str:
    """Train the shipped model on sample concerts, from scratch.

    Parameters
    ----------
    out
        Where the model is written.
    cache
        Folder of what was rendered and heard; what is there already is not rendered again.
    concerts
        How many lessons; a fifth as many more are rendered to calibrate on.
    """
    from core.segmentation import bootstrap as school

    with progress_bar(concerts + concerts // 5, "lesson", "rendering") as bar:
        model = school.from_scratch(cache, concerts, lambda name: bar.update())
    model.save(out)
    return f"{out}: {out.stat().st_size / 1e6:.2f} MB"


def _heard(what: str, place: Workspace) -> listening.Heard:
    """What was heard of a file or a recording, with a bar while it is listened to."""
    with progress_bar(1.0, "", "listening") as bar:
        if Path(what).is_file():
            return listening.listen(Path(what), _onto(bar))
        library = Library.of(place)
        if not library.has(what):
            raise LibraryError(
                f"{what!r} is neither an audio file nor a recording of the library at "
                f"{place.root}. Give a path that exists, or an id as `ls` of its audio/ shows it."
            )
        return listening.heard(what, place, _onto(bar))


def _onto(bar):
    def show(share: float, what: str) -> None:
        bar.update(max(0.0, share - bar.n))

    return show


def _table(found: list[Suggestion]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for each in found:
        times = f"{each.start_s:.3f}", f"{each.end_s:.3f}"
        rows.writerow([*times, each.section, each.confidence, each.reason, each.mridangam_level])
    return text.getvalue()


if __name__ == "__main__":
    run(
        {
            "suggest": suggest,
            "train": train,
            "next": next_,
            "levels": measure_levels,
            "bootstrap": bootstrap,
        }
    )
