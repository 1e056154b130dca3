"""Stage 8, the plots of an evaluation's page, each as (what it shows, PNG)."""

import io
from typing import TYPE_CHECKING

import numpy as np

from core.records import SECTIONS
from training.scoring import confused_sections, sung_figures

if TYPE_CHECKING:
    from training.evaluate import Evaluation

Plot = tuple[str, bytes]
MODEL, CEILING, FLOOR = "#b45309", "#0f766e", "#a8a29e"


def adherence_by_raga(found: "Evaluation") -> Plot | None:
    """Each raga's adherence: the model's between ceiling and shuffled captions."""
    of_raga = {
        key: {
            raga: sung_figures([v for v in found.subjects[key].verdicts if v.raga == raga])
            for raga in sorted({v.raga for v in found.subjects[key].verdicts if v.raga})
        }
        for key in ("ceiling", "model", "shuffled")
    }
    ragas = list(of_raga["model"])
    if not ragas:
        return None
    figure, axes = _figure(7, 1 + 0.3 * len(ragas))
    for key, colour, mark in (
        ("shuffled", FLOOR, "x"),
        ("ceiling", CEILING, "|"),
        ("model", MODEL, "o"),
    ):
        shown = [
            (i, of_raga[key][r]["adherence"]) for i, r in enumerate(ragas) if r in of_raga[key]
        ]
        shown = [(i, each) for i, each in shown if each.n]
        axes.plot([e.mean for _, e in shown], [i for i, _ in shown], mark, color=colour, label=key)
        if key == "model":
            for i, each in shown:
                axes.plot([each.low, each.high], [i, i], color=colour, alpha=0.5)
    axes.axvline(50, color=FLOOR, linewidth=0.8)
    axes.set(yticks=range(len(ragas)), xlim=(0, 101), xlabel="adherence (chance 50)")
    axes.set_yticklabels(ragas)
    axes.invert_yaxis()
    axes.legend(loc="lower left", frameon=False)
    return "Adherence to each raga", _png(figure)


def sections_heard(found: "Evaluation") -> Plot | None:
    """Which section was asked for, and which the segmentation model hears."""
    counts = confused_sections(found.subjects["model"].verdicts)
    if not counts:
        return None
    asked = [each for each in SECTIONS if each in counts]
    heard = [s for s in SECTIONS if s in asked or any(s in of for of in counts.values())]
    shares = np.array([[counts[a].get(h, 0) for h in heard] for a in asked], dtype=float)
    shares /= shares.sum(axis=1, keepdims=True)
    figure, axes = _figure(2 + 0.6 * len(heard), 1.6 + 0.4 * len(asked))
    axes.imshow(shares, cmap="YlOrBr", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        if share:
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8)
    axes.set(xticks=range(len(heard)), yticks=range(len(asked)), xlabel="heard as, %")
    axes.set_xticklabels(heard, rotation=40, ha="right")
    axes.set_yticklabels(asked)
    return "Sections asked for and heard", _png(figure)


def copies(found: "Evaluation") -> Plot | None:
    """How like their nearest training picture drawn and held-out pictures are."""
    if "copies" not in found.subjects["ceiling"].likeness:
        return None
    figure, axes = _figure(7, 2.6)
    bins = np.linspace(0, 1, 41)
    for key, colour in (("ceiling", CEILING), ("model", MODEL)):
        likeness = found.subjects[key].likeness["copies"]
        axes.hist(likeness, bins, density=True, histtype="step", color=colour, label=key)
    axes.set(xlabel="likeness to the nearest training picture (1: a copy)", yticks=[])
    axes.legend(frameon=False)
    return "Likeness to training pictures", _png(figure)


def _figure(width: float, height: float):
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    return figure, figure.subplots()


def _png(figure) -> bytes:
    kept = io.BytesIO()
    figure.savefig(kept, format="png", dpi=110)
    return kept.getvalue()
