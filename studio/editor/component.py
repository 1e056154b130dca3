"""The waveform region editor as a gradio component.

Its value is what to open, `{"recording_id": ..., "n": ...}`; all else passes by `routes` and the
server functions, so that nothing of a three-hour recording travels through component values.
The template below holds no text of a user: gradio would run it as a template.
"""

import json
from typing import Any

import gradio as gr

from core.library import Library
from core.pitch import FRAME_S
from core.records import SECTIONS
from studio.editor import strip
from studio.editor.edits import server_functions
from studio.editor.listening import TILE_S
from studio.editor.routes import PREFIX, STATIC, version

_HTML = """
<div class="editor" role="group" aria-label="Waveform editor">
  <p class="editor-empty">Choose a recording above to see and mark it here.</p>
</div>
"""

_ON_LOAD = """
const home = location.origin + new URL(window.gradio_config?.root || '/', location.href).pathname;
const at = home.replace(/[/]$/, '') + 'PREFIX';
import(at + '/static/VERSION/editor.js')
  .then(module => module.mount({element, props, server, watch, at, config: CONFIG}))
  .catch(error => { element.querySelector('.editor').textContent = 'It failed: ' + error; });
"""

_CONFIG = {
    "sections": [
        {"name": name, "key": key} for name, key in zip(SECTIONS, "1234567890QW", strict=True)
    ],
    "strip": {
        "columns": strip.TILE_COLUMNS,
        "levels": len(strip.LEVELS),
        "low_hz": strip.LOW_HZ,
        "high_hz": strip.HIGH_HZ,
    },
    "pitch": {"tile_s": TILE_S, "frame_s": FRAME_S},
}


def _on_load() -> str:
    """The script with all it must know: a property might not be there yet when it runs."""
    said = {"PREFIX": PREFIX, "VERSION": version(STATIC), "CONFIG": json.dumps(_CONFIG)}
    script = _ON_LOAD
    for word, value in said.items():
        script = script.replace(word, value)
    return script


class RegionEditor(gr.HTML):
    """Marks up one recording at a time; every change is saved in the library at once."""

    def __init__(self, library: Library, **options: Any):
        super().__init__(
            {"recording_id": None, "n": 0},
            html_template=_HTML,
            js_on_load=_on_load(),
            apply_default_css=False,
            server_functions=server_functions(library),
            **options,
        )

    def postprocess(self, value: dict | None) -> dict | None:
        """Pass the value on as it is: it is no HTML."""
        return value

    def preprocess(self, payload: dict | None) -> dict | None:
        """Pass the value on as it is."""
        return payload

    def api_info(self) -> dict[str, Any]:
        """An object, not text."""
        return {"type": "object"}
