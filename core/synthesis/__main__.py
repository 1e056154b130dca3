"""Render sample concerts: python -m core.synthesis --out DIR --seed N --minutes M."""

import logging
from pathlib import Path

from core.command import run
from core.synthesis import add_samples, plan, render, write
from core.workspace import Workspace

log = logging.getLogger(__name__)


def main(
    out: Path = Path("."),
    seed: int = 1,
    minutes: float = 4.0,
    ragas: tuple[str, ...] = (),
    samples: bool = False,
    workspace: Path | None = None,
) -> None:
    """Render a sample concert with its exact truth, or fill a workspace with three.

    Parameters
    ----------
    out
        Folder for sample-<seed>.flac and .json.
    seed
        The same seed gives the same concert.
    minutes
        About how long.
    ragas
        Only these ragas; the seed chooses if none is named.
    samples
        Instead add the newcomer's sample concerts to the workspace.
    workspace
        The workspace that --samples fills.
    """
    if samples:
        from core.library import Library

        home = Workspace.at(workspace)
        for recording in add_samples(home, Library.of(home)):
            log.info("%s  %s", recording.id, recording.title)
        return
    path = write(render(seed, minutes, plan(seed, minutes, ragas or None)), out)
    log.info("%s", path)


if __name__ == "__main__":
    run(main)
