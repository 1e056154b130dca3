"""The newcomer's sample concerts: two marked by truth, one left to mark."""

from typing import TYPE_CHECKING

from core.records import Recording
from core.synthesis.concert import render
from core.synthesis.plan import Item, Plan
from core.synthesis.truth import write
from core.workspace import Workspace

if TYPE_CHECKING:  # the database is loaded only by those who open it
    from core.library import Library

_CHAINS = (
    ("alapanai", "violin", "kriti", "kalpanaswaram", "applause"),
    ("alapanai", "kriti", "neraval", "tani avartanam", "applause"),
    ("alapanai", "violin", "kriti", "applause"),
)
_RAGAS = ("Mohanam", "Todi", "Kalyani")
_TALAS = ("Adi", "Rupaka", "Misra chapu")


def add_samples(
    workspace: Workspace, library: "Library", n: int = 3, minutes: float = 3.0
) -> list[Recording]:
    """Put `n` sample concerts into the workspace; one that is there already is left alone.

    The last is left unmarked, so that there is something to do.
    """
    known = {recording.id for recording in library.recordings()}
    added = []
    for seed in range(1, n + 1):
        if f"sample-{seed}" not in known:
            added.append(_add(workspace, library, (seed, minutes), marked=seed < n or n == 1))
    return added


def _add(workspace: Workspace, library: "Library", what: tuple[int, float], marked: bool):
    from core import audio

    seed, minutes = what
    concert = render(seed, minutes, Plan((_item(seed),)))
    recording = concert.recording
    path = write(concert, workspace.audio_target(recording.id, ".flac").parent)
    audio.prepare(path, workspace.playback(recording.id), workspace.peaks(recording.id))
    library.add(recording)
    if marked:
        library.save_all(concert.segments, "synthesis")
    return recording


def _item(seed: int) -> Item:
    i = (seed - 1) % 3
    composition = f"Sample {_RAGAS[i]} {seed}"
    return Item(_RAGAS[i], _TALAS[i], _CHAINS[i], composition, "Sample Composer 1")
