"""Stage 3, suggested, in the page: buttons above the editor that cut and learn.

The drafts appear in the editor as dashed regions by themselves, since it asks for changes; there
they are accepted, corrected or rejected.
"""

from html import escape

import gradio as gr

from core.errors import LibraryError
from core.library import Library
from core.segmentation.drafting import least_sure
from core.workspace import Workspace
from studio.access import permit
from studio.alerts import alerting, bound
from studio.suggesting import LEARNING, State, SuggestionWork

POLL_S = 1.0


@alerting
def press_suggest(work: SuggestionWork, library: Library, chosen: str | None) -> tuple:
    """Begin to cut the chosen recording."""
    work.suggest(_chosen(chosen))
    return shown(work, library)


@alerting
def press_stop(work: SuggestionWork, library: Library) -> tuple:
    """End what is at work."""
    work.stop()
    return shown(work, library)


@alerting
def press_learn(work: SuggestionWork, library: Library, profile: gr.OAuthProfile | None) -> tuple:
    """Learn from everything approved."""
    permit("train", profile)
    work.learn()
    return shown(work, library)


def shown(work: SuggestionWork, library: Library) -> tuple[str, gr.Timer, gr.Button]:
    """Where the work stands; the timer and the Stop button live while it runs."""
    state = work.state
    running = state.is_running
    said = _running(state) if running else _ended(state, library)
    return said, gr.Timer(POLL_S, active=running), gr.Button(visible=running)


def build_suggest_panel(
    page: gr.Blocks, workspace: Workspace, library: Library, recording: gr.Dropdown
) -> SuggestionWork:
    """Add the panel to the open tab."""
    work = SuggestionWork(workspace, library)
    with gr.Row(elem_id="suggest-panel", equal_height=True):
        suggest = gr.Button(
            "Suggest sections", size="sm", min_width=140, scale=0, elem_id="suggest"
        )
        stop = gr.Button(
            "Stop", size="sm", min_width=80, scale=0, visible=False, elem_id="suggest-stop"
        )
        learn = gr.Button("Retrain", size="sm", min_width=100, scale=0, elem_id="suggest-learn")
    said = gr.HTML(elem_id="suggest-said", apply_default_css=False)
    again = gr.Timer(POLL_S, active=False)

    quiet = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    outputs = [said, again, stop]
    suggest.click(bound(press_suggest, work, library), recording, outputs, **quiet)
    stop.click(bound(press_stop, work, library), None, outputs, **quiet)
    learn.click(bound(press_learn, work, library), None, outputs, **quiet)
    gr.on([again.tick, page.load], bound(shown, work, library), None, outputs, **quiet)
    return work


def _chosen(recording_id: str | None) -> str:
    if not recording_id:
        raise LibraryError("No recording is chosen. Choose one above.")
    return recording_id


def _running(state: State) -> str:
    what = "Learning from what is approved" if state.on == LEARNING else "Suggesting sections"
    percent = round(100 * state.share)
    return (
        f'<p class="notice" role="status" data-state="running">{what}: {escape(state.doing)} '
        f'<progress max="100" value="{percent}"></progress> {percent} %</p>'
    )


def _ended(state: State, library: Library) -> str:
    if state.wrong:
        return f'<p class="notice bad" role="alert" data-state="wrong">{escape(state.wrong)}</p>'
    return _notice(state.said, library) if state.said else ""


def _notice(said: str, library: Library) -> str:
    next_one = least_sure(library)
    if next_one is not None:
        said += f" To mark next: {next_one[0].title}, of which it is least sure."
    return f'<p class="notice" role="status" data-state="done">{escape(said)}</p>'
