"""Stage 8, the shipped gallery: a few clips of the demo model, so that a fresh install plays.

    python -m training.gallery                    makes assets/clips anew, after the model changed

Every raga that the model knows is heard in one of its sections and talas, the best of a few seeds
by the independent judge. Sounds are kept as mp3 and pictures not at all (they are drawn when asked
for), so that the folder stays below `MOST_BYTES`.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core import audio
from core.command import progress_bar
from core.errors import ModelError
from core.workspace import replacing
from training.choosing import best_of
from training.clips import SHIPPED, Clip, SavedClip, sidecar_of, tags
from training.ear import listened
from training.generate import Generator
from training.wish import DEMO, FREE_TIME, PLAYED, TEMPI, GenerateConfig, Vocabulary, says

log = logging.getLogger(__name__)

MOST_BYTES = 3_000_000
SRUTIS_HZ = (146.83, 138.59, 130.81, 196.0, 164.81)  # D, C#, C, G, E: men's, women's, a violin's
ORDER = ("alapanai", "kriti", "violin", "neraval", "kalpanaswaram", "alapanai", "tani avartanam")


@dataclass(frozen=True)
class GalleryConfig:
    """What is made."""

    out: Path = SHIPPED
    """The folder, whose clips are replaced."""
    model: str = DEMO
    """demo, a pipeline folder, or a Hugging Face model id."""
    clips: int = 24
    """How many."""
    best_of: int = 4
    """Candidates of each."""
    seconds: float = 10.0
    """Length of each."""
    steps: int = 25
    """Denoising steps of each."""
    device: str | None = None
    """cpu or cuda; a GPU where there is one."""


def make_gallery(config: GalleryConfig) -> list[SavedClip]:
    """Make the clips and put them in the place of what was there."""
    generator = Generator(config.model, device=config.device)
    known = generator.taught.vocabulary
    if not known.ragas:
        raise ModelError(f"{config.model} does not say which ragas it was taught.")
    made, start = [], time.time()
    with replacing(config.out) as part, progress_bar(config.clips, "clip", "gallery") as bar:
        part.mkdir()
        for n, wish in enumerate(wishes(config, known)):
            made.append(_kept(best_of(generator, wish, config.best_of), n, start - n, part))
            bar.update()
        _check_size(part)
    return made


def wishes(config: GalleryConfig, known: Vocabulary) -> Iterator[GenerateConfig]:
    """Each raga in turn, and with it the next section, tala, tempo and sruti."""
    sections = [each for each in ORDER if not known.sections or each in known.sections]
    for n in range(config.clips):
        section = sections[n % len(sections)]
        timed = section not in (*FREE_TIME, "violin")
        leads = ("voice", "violin")[n % 2] if says(known, section, "instrument") else None
        yield GenerateConfig(
            raga=None if section == "tani avartanam" else known.ragas[n % len(known.ragas)],
            tala=known.talas[n % len(known.talas)] if timed and known.talas else None,
            section=section,
            instrument=PLAYED.get(section, leads),
            tempo=TEMPI[n % 3] if timed and says(known, section, "tempo") else None,
            tonic_hz=SRUTIS_HZ[n % len(SRUTIS_HZ)],
            seconds=config.seconds,
            seed=100 * n,
            steps=config.steps,
            model=config.model,
        )


def _kept(clip: Clip, n: int, made: float, folder: Path) -> SavedClip:
    about = "-".join(filter(None, (clip.config.raga, clip.config.section))).lower()
    saved = SavedClip(
        id=f"shipped-{n:02d}-{about.replace(' ', '-')}",
        made=made,  # the first is shown first
        config=replace(clip.config, threads=None),
        prompt=clip.prompt,
        model_hash=clip.model_hash,
        duration_s=len(clip.y) / clip.sr,
        notes=clip.notes,
        scores=listened(clip.y, clip.sr, clip.config).scores,
        folder=folder,
    )
    audio.write(folder / f"{saved.id}.mp3", clip.y, clip.sr, tags(saved))
    (folder / f"{saved.id}.json").write_bytes(sidecar_of(saved))
    return saved


def _check_size(folder: Path) -> None:
    size = sum(path.stat().st_size for path in folder.iterdir())
    if size > MOST_BYTES:
        raise ModelError(
            f"The clips take {size / 1e6:.1f} MB of {MOST_BYTES / 1e6:.0f}. Make fewer or shorter."
        )


def main(config: GalleryConfig) -> None:
    """Make the gallery that ships with the studio.

    Args:
        config: how much of it, and where.
    """
    for saved in make_gallery(config):
        log.info("%s: %s %s", saved.id, saved.prompt, saved.scores.get("adherence", ""))


if __name__ == "__main__":
    from tyro.conf import OmitArgPrefixes, configure

    from core.command import run

    run(configure(OmitArgPrefixes)(main))
