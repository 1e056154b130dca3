"""Who may do what: everything at home; on a Hugging Face Space, costly things only its owner.

Outside a Space gradio's login is a stand-in that would hand any visitor the host's name, so it is
neither shown nor asked there. Whoever opens the studio to a network puts a login before it.
"""

import os
from collections.abc import Callable

import gradio as gr

from core.errors import StudioError

VISITOR_MAY_NOT = {
    "train": "Training is off on this Space: its machine is shared by all visitors. Duplicate the "
    "Space, or run the studio on your own machine, and train there.",
    "push": "Pushing to the Hub is off on this Space: it would go out in its owner's name. Run the "
    "studio on your own machine and push from there.",
    "catalog": "The catalogue and YouTube are off on this Space for all but its owner: YouTube "
    "turns its addresses away. Run the studio on your own machine, or drop in an audio file.",
    "youtube": "YouTube import is off on this Space: YouTube turns its addresses away. Run the "
    "studio on your own machine, or drop in an audio file.",
}


def on_space() -> bool:
    """Whether this process runs as a Hugging Face Space."""
    return bool(os.environ.get("SPACE_ID"))


def is_owner(profile: gr.OAuthProfile | None) -> bool:
    """Whether the visitor owns the studio: always at home, by signed-in name on a Space."""
    if not on_space():
        return True
    owner = os.environ.get("SPACE_AUTHOR_NAME")
    return bool(owner) and profile is not None and profile.username == owner


def permit(what: str, profile: gr.OAuthProfile | None) -> None:
    """Refuse `what` (a key of `VISITOR_MAY_NOT`) to anyone but the owner."""
    if not is_owner(profile):
        raise StudioError(VISITOR_MAY_NOT[what])


def annotator(profile: gr.OAuthProfile | None, nickname: str | None) -> str | None:
    """Who an edit is by: the signed-in name, else the nickname they chose, else nobody's name."""
    if profile is not None:
        return profile.username
    return " ".join((nickname or "").split())[:60] or None


def on_gpu(handler: Callable) -> Callable:
    """Run `handler` on the Space's shared GPU, where there is one; elsewhere as it is."""
    if not on_space():
        return handler
    try:
        import spaces
    except ImportError:
        return handler
    return spaces.GPU(duration=60)(handler)
