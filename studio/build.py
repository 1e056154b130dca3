"""The whole page: one tab per stage in the order of work, and how it is launched."""

import os
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr

from core.library import Library
from core.workspace import ASSETS, Workspace
from studio.access import on_space
from studio.alerts import bound
from studio.captions_tab import build_captions_tab
from studio.concerts_tab import ConcertsTab, build_concerts_tab
from studio.downloads import Downloads
from studio.editor.routes import STATIC, routes
from studio.play_tab import build_play_tab
from studio.samples import SampleConcerts
from studio.segment_tab import SegmentTab, build_segment_tab, offer
from studio.theme import studio_theme
from studio.train_tab import build_train_tab

TITLE = "Carnatic Riffusion Studio"
MAX_UPLOAD = "4gb"  # a three-hour concert as 24-bit stereo wav is 3.1 GB
SWEPT_S = (3600, 24 * 3600)  # hourly: what visitors uploaded or were sent a day ago

_HEADER = """
<header class="masthead">
  <h1>Carnatic Riffusion Studio</h1>
  <p>From a concert to music by raga and tala: mark it, say what it is, train, and listen.</p>
</header>
"""
_QUIET = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
_TABS = ("concerts", "segment", "captions", "train", "play")
# Gradio selects the first tab as the page opens and sends the address along with each request, so
# until the tab that the address names has been restored, the address is left alone. Where it names
# none, whoever was quick has gone on by then, and that is written down.
_REMEMBER = """() => {{
  window.studioTab = '{tab}';
  window.rememberTab ??= () => {{
    const address = new URL(location);
    address.searchParams.set('tab', window.studioTab);
    history.replaceState(history.state, '', address);
  }};
  if (window.studioIsOpen) window.rememberTab();
}}"""
_RESTORED = """() => {
  window.studioIsOpen = true;
  const asked = new URLSearchParams(location.search).get('tab') ?? 'concerts';
  if (asked === 'concerts' && window.studioTab !== 'concerts') window.rememberTab?.();
}"""


def build_studio(
    workspace: Workspace,
    library: Library,
    samples: SampleConcerts | None = None,
    downloads: Downloads | None = None,
) -> gr.Blocks:
    """The page over one workspace."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=SWEPT_S) as page:
        with gr.Row(elem_classes="top"):
            gr.HTML(_HEADER, apply_default_css=False)
            if on_space():
                gr.LoginButton(scale=0, min_width=160)
        with gr.Tabs(elem_id="stages") as tabs:
            concerts = build_concerts_tab(page, workspace, library, samples, downloads)
            segment = build_segment_tab(page, workspace, library)
            captions = build_captions_tab(page, workspace, library)
            build_train_tab(page, workspace)
            build_play_tab(page, workspace)
        _lead_on(tabs, concerts)
        _lead_to_segment([*concerts.tables, captions.table], tabs, segment, library)
        _come_back(page, tabs, segment, library)
    return page


def launch_settings(workspace: Workspace, library: Library) -> dict[str, Any]:
    """What `launch` needs for the page to look and to serve as it should."""
    styles = [STATIC / name for name in ("sections.css", "editor.css", "ragas.css")]
    styles += [ASSETS / "studio.css", ASSETS / "panels.css", ASSETS / "play.css"]
    return {
        "theme": studio_theme(),
        "css": "\n".join(path.read_text() for path in styles),
        "app_kwargs": {"routes": routes(workspace, library)},
        "max_file_size": MAX_UPLOAD,
        "run_history": False,
        "ssr_mode": False,
        "footer_links": ["api"],
        "mcp_server": True,  # of what the API offers; everything else is private
    }


def _lead_on(tabs: gr.Tabs, concerts: ConcertsTab) -> None:
    """Let each step lead to its tab, and the address name the tab that is open."""
    concerts.steps.go(_gone, None, tabs, **_QUIET)
    for tab in tabs.children:
        tab.select(None, js=_REMEMBER.format(tab=tab.id), api_visibility="private")


def _lead_to_segment(
    tables: list[gr.HTML], tabs: gr.Tabs, segment: SegmentTab, library: Library
) -> None:
    """Let each table's buttons open their recording in the editor."""
    opened = [tabs, segment.recording, segment.editor]
    for table in tables:
        table.open(bound(_opened, library), segment.editor, opened, **_QUIET)


def _come_back(page: gr.Blocks, tabs: gr.Tabs, segment: SegmentTab, library: Library) -> None:
    """After a reload, open the tab and the recording that the address names."""
    page.load(
        bound(_restored, library),
        segment.editor,
        [tabs, segment.recording, segment.editor],
        **_QUIET,
    ).then(None, js=_RESTORED, api_visibility="private")


def _gone(event: gr.EventData) -> gr.Tabs:
    return gr.Tabs(selected=event.tab)


def _opened(library: Library, shown: dict | None, event: gr.EventData) -> tuple:
    at = getattr(event, "segment_id", None)
    return gr.Tabs(selected="segment"), *offer(library, event.recording_id, shown, at)


def _restored(library: Library, shown: dict | None, request: gr.Request) -> tuple:
    asked = dict(request.query_params)
    tab = asked.get("tab") if asked.get("tab") in _TABS else _TABS[0]
    if tab == _TABS[0]:  # open already; who was quick may have gone on to another meanwhile
        return gr.skip(), gr.skip(), gr.skip()
    return gr.Tabs(selected=tab), *offer(library, asked.get("recording"), shown)
