"""Who may do what, at home and on a Space."""

import gradio as gr
import pytest

from core.errors import StudioError
from studio.access import annotator, is_owner, on_space, permit


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


def test_an_edit_is_by_the_signed_in_name_else_by_the_nickname():
    assert annotator(profile("rasika"), "someone else") == "rasika"
    assert annotator(None, "  Meera \n S ") == "Meera S"
    assert annotator(None, " ") is None
    assert annotator(None, None) is None
