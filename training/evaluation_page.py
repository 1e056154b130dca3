"""Stage 8, the report of an evaluation: for machines, for a README, and one page to look at.

report.json holds every verdict; report.md the tables; index.html the tables, plots and players in
one file that opens anywhere (its sounds and pictures are in it).
"""

import base64
import html
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from core.workspace import replacing
from training.scoring import (
    Figure,
    by_kind,
    confused_sections,
    section_figures,
    sung_figures,
)

if TYPE_CHECKING:
    from training.evaluate import Evaluation, Subject

CHANCE_NOTE = (
    "Adherence is the percentile of the raga among all note sets as large: chance is 50. "
    "The judge hears pitch only and shares nothing with what a model is trained against. "
    "Intervals are 95 %, by bootstrap over passages."
)
COPY_PERCENTILE = 99.0  # of the held-out recordings' likeness: what lies above is a likely copy
STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;
color:#1c1917;background:#fffdf8}table{border-collapse:collapse;margin:1rem 0;font-size:.85rem}
td,th{border-bottom:1px solid #d6d3d1;padding:.3rem .6rem;text-align:right;white-space:nowrap}
td:first-child,th:first-child{text-align:left}.wide{overflow-x:auto}img{max-width:100%}
figure{margin:0}.players{display:grid;gap:1.5rem;
grid-template-columns:repeat(auto-fill,minmax(18rem,1fr))}audio{width:100%}
figcaption{font-size:.85rem}.quiet{color:#57534e}"""

Table = tuple[list[str], list[list[str]]]  # head, rows


def write(found: "Evaluation") -> str:
    """Write the report into its folder; returns the main table in words."""
    out = found.config.out
    out.mkdir(parents=True, exist_ok=True)
    words = markdown(found)
    for name, text in (
        ("report.json", json.dumps(plain(found), indent=1, ensure_ascii=False, default=str)),
        ("report.md", words),
        ("index.html", page(found)),
    ):
        with replacing(out / name) as part:
            part.write_text(text, "utf-8")
    return f"{words}\nThe page is {out / 'index.html'}."


def plain(found: "Evaluation") -> dict[str, Any]:
    """Everything as plain values."""
    return {
        "settings": asdict(found.config),
        "candidate ragas": found.ragas,
        "seconds": {name: round(each, 1) for name, each in found.seconds.items()},
        "subjects": {
            key: {
                "name": each.name,
                "figures": {name: figure.row() for name, figure in _figures(each).items()},
                "likeness": {k: _finite(v) for k, v in each.likeness.items()},
                "by raga": _rows(by_kind(each.verdicts, "raga")),
                "by section": _rows(by_kind(each.verdicts, "section")),
                "sections heard": confused_sections(each.verdicts),
                "verdicts": [verdict.row() for verdict in each.verdicts],
            }
            for key, each in found.subjects.items()
        },
    }


def _figures(subject: "Subject") -> dict[str, Figure]:
    return sung_figures(subject.verdicts) | section_figures(subject.verdicts)


def _rows(kinds: Mapping[str, Mapping[str, Figure]]) -> dict[str, dict[str, Any]]:
    return {kind: {k: f.row() for k, f in figures.items()} for kind, figures in kinds.items()}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


# Tables


def tables(found: "Evaluation") -> dict[str, Table]:
    """The tables of the report, by title."""
    subjects = list(found.subjects.values())
    model = found.subjects["model"]
    said = {
        "What the judge hears": _across(
            [(each.name, sung_figures(each.verdicts)) for each in subjects]
        ),
        "Sections": _across([(each.name, section_figures(each.verdicts)) for each in subjects]),
        "Likeness": _likeness(found),
        "The model by section": _across(list(by_kind(model.verdicts, "section").items())),
        "The model by raga": _across(list(by_kind(model.verdicts, "raga").items())),
    }
    return {title: table for title, table in said.items() if table[1]}


def _across(rows: Sequence[tuple[str, Mapping[str, Figure]]]) -> Table:
    columns = [
        name
        for name in dict.fromkeys(name for _, figures in rows for name in figures)
        if any(figures[name].n for _, figures in rows if name in figures)
    ]
    if not columns:
        return ([], [])
    return (["", *columns], [[name, *(str(f[c]) for c in columns)] for name, f in rows])


def _likeness(found: "Evaluation") -> Table:
    limit = copy_limit(found)
    head = ["", "Fréchet distance", "kernel distance", "diversity", "out of scale %"]
    head += ["likely copies %", "nearest training picture"] if limit else []
    rows = []
    for each in found.subjects.values():
        said = each.likeness
        if not said:
            continue
        row = [each.name, *(_number(said[name.lower()]) for name in head[1:5])]
        if limit:
            copies = np.array(said["copies"])
            row += [f"{100 * (copies > limit).mean():.0f}", f"{copies.max():.2f}"]
        rows.append(row)
    return head, rows


def copy_limit(found: "Evaluation") -> float | None:
    """How like a training picture a picture of an unheard recording can be, at most usually."""
    copies = found.subjects["ceiling"].likeness.get("copies")
    return float(np.percentile(copies, COPY_PERCENTILE)) if copies else None


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "–"


def markdown(found: "Evaluation") -> str:
    """The tables as Markdown."""
    parts = [f"# Evaluation of {found.config.model}", _about(found), CHANCE_NOTE]
    for title, (head, rows) in tables(found).items():
        lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
        parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _about(found: "Evaluation") -> str:
    passages = found.subjects["model"].passages
    seconds = found.seconds
    return (
        f"{len(passages)} passages, drawn in {found.config.steps} steps at guidance "
        f"{found.config.guidance_scale:g}, judged among {len(found.ragas)} ragas; drawing took "
        f"{seconds['drawing']:.0f} s, judging {seconds['judging']:.0f} s."
    )


# The page


def page(found: "Evaluation") -> str:
    """One HTML file."""
    parts = [f"<h1>Evaluation of {html.escape(found.config.model)}</h1>"]
    parts += [f"<p>{html.escape(text)}</p>" for text in (_about(found), CHANCE_NOTE)]
    shown = tables(found)
    first = next(iter(shown))
    parts += [_html_table(first, shown.pop(first)), *_plots(found)]
    parts += [_html_table(title, table) for title, table in shown.items()]
    parts.append(_players(found))
    body = "\n".join(parts)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Evaluation</title><style>{STYLE}</style><body>{body}</body></html>"
    )


def _html_table(title: str, table: Table) -> str:
    head, rows = table
    cells = "".join(f"<th>{html.escape(each)}</th>" for each in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{html.escape(each)}</td>" for each in row) + "</tr>" for row in rows
    )
    table = f'<div class="wide"><table><tr>{cells}</tr>{lines}</table></div>'
    return f"<h2>{html.escape(title)}</h2>{table}"


def _players(found: "Evaluation") -> str:
    model = found.subjects["model"]
    heard = [
        (passage, verdict)
        for passage, verdict in zip(model.passages, model.verdicts, strict=True)
        if passage.audio and passage.audio.exists()
    ]
    figures = []
    for passage, verdict in heard:
        sound = _data(passage.audio.read_bytes(), "audio/ogg")
        picture = _data(_png(np.concatenate(list(passage.images), axis=1)), "image/png")
        words = ", ".join(filter(None, (passage.section, passage.raga, passage.tala)))
        figures.append(
            f'<figure><img alt="spectrogram" src="{picture}"><audio controls preload="none" '
            f'src="{sound}"></audio><figcaption>{html.escape(words)}<br><span class="quiet">'
            f"{html.escape(_verdict(verdict))}</span></figcaption></figure>"
        )
    return f'<h2>Listen</h2><div class="players">{"".join(figures)}</div>' if figures else ""


def _verdict(verdict) -> str:
    said = []
    if verdict.adherence is not None:
        said.append(f"adherence {verdict.adherence:.0f}")
        said.append(f"place {verdict.place}" if verdict.place else "not enough melody")
    if verdict.heard_section:
        said.append(f"heard as {verdict.heard_section}")
    return "; ".join(said)


def _png(image: np.ndarray) -> bytes:
    from PIL import Image

    kept = io.BytesIO()
    Image.fromarray(image[:, ::2]).save(kept, "PNG")
    return kept.getvalue()


def _data(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _plots(found: "Evaluation") -> list[str]:
    from training.evaluation_plots import adherence_by_raga, copies, sections_heard

    drawn = [adherence_by_raga(found), sections_heard(found), copies(found)]
    return [
        f'<img alt="{alt}" src="{_data(png, "image/png")}">' for alt, png in filter(None, drawn)
    ]
