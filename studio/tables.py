"""Tables as the page shows them: on a phone each row becomes a card with its heads beside it."""

from collections.abc import Iterable, Sequence
from html import escape

from core.edits import clock
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

# Lets the editor above show and play the stretch that a pressed button names.
LISTENS = """
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-from]');
  const editor = document.querySelector('.editor-body');
  if (!pressed || !editor) return;
  const detail = {start_s: +pressed.dataset.from, end_s: +pressed.dataset.to};
  editor.dispatchEvent(new CustomEvent('listen', {detail}));
  editor.scrollIntoView({block: 'nearest', behavior: 'smooth'});
});
"""


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


def listen_button(start_s: float, end_s: float) -> str:
    """A stretch of time that is heard when it is pressed."""
    span = f"{clock(start_s)} – {clock(end_s)}"
    return (
        f'<button type="button" class="listen" data-from="{start_s:.3f}" data-to="{end_s:.3f}">'
        f'<span aria-hidden="true">▶</span><span class="unseen">Listen to</span> {span}</button>'
    )


def faults_html(error: StudioError) -> str:
    """An error with a line for each fault, as a list."""
    first, *rest = str(error).splitlines()
    faults = "".join(f"<li>{escape(line)}</li>" for line in rest)
    listed = f"<ul>{faults}</ul>" if faults else ""
    return f'<div class="notice bad" role="alert"><p>{escape(first)}</p>{listed}</div>'
