"""The command: labels of other tools in, and segments out to them."""

from pathlib import Path
from typing import Annotated

import tyro

from core.command import run
from core.errors import AnnotationError, LibraryError
from core.exchange import exporting, importing, label_studio, reading
from core.exchange.formats import FORMATS
from core.library import Library
from core.records import Recording, Status
from core.workspace import Workspace, replacing

Named = Annotated[tuple[str, ...], tyro.conf.UseAppendAction]


def import_(
    recording: str,
    file: Path,
    format: str | None = None,
    map: Named = (),
    tier: Named = (),
    annotator: str | None = None,
    replace: bool = False,
    points: bool = False,
    dry_run: bool = False,
    workspace: Path | None = None,
) -> str:
    """Import a file of labels into a recording, all of it or nothing.

    Parameters
    ----------
    recording
        Its id, or its title.
    file
        The file of labels.
    format
        csv, audacity, textgrid, eaf, jams, rttm, label-studio, sonic-visualiser or saraga;
        recognised by its content unless given.
    map
        What a label of the file means: "old=section", or "old=" to leave its regions out.
    tier
        Take only this tier (annotation set, recording); all that name sections unless given.
    annotator
        Whose the regions are where the file does not say.
    replace
        Let what this annotator marked here before give way.
    points
        Points are where sections begin; each lasts until the next.
    dry_run
        Only say what would be imported.
    workspace
        Where everything is kept.
    """
    library = Library.of(Workspace.at(workspace))
    found = reading.read(reading.content_of(file), file.name, format)
    wishes = importing.Wishes(dict(_answers(map)), tier, replace, annotator, points)
    plan = importing.plan(found, library, _recording(library, recording), wishes)
    if plan.unknown:
        raise AnnotationError(f'{importing.ask(plan.unknown)} Answer with --map "old=section".')
    count = len(plan.segments) if dry_run else importing.save(library, plan, annotator)
    done = "would be imported" if dry_run else "imported"
    gone = f", {len(plan.replaced)} give way" if plan.replaced else ""
    same = ", the others were here already" if count < len(plan.segments) else ""
    of = f"{count} of {len(plan.segments)} regions {done} ({found.format.title}){same}{gone}."
    return "\n".join([of, *plan.notes])


def export(
    recording: str,
    file: Path,
    format: str | None = None,
    status: Status | None = None,
    annotator: str | None = None,
    workspace: Path | None = None,
) -> str:
    """Export the segments of a recording, and say what the format cannot hold.

    Parameters
    ----------
    recording
        Its id, or its title.
    file
        Where to write.
    format
        csv, audacity, textgrid, eaf, jams, rttm, label-studio, sonic-visualiser or saraga; by
        the file's suffix unless given.
    status
        Only what is draft, approved or rejected.
    annotator
        Only what this annotator marked.
    workspace
        Where everything is kept.
    """
    library = Library.of(Workspace.at(workspace))
    found = _recording(library, recording)
    segments = exporting.chosen(library.segments(found.id), status, annotator)
    done = exporting.export(found, segments, format or _by_suffix(file))
    try:
        with replacing(file) as part:
            part.write_bytes(done.content)
    except OSError as error:
        raise AnnotationError(f"{str(file)!r} cannot be written: {error.strerror}.") from error
    return "\n".join([f"{done.count} regions written to {file}.", *done.losses])


def interface() -> str:
    """The labelling interface that a Label Studio project needs to show exported tasks."""
    return label_studio.INTERFACE


def _recording(library: Library, name: str) -> Recording:
    if library.has(name):
        return library.recording(name)
    titled = [each for each in library.recordings() if each.title == name]
    if len(titled) > 1:
        ids = ", ".join(each.id for each in titled)
        raise LibraryError(f"{len(titled)} recordings are called {name!r}. Give one id of: {ids}.")
    return titled[0] if titled else library.recording(name)


def _answers(said: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = [text.rpartition("=") for text in said]
    for text, (_, sign, _) in zip(said, pairs, strict=True):
        if not sign:
            raise AnnotationError(f'--map {text!r} maps nothing. Write --map "old=section".')
    return [(label.strip(), section.strip()) for label, _, section in pairs]


def _by_suffix(file: Path) -> str:
    found = [name for name, each in FORMATS.items() if each.suffix.lower() == file.suffix.lower()]
    if not found:
        raise AnnotationError(
            f"{file.name} does not say its format. Add --format {' or '.join(FORMATS)}."
        )
    return found[0]


if __name__ == "__main__":
    stages = {"import": import_, "export": export, "interface": interface}
    run(stages, positional=True, lines=True)
