"""Tables as the page shows them: on a phone each row becomes a card with its heads beside it."""

from collections.abc import Iterable, Sequence
from html import escape

from core.errors import StudioError

# Tells Python which row's button was pressed: 'open' a recording.
OPENS = """
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-open]');
  if (pressed) trigger('open', {recording_id: pressed.dataset.open});
});
"""

# The last input of a handler becomes the name that the editor keeps in this browser.
NICKNAME = """(...inputs) => {
  inputs[inputs.length - 1] = localStorage.getItem('studio.annotator') ?? '';
  return inputs;
}"""


def table_html(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells are HTML, so text in them is escaped by whoever makes them."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-head="{escape(name)}">{cell}</td>'
            for name, cell in zip(heads, cells, strict=True)
        )
        + "</tr>"
        for cells in rows
    )
    return f'<table class="rows"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def open_button(recording_id: str, title: str, segment_id: str | None = None) -> str:
    """A button that opens a recording in the editor, at a region; a screen reader says which."""
    at = f' data-at="{escape(segment_id)}"' if segment_id else ""
    return (
        f'<button type="button" data-open="{escape(recording_id)}"{at}>Open'
        f'<span class="unseen"> {escape(title)}</span></button>'
    )


def faults_html(error: StudioError) -> str:
    """An error with a line for each fault, as a list."""
    first, *rest = str(error).splitlines()
    faults = "".join(f"<li>{escape(line)}</li>" for line in rest)
    listed = f"<ul>{faults}</ul>" if faults else ""
    return f'<div class="notice bad" role="alert"><p>{escape(first)}</p>{listed}</div>'
