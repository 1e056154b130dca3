"""The clips made so far as cards: filtered, in pages, played one after another, taken home."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import gradio as gr

from core.workspace import Workspace
from studio.access import is_owner
from studio.alerts import alerting, bound
from studio.clip_view import CLIPS, ZIP
from training import clips
from training.clips import PER_PAGE, SavedClip, maker_of, page_of
from training.wish import DEMO

# Tells Python which card's button was pressed. One player sounds at a time; where it was asked
# for, the next card plays when one has ended.
PRESSES = """
const presses = ['again', 'remove', 'open', 'favour', 'turn'];
element.addEventListener('click', (event) => {
  for (const what of presses) {
    const pressed = event.target.closest(`[data-${what}]`);
    if (pressed) trigger(what, {clip_id: pressed.dataset[what]});
  }
  if (event.target.closest('[data-all]')) {
    element.dataset.all = 'true';
    element.querySelector('audio')?.play();
  }
});
element.addEventListener('play', (event) => {
  for (const player of document.querySelectorAll('audio'))
    if (player !== event.target) player.pause();
}, true);
element.addEventListener('ended', (event) => {
  const card = event.target.closest('li')?.nextElementSibling;
  if (element.dataset.all && card) card.querySelector('audio').play();
  else delete element.dataset.all;
}, true);
"""
MOST_NAMED = 100  # clips in a zip of favourites: an address may not be longer
NO_CLIP = '<p class="notice">No clip here. Change the filters, or press Generate.</p>'


@dataclass(frozen=True)
class Gallery:
    """The cards, and how to show them anew."""

    cards: gr.HTML
    look: Callable
    asked: list[gr.components.Component]
    shown: list[gr.components.Component]


@dataclass(frozen=True)
class Visitor:
    """What a card must know of who looks at it."""

    favourites: Container[str]
    maker: str
    is_owner: bool

    def may_delete(self, saved: SavedClip) -> bool:
        """Whether the clip is theirs, or the studio."""
        own = bool(saved.maker) and saved.maker == self.maker
        return not saved.is_shipped and (own or self.is_owner)


@alerting
def shown(
    workspace: Workspace,
    raga: str | None,
    tala: str | None,
    section: str | None,
    model: str | None,
    only_favourites: bool,
    page: int,
    favourites: list[str] | None,
    token: str | None,
    profile: gr.OAuthProfile | None,
) -> tuple[str, gr.Dropdown, gr.Dropdown, gr.Dropdown, gr.Dropdown]:
    """The cards of one page, and filters that list what there is."""
    favourites = favourites or []
    found = _found(workspace, raga, tala, section, model, only_favourites, favourites)
    visitor = Visitor(favourites, maker_of(token), is_owner(profile))
    everything = clips.clips(workspace)
    choices = [
        gr.Dropdown([(f"Any {what}", ""), *_named(what, everything)])
        for what in ("raga", "tala", "section", "model")
    ]
    wanted = {"raga": raga, "tala": tala, "section": section, "model": model}
    query = {what: name for what, name in wanted.items() if name}
    if only_favourites:
        query["ids"] = ",".join(each.id for each in found[:MOST_NAMED])
    return gallery_html(found, page, visitor, query), *choices


def _found(workspace, raga, tala, section, model, only_favourites, favourites) -> list[SavedClip]:
    return clips.clips(
        workspace,
        raga=raga or None,
        tala=tala or None,
        section=section or None,
        model=model or None,
        only=favourites if only_favourites else None,
    )


def _named(what: str, found: list[SavedClip]) -> list[tuple[str, str]]:
    names = sorted({getattr(each.config, what) or "" for each in found} - {""})
    return [(_model_name(name) if what == "model" else name, name) for name in names]


def _model_name(model: str) -> str:
    """A run's model is known by its run."""
    if model == DEMO:
        return "Demo model"
    path = Path(model)
    return path.parent.name if path.name == "model" else model


