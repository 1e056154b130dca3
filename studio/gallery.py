"""The clips made so far as cards: picture, player, words, and what can be done with each."""

from html import escape

from training.clips import SavedClip

CLIPS = "/gradio_api/studio/clips"

# Tells Python which card's button was pressed: 'again' or 'remove'. One player sounds at a time.
GALLERY_PRESSES = """
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-again], [data-remove]');
  if (!pressed) return;
  if (pressed.dataset.again) trigger('again', {clip_id: pressed.dataset.again});
  else trigger('remove', {clip_id: pressed.dataset.remove});
});
element.addEventListener('play', (event) => {
  for (const player of element.querySelectorAll('audio'))
    if (player !== event.target) player.pause();
}, true);
element.addEventListener('ended', (event) => {
  const card = event.target.closest('li')?.nextElementSibling;
  card?.querySelector('audio')?.play();
}, true);
"""


def gallery_html(found: list[SavedClip], may_delete: bool) -> str:
    """The cards of these clips; a word where there is none."""
    if not found:
        return '<p class="notice">No clip here yet. Choose above and press Generate.</p>'
    return f'<ul class="gallery">{"".join(_card(each, may_delete) for each in found)}</ul>'


def _card(clip: SavedClip, may_delete: bool) -> str:
    config, name = clip.config, escape(clip.id)
    title = " · ".join(filter(None, (config.raga, config.tala, config.section)))
    bin_ = ""
    if may_delete and not clip.is_shipped:
        bin_ = f'<button type="button" data-remove="{name}">Delete</button>'
    return (
        f'<li class="card"><img loading="lazy" alt="Spectrogram" src="{CLIPS}/{name}/picture">'
        f"<b>{escape(title)}</b><small>{escape(clip.prompt)}</small>"
        f'<audio controls preload="none" src="{CLIPS}/{name}/sound"></audio>'
        f"<footer><small>seed {config.seed} · {clip.duration_s:.0f} s</small>"
        f'<button type="button" data-again="{name}">Use these settings</button>{bin_}</footer></li>'
    )
