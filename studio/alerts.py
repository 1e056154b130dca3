"""How handlers reach the page: what a user can mend is shown, anything else stays a bug."""

import inspect
from collections.abc import Callable
from functools import wraps

import gradio as gr

from core.errors import StudioError


def alerting(handler: Callable) -> Callable:
    """Show a `StudioError` as an alert in the page; let any other exception keep its traceback."""

    @wraps(handler)
    def shown(*arguments, **options):
        try:
            return handler(*arguments, **options)
        except StudioError as error:
            raise gr.Error(str(error), title="Not done", print_exception=False) from error

    return shown


def bound(handler: Callable, *dependencies: object) -> Callable:
    """`handler` with its first arguments given, as a function whose signature gradio can read.

    A `functools.partial` hides its annotations, and gradio injects the request, the profile and
    the event by them.
    """
    signature = inspect.signature(handler)
    rest = list(signature.parameters.values())[len(dependencies) :]

    @wraps(handler)
    def call(*arguments, **options):
        return handler(*dependencies, *arguments, **options)

    call.__signature__ = signature.replace(parameters=rest)
    call.__annotations__ = {p.name: p.annotation for p in rest if p.annotation is not p.empty}
    return call