def gallery_html(found: list[SavedClip], page: int, visitor: Visitor, query: dict[str, str]) -> str:
    """The cards of one page of the clips that `query` asks for; a word where there is none."""
    if not found:
        return NO_CLIP
    n_pages = -(-len(found) // PER_PAGE)
    page = min(max(1, page), n_pages)
    cards = "".join(_card(each, visitor) for each in page_of(found, page))
    return f'<ul class="gallery">{cards}</ul>{_pages(page, n_pages, len(found), query)}'


def _pages(page: int, n_pages: int, n: int, query: dict[str, str]) -> str:
    def turn(to: int, what: str) -> str:
        off = "" if 1 <= to <= n_pages else " disabled"
        return f'<button type="button" data-turn="{to}"{off}>{what}</button>'

    return (
        '<nav class="pages" aria-label="Pages of clips">'
        '<button type="button" data-all="all">Play one after another</button>'
        f"{turn(page - 1, 'Back')}<span>{page} of {n_pages} · {n} clips</span>"
        f"{turn(page + 1, 'On')}"
        f'<a href="{ZIP}?{escape(urlencode(query))}" download>Export as zip</a></nav>'
    )


def _card(clip: SavedClip, visitor: Visitor) -> str:
    config, name = clip.config, escape(clip.id)
    title = " · ".join(filter(None, (config.raga, config.tala, config.section)))
    liked = clip.id in visitor.favourites
    bin_ = f'<button type="button" data-remove="{name}">Delete</button>'
    score = clip.scores.get("adherence")
    judged = f" · raga {score:.0f}" if score is not None else ""
    return (
        f'<li class="card"><img loading="lazy" alt="Spectrogram" src="{CLIPS}/{name}/thumbnail">'
        f'<b>{escape(title)}</b><button type="button" class="heart" data-favour="{name}" '
        f'aria-pressed="{str(liked).lower()}" aria-label="Favourite">{"♥" if liked else "♡"}'
        f"</button><small>{escape(clip.prompt)}</small>"
        f'<audio controls preload="none" src="{CLIPS}/{name}/sound"></audio>'
        f"<footer><small>seed {config.seed} · {clip.duration_s:.0f} s{judged}</small>"
        f'<button type="button" data-open="{name}">Look closer</button>'
        f'<button type="button" data-again="{name}">Use these settings</button>'
        f"{bin_ if visitor.may_delete(clip) else ''}</footer></li>"
    )


@alerting
def favoured(favourites: list[str] | None, event: gr.EventData) -> list[str]:
    """The favourites with the clip whose heart was pressed, or without it."""
    kept = favourites or []
    if event.clip_id in kept:
        return [each for each in kept if each != event.clip_id]
    return [event.clip_id, *kept][:1000]


@alerting
def remove(
    workspace: Workspace,
    token: str | None,
    profile: gr.OAuthProfile | None,
    event: gr.EventData,
) -> None:
    """Delete the clip whose button was pressed, if it is one's own."""
    saved = clips.clip(workspace, event.clip_id)
    if Visitor((), maker_of(token), is_owner(profile)).may_delete(saved):
        clips.delete(workspace, saved.id)


def build_gallery(
    page: gr.Blocks, tab: gr.Tab, workspace: Workspace, token: gr.BrowserState
) -> Gallery:
    """Add the gallery below the player."""
    favourites = gr.BrowserState([], storage_key="studio-favourites", secret="kept in the browser")
    gr.Markdown("### Made so far")
    with gr.Row():
        filters = [
            gr.Dropdown(
                [(f"Any {what}", "")], value="", label=what.capitalize(), elem_id=f"gallery-{what}"
            )
            for what in ("raga", "tala", "section", "model")
        ]
        liked = gr.Checkbox(False, label="Favourites", elem_id="gallery-favourites")
    number = gr.Number(1, precision=0, visible=False)
    cards = gr.HTML(js_on_load=PRESSES, apply_default_css=False, elem_id="gallery")
    asked = [*filters, liked, number, favourites, token]
    look = bound(shown, workspace)
    gallery = Gallery(cards, look, asked, [cards, *filters])
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    see = (look, asked, gallery.shown)
    gr.on([tab.select, page.load, number.change], *see, **quiet)
    gr.on([each.input for each in (*filters, liked)], _first, None, number, **quiet).then(
        *see, **quiet
    )
    cards.turn(_turned, None, number, **quiet)
    cards.favour(favoured, favourites, favourites, **quiet).then(*see, **quiet)
    cards.remove(bound(remove, workspace), token, None, **quiet).then(*see, **quiet)
    return gallery


def _first() -> int:
    return 1


def _turned(event: gr.EventData) -> int:
    return int(event.clip_id)
