"""Sample concerts rendered from the grammar of ragas and talas, with exact truth.

    concert = render(seed=3, minutes=4)       sound, segments, f0, strokes
    write(concert, folder)                    sample-3.flac and its truth, sample-3.json
    add_samples(workspace, library)           the newcomer's three concerts

`phrases`, `composition` and `sections` say which svaras, obeying the raga's `character`; `melody`
how they are reached and shaken; `rhythm` what is struck; `players`, `mridangam` and `room` what it
all sounds like. Nothing here is learned from or cut out of a recording.
"""

from core.synthesis.concert import SR, SampleConcert, render
from core.synthesis.plan import Item, Plan, plan
from core.synthesis.samples import add_samples
from core.synthesis.truth import Truth, read_truth, write

__all__ = [
    "SR",
    "Item",
    "Plan",
    "SampleConcert",
    "Truth",
    "add_samples",
    "plan",
    "read_truth",
    "render",
    "write",
]
