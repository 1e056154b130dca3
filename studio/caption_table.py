"""The Captions tab's table: regions with their sound, their caption, and what is not known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import islice

from core.caption import Templates
from core.edits import clock
from core.errors import AnnotationError
from core.library import Library
from core.templates import CaptionTemplate, templates
from core.tokens import TokenCounter
from core.wording import Wanted, Wording, gaps, wordings
from core.workspace import Workspace
from studio.tables import open_button, table_html
from studio.token_counts import counter_of

PAGE = 12
N_CAPTIONS = 4
SOUNDS = "/gradio_api/studio/recordings"

# Tells Python what was pressed: 'open' a region, 'rewrite' its caption, 'lack' a field, 'more'.
CAPTION_PRESSES = """
const rewriting = (row, on) => {
  row.querySelector('form').hidden = !on;
  if (on) row.querySelector('textarea').focus();
  else row.querySelector('[data-rewrite]').focus();
};
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('button');
  if (!pressed) return;
  const said = pressed.dataset, row = pressed.closest('tr');
  if (said.open) trigger('open', {recording_id: said.open, segment_id: said.at});
  else if ('rewrite' in said) rewriting(row, true);
  else if ('leave' in said) rewriting(row, false);
  else if ('back' in said) trigger('rewrite', {segment_id: pressed.form.dataset.of, text: null});
  else if ('lack' in said) trigger('lack', {field: said.lack || null});
  else if ('more' in said) trigger('more', {});
});
element.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target;
  trigger('rewrite', {segment_id: form.dataset.of, text: form.querySelector('textarea').value});
});
element.addEventListener('keydown', (event) => {
  if (event.target.tagName !== 'TEXTAREA') return;
  if (event.key === 'Escape') rewriting(event.target.closest('tr'), false);
  if (event.key === 'Enter' && !event.shiftKey) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});
element.addEventListener('play', (event) => {
  for (const player of element.querySelectorAll('audio'))
    if (player !== event.target) player.pause();
}, true);
"""


@dataclass(frozen=True)
class View:
    """What the table shows, and in which words."""

    own: Mapping[str, str]  # typed over the template and not saved yet, by section
    template: str
    section: str
    everywhere: bool = False  # every section, not only this one
    raga: str | None = None
    artist: str | None = None
    base: str = "demo"  # in whose tokens captions are counted
    lacking: str | None = None
    n_shown: int = PAGE

    @property
    def wanted(self) -> Wanted:
        """The regions to show; a gap is looked for in every section."""
        section = None if self.everywhere or self.lacking else self.section
        return Wanted(section, self.raga or None, self.artist or None, self.lacking)


def words_of(workspace: Workspace, view: View) -> Templates:
    """The templates as they are now, with what was typed over them."""
    own = {section: CaptionTemplate.parse(text) for section, text in view.own.items()}
    return {**templates(view.template, workspace), **own}


def captions_html(workspace: Workspace, library: Library, view: View) -> str:
    """What the templates say of real regions; as someone types, a template's fault instead."""
    try:
        words = words_of(workspace, view)
    except AnnotationError as error:
        return f'<p class="notice bad" role="alert">{escape(str(error))}</p>'
    found = wordings(workspace, library, words, view.wanted, N_CAPTIONS)
    shown = list(islice(found, view.n_shown + 1))
    return _only(view) + (_table(workspace, view, shown) if shown else _none(view))


def gaps_html(workspace: Workspace, library: Library, view: View) -> str:
    """What the captions would say if somebody knew it; each line shows the regions concerned."""
    try:
        words = words_of(workspace, view)
    except AnnotationError:
        return ""
    found = list(wordings(workspace, library, words))
    n_by_hand = sum(each.by_hand for each in found)
    head = f"{len(found)} regions, {n_by_hand} worded by hand"
    lines = [
        f'<li><button type="button" data-lack="{gap.field}">{escape(str(gap))}</button></li>'
        for gap in gaps(found)
    ]
    if not lines:
        return f'<p class="gaps"><b>{head}.</b> Nothing that the template asks for is missing.</p>'
    items = "".join(lines)
    return f'<details class="gaps" open><summary>{head}</summary><ul>{items}</ul></details>'


