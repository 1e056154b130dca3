"""Who may do what: everything at home; on a Space or by a public link, costly things the owner.

Outside a Space gradio's login is a stand-in that would hand any visitor the host's name, so it is
neither shown nor asked there: who came by the public link of `--share` is a visitor, who opened the
studio on the machine itself its owner. Whoever opens it to a network puts a login before it.
"""

import os
from collections.abc import Callable
from urllib.parse import urlsplit

import gradio as gr
from gradio.context import LocalContext

from core.errors import StudioError

SHARED = "STUDIO_SHARED"
AT_HOME = ("127.0.0.1", "localhost", "::1")
VISITOR_MAY_NOT = {
    "train": "Training is off on this Space for all but its owner: its machine is shared by all "
    "visitors. Duplicate the Space, or run the studio on your own machine, and train there.",
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


def share_openly() -> None:
    """Tell that a public link leads here: who comes by it is a visitor."""
    os.environ[SHARED] = "1"


def is_owner(profile: gr.OAuthProfile | None) -> bool:
    """Whether the visitor owns the studio: at home if at the machine, by name on a Space."""
    if not on_space():
        return not os.environ.get(SHARED) or _asked_host() in AT_HOME
    owner = os.environ.get("SPACE_AUTHOR_NAME")
    return bool(owner) and profile is not None and profile.username == owner


def _asked_host() -> str:
    """The host that the browser asked for; the public link's own name behind a tunnel."""
    request = LocalContext.request.get(None)
    headers = getattr(request, "headers", None) or {}
    return urlsplit(f"//{headers.get('host', '')}").hostname or ""


def permit(what: str, profile: gr.OAuthProfile | None) -> None:
    """Refuse `what` (a key of `VISITOR_MAY_NOT`) to anyone but the owner."""
    if is_owner(profile):
        return
    if not on_space():
        raise StudioError("Only who opened this studio may do that: it asks much of the machine.")
    raise StudioError(VISITOR_MAY_NOT[what])


def annotator(profile: gr.OAuthProfile | None, nickname: str | None) -> str | None:
    """Who an edit is by: the signed-in name, else the nickname they chose, else nobody's name."""
    if profile is not None:
        return profile.username
    return " ".join((nickname or "").split())[:60] or None


def on_gpu(handler: Callable) -> Callable:
    """Run `handler` on a Space's shared GPU, where the `spaces` package is; elsewhere as it is."""
    try:
        import spaces
    except ImportError:
        return handler
    return spaces.GPU(duration=60)(handler)
