"""Stage 4 in the page: word regions by templates, seen at work on real ones; below, stage 5."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import gradio as gr

from core.errors import AnnotationError
from core.library import Library
from core.records import SECTIONS, SectionName
from core.templates import FIELDS, CaptionTemplate, save_templates, template_names, templates
from core.variants import edit
from core.workspace import Workspace
from studio.access import annotator
from studio.alerts import alerting, bound
from studio.caption_table import (
    CAPTION_PRESSES,
    PAGE,
    View,
    captions_html,
    gaps_html,
    names_heard,
)
from studio.export_form import build_export_form, ragas_of
from studio.token_counts import base_names

LONGEST = 1000  # letters of a caption by hand; models read some seventy words
FIRST = "sections"  # the template that is shown first
UNSAVED = "Not saved yet: give it a name of your own."

Own = Mapping[str, str]  # what was typed over the template and not saved yet, by section
PRIVATE = {"api_visibility": "private"}
QUIET = {**PRIVATE, "show_progress": "hidden", "queue": False}


@dataclass(frozen=True)
class CaptionsTab:
    """What the rest of the page may use: `table` tells of 'open', a region to look at."""

    table: gr.HTML


@dataclass(frozen=True)
class _Parts:
    """The tab's components, by what they are for."""

    own: gr.State
    seen: gr.State  # which gap is looked at, and how many regions are shown
    template: gr.Dropdown
    section: gr.Dropdown
    text: gr.Textbox
    said: gr.Markdown
    filters: tuple  # everywhere, raga, artist, base
    gaps: gr.HTML
    table: gr.HTML

    @property
    def view(self) -> list:
        """What `View` is made of, in its order."""
        return [self.own, self.template, self.section, *self.filters, self.seen]


def view_of(own: Own, template: str, section: str, *filters) -> View:
    """The page's choices as one value; the last of `filters` is what was pressed in the table."""
    everywhere, raga, artist, base, seen = filters
    return View(own, template, section, everywhere, raga, artist, base, **seen)


@alerting
def show(workspace: Workspace, library: Library, *choices) -> str:
    """The table as it is now."""
    return captions_html(workspace, library, view_of(*choices))


@alerting
def show_template(
    workspace: Workspace, library: Library, own: Own, name: str, section: SectionName, *rest
) -> tuple[Own, str, str, str, str]:
    """Begin with another template; what was typed over the last one is forgotten."""
    del own
    view = view_of({}, name, section, *rest)
    text = templates(name, workspace)[section].text
    table, gaps = (html(workspace, library, view) for html in (captions_html, gaps_html))
    return {}, text, table, gaps, ""


@alerting
def show_section(
    workspace: Workspace, library: Library, own: Own, name: str, section: SectionName, *rest
) -> tuple[str, str]:
    """A section's template as it is now, and what it says of real segments."""
    text = own.get(section) or templates(name, workspace)[section].text
    return text, captions_html(workspace, library, view_of(own, name, section, *rest))


@alerting
def type_over(
    workspace: Workspace,
    library: Library,
    text: str,
    own: Own,
    name: str,
    section: SectionName,
    *rest,
) -> tuple[Own, str, str]:
    """Take what is typed, and show what it says."""
    now = {each: typed for each, typed in own.items() if each != section}
    if not _says(templates(name, workspace)[section], text):
        now[section] = text
    view = view_of(now, name, section, *rest)
    return now, captions_html(workspace, library, view), UNSAVED if now else ""


@alerting
def save(workspace: Workspace, own: Own, base: str, name: str) -> tuple[Own, gr.Dropdown, str]:
    """Keep what was typed, and the rest of what it was begun from, under a name."""
    name = name.strip()
    if not name:
        raise AnnotationError("The template has no name yet. Type one beside Save.")
    texts = {each: template.text for each, template in templates(base, workspace).items()}
    save_templates(workspace, name, {**texts, **own})
    return {}, gr.Dropdown(template_names(workspace), value=name), f"Saved as **{name}**."


@alerting
def rewrite(
    workspace: Workspace,
    library: Library,
    event: gr.EventData,
    profile: gr.OAuthProfile | None,
    *choices,
) -> tuple[str, str]:
    """Keep a caption written by hand; without a text, go back to the template's."""
    text = None if event.text is None else str(event.text)[:LONGEST]
    edit(workspace, library.segment(str(event.segment_id)), text, annotator(profile, None))
    view = view_of(*choices)
    return captions_html(workspace, library, view), gaps_html(workspace, library, view)


def look_at(
    workspace: Workspace, library: Library, event: gr.EventData, *choices
) -> tuple[dict, str]:
    """Show only the regions where a field is not known, or all again."""
    seen = {"lacking": event.field if event.field in FIELDS else None, "n_shown": PAGE}
    return seen, show(workspace, library, *choices[:-1], seen)


def show_more(workspace: Workspace, library: Library, *choices) -> tuple[dict, str]:
    """Show some more regions."""
    *rest, seen = choices
    seen = {**seen, "n_shown": seen["n_shown"] + PAGE}
    return seen, show(workspace, library, *rest, seen)


