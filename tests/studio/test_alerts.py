"""What a user can mend is shown; what is a bug stays one."""

import inspect

import gradio as gr
import pytest

from core.errors import StudioError
from studio.alerts import alerting, bound


def test_a_studio_error_becomes_an_alert_with_its_words():
    @alerting
    def handler():
        raise StudioError("Found 1, wanted 2. Give 2.")

    with pytest.raises(gr.Error, match=r"Found 1, wanted 2\. Give 2\."):
        handler()


def test_any_other_exception_passes_as_it_is():
    @alerting
    def handler():
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        handler()


def test_bound_gives_the_first_arguments():
    def handler(one, two, three):
        return one, two, three

    assert bound(handler, 1, 2)(3) == (1, 2, 3)


def test_bound_shows_gradio_what_is_left_to_give():
    @alerting
    def handler(library: object, text: str, request: gr.Request) -> str:
        return text

    call = bound(handler, object())
    assert list(inspect.signature(call).parameters) == ["text", "request"]
    filled, *_ = gr.helpers.special_args(call, ["typed"], request="the request")
    assert filled == ["typed", "the request"]
