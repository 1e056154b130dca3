"""Who may do what, at home and on a Space."""

from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.context import LocalContext

from core.errors import StudioError
from studio.access import SHARED, annotator, is_owner, on_space, permit, share_openly


def profile(name: str) -> gr.OAuthProfile:
    return gr.OAuthProfile({"preferred_username": name, "name": name, "profile": "", "picture": ""})


@pytest.fixture
def space(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "rasika/studio")
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "rasika")


@pytest.fixture
def home(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)


def test_at_home_everyone_is_the_owner(home):
    assert not on_space()
    assert is_owner(None)
    permit("train", None)


def test_on_a_space_only_its_author_is(space):
    assert is_owner(profile("rasika"))
    assert not is_owner(profile("visitor"))
    assert not is_owner(None)


def test_a_space_without_a_named_author_has_no_owner(space, monkeypatch):
    monkeypatch.delenv("SPACE_AUTHOR_NAME")
    assert not is_owner(profile("rasika"))


@pytest.mark.parametrize("what", ["train", "youtube"])
def test_a_visitor_is_told_why_not_and_what_to_do(space, what):
    with pytest.raises(StudioError, match="your own machine"):
        permit(what, profile("visitor"))


@pytest.mark.parametrize(
    ("host", "owns"),
    [
        ("127.0.0.1:7860", True),
        ("localhost:7860", True),
        ("[::1]:7860", True),
        ("1234.gradio.live", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_by_a_public_link_one_is_a_visitor_and_at_the_machine_the_owner(
    home, monkeypatch, host, owns
):
    monkeypatch.setenv(SHARED, "")  # so that it is put back
    share_openly()
    asked = LocalContext.request.set(SimpleNamespace(headers={"host": host}))
    try:
        assert is_owner(None) == owns
        if not owns:
            with pytest.raises(StudioError, match="Only who opened"):
                permit("train", None)
    finally:
        LocalContext.request.reset(asked)


def test_an_edit_is_by_the_signed_in_name_else_by_the_nickname():
    assert annotator(profile("rasika"), "someone else") == "rasika"
    assert annotator(None, "  Meera \n S ") == "Meera S"
    assert annotator(None, " ") is None
    assert annotator(None, None) is None