@alerting
def refreshed(workspace: Workspace, library: Library, ragas: list[str] | None, *choices) -> tuple:
    """The table over the segments there are now, and the names to choose by."""
    view = view_of(*choices)
    heard, artists = names_heard(workspace, library)
    return (
        captions_html(workspace, library, view),
        gaps_html(workspace, library, view),
        _names("Every raga", heard, view.raga),
        _names("Every artist", artists, view.artist),
        gr.Dropdown(base_names(workspace)),
        ragas_of(library, ragas),
    )


def _names(every: str, names: list[str], chosen: str | None) -> gr.Dropdown:
    kept = chosen if chosen in names else ""
    return gr.Dropdown([(every, ""), *((name, name) for name in names)], value=kept)


def build_captions_tab(page: gr.Blocks, workspace: Workspace, library: Library) -> CaptionsTab:
    """Add the tab to the open `page`."""
    with gr.Tab("Captions", id="captions") as tab:
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300, elem_classes="card"):
                template, section, text, name, keep, said = _form(workspace)
                gaps = gr.HTML(js_on_load=CAPTION_PRESSES, apply_default_css=False, elem_id="gaps")
            with gr.Column(scale=3, min_width=320):
                filters = _filters(workspace)
                table = gr.HTML(
                    js_on_load=CAPTION_PRESSES, apply_default_css=False, elem_id="captions"
                )
        own, seen = gr.State({}), gr.State({"lacking": None, "n_shown": PAGE})
        with gr.Column(elem_classes="card"):
            ragas = build_export_form(workspace, library, template, own)

    parts = _Parts(own, seen, template, section, text, said, filters, gaps, table)
    keep.click(bound(save, workspace), [own, template, name], [own, template, said], **PRIVATE)
    again = bound(refreshed, workspace, library)
    found = [table, gaps, filters[1], filters[2], filters[3], ragas]
    gr.on([page.load, tab.select], again, [ragas, *parts.view], found, **QUIET)
    _wire_words(parts, workspace, library)
    _wire_table(parts, workspace, library)
    return CaptionsTab(table)


def _wire_words(parts: _Parts, workspace: Workspace, library: Library) -> None:
    """What is typed and chosen on the left shows on the right."""
    begun = [parts.own, parts.text, parts.table, parts.gaps, parts.said]
    parts.template.input(bound(show_template, workspace, library), parts.view, begun, **QUIET)
    shown = [parts.text, parts.table]
    parts.section.input(bound(show_section, workspace, library), parts.view, shown, **QUIET)
    parts.text.change(
        bound(type_over, workspace, library),
        [parts.text, *parts.view],
        [parts.own, parts.table, parts.said],
        trigger_mode="always_last",
        **QUIET,
    )
    chosen = [each.input for each in parts.filters]
    gr.on(chosen, bound(show, workspace, library), parts.view, parts.table, **QUIET)


def _wire_table(parts: _Parts, workspace: Workspace, library: Library) -> None:
    """What is pressed in the table and among the gaps."""
    seen, table, gaps = parts.seen, parts.table, parts.gaps
    table.rewrite(bound(rewrite, workspace, library), parts.view, [table, gaps], **QUIET)
    table.more(bound(show_more, workspace, library), parts.view, [seen, table], **QUIET)
    for pressed in (table, gaps):
        pressed.lack(bound(look_at, workspace, library), parts.view, [seen, table], **QUIET)


def _form(workspace: Workspace) -> tuple:
    gr.Markdown("### What each region is called")
    names, section = template_names(workspace), SECTIONS[0]
    template = gr.Dropdown(names, value=FIRST, label="Template", elem_id="template")
    of = gr.Dropdown(list(SECTIONS), value=section, label="Section", elem_id="template-section")
    text = gr.Textbox(
        templates(FIRST)[section].text,
        label="In words",
        info="A clause whose field is unknown is left out. | separates clauses.",
        lines=3,
        elem_id="template-text",
    )
    gr.HTML(_fields_html(), apply_default_css=False)
    with gr.Row():
        name = gr.Textbox(
            placeholder="a name of your own", label="Name", container=False, min_width=140, scale=2
        )
        keep = gr.Button("Save", min_width=90, scale=1)
    said = gr.Markdown(elem_classes="hint")
    return template, of, text, name, keep, said


def _filters(workspace: Workspace) -> tuple:
    with gr.Row(elem_classes="filters"):
        raga = gr.Dropdown([("Every raga", "")], value="", label="Raga", min_width=140)
        artist = gr.Dropdown([("Every artist", "")], value="", label="Artist", min_width=140)
        base = gr.Dropdown(
            base_names(workspace), value="demo", label="Length counted for", min_width=160
        )
        everywhere = gr.Checkbox(
            label="All sections", min_width=120, elem_id="captions-everywhere", container=False
        )
    return everywhere, raga, artist, base


def _says(template: CaptionTemplate, text: str) -> bool:
    try:
        return CaptionTemplate.parse(text) == template
    except AnnotationError:
        return False


def _fields_html() -> str:
    items = (f"<li><code>{{{name}}}</code> {escape(what)}</li>" for name, what in FIELDS.items())
    return f'<details class="known"><summary>Fields</summary><ul>{"".join(items)}</ul></details>'