def names_heard(workspace: Workspace, library: Library) -> tuple[list[str], list[str]]:
    """The ragas and the artists of all regions."""
    found = list(wordings(workspace, library, templates("concise")))
    return tuple(
        sorted({each.facts[name].text for each in found if name in each.facts})
        for name in ("raga", "artist")
    )


def _only(view: View) -> str:
    if not view.lacking:
        return ""
    return (
        f'<p class="notice" role="status">Only regions with no {escape(view.lacking)}. Open one, '
        'say it there, and come back. <button type="button" data-lack>Show all again</button></p>'
    )


def _none(view: View) -> str:
    if view.lacking or view.raga or view.artist:
        return '<p class="notice">No such region. Choose otherwise above.</p>'
    what = "region" if view.everywhere else view.section
    return (
        f'<p class="notice">No {what} is marked yet. Mark one in the Segment tab, and see here '
        "what this template says of it.</p>"
    )


def _table(workspace: Workspace, view: View, shown: list[Wording]) -> str:
    counter = counter_of(workspace, view.base)
    notes = "" if counter else _not_here(view.base)
    cells = [_cells(each, counter) for each in shown[: view.n_shown]]
    more = ""
    if len(shown) > view.n_shown:
        more = '<p class="more"><button type="button" data-more>Show more</button></p>'
    return notes + table_html(("Region", "Caption", ""), cells) + more


def _not_here(base: str) -> str:
    return (
        f'<p class="notice">The tokenizer of {escape(base)} is not on this machine yet, so lengths '
        "are not counted. It comes with the first run from that model.</p>"
    )


def _cells(each: Wording, counter: TokenCounter | None) -> tuple[str, ...]:
    segment, recording = each.segment, each.recording
    where = f"{segment.section} · {clock(segment.start_s)} to {clock(segment.end_s)}"
    sound = f"{SOUNDS}/{recording.id}/sound#t={segment.start_s:.2f},{segment.end_s:.2f}"
    name = f"{recording.title}, {where}"
    player = f'preload="none" aria-label="{escape(name)}" src="{escape(sound)}"'
    return (
        f"<b>{escape(recording.title)}</b><small>{where}</small><audio controls {player}></audio>",
        _caption_html(each, counter),
        '<span class="acts"><button type="button" data-rewrite>Edit</button>'
        f"{open_button(recording.id, name, segment.id)}</span>",
    )


def _caption_html(each: Wording, counter: TokenCounter | None) -> str:
    by_hand = ' <span class="badge">by hand</span>' if each.by_hand else ""
    parts = [f"<q>{escape(each.text)}</q>{by_hand}"]
    if counter and (warning := counter.warning(each.text)):
        parts.append(f'<small class="bad">{escape(warning)}</small>')
    if each.lacking and not each.by_hand:
        parts.append(f"<small>not known: {', '.join(each.lacking)}</small>")
    return "".join([*parts, _sources(each), _others(each.captions[1:]), _form(each)])


def _others(captions: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in captions)
    return f"<details><summary>Also said</summary><ul>{items}</ul></details>" if items else ""


def _sources(each: Wording) -> str:
    """Each fact with who says so, and how sure they are where it is not a person."""
    rows = "".join(
        f"<li><b>{name}</b> {escape(fact.text)} <i>{escape(fact.source)}"
        + (f", {fact.confidence:.0%} sure" if fact.confidence is not None else "")
        + "</i></li>"
        for name, fact in sorted(each.facts.items())
    )
    return f"<details><summary>What is known</summary><ul>{rows}</ul></details>"


def _form(each: Wording) -> str:
    back = '<button type="button" data-back>As the template says</button>' if each.by_hand else ""
    return (
        f'<form hidden data-of="{escape(each.segment.id)}">'
        f'<textarea rows="3" maxlength="1000" aria-label="Caption by hand">{escape(each.text)}'
        "</textarea><span><button>Keep</button>"
        f'<button type="button" data-leave>Cancel</button>{back}</span></form>'
    )
