"""Stage 7: choose a raga and a tala, and hear it.

    GenerateConfig --wish--> words --drawing--> picture --codec--> sound

The same config gives the same samples, bit for bit, on the same machine: all chance comes from the
seed, drawn on the CPU. A `Generator` holds one model, loads it when it is first needed, and makes
one clip at a time; who comes while too many wait is sent away with a word.
"""

import logging
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.errors import ModelError
from core.spectrogram import Codec, read_image
from core.workspace import Workspace
from training.adapting import adapted, locate_lora, lora_hash
from training.clips import Clip, SavedClip, clips, read, save, tags
from training.denoise import Cancelled, Course
from training.drawing import Model, the_same_each_time, told_if_too_large
from training.loading import Taught, fingerprint, locate, taught
from training.sounding import finished, looped
from training.sources import heard_tonic_hz, picture_of_clip, picture_of_file
from training.wish import DEMO, GenerateConfig, Wish, resolve, sruti_hz

__all__ = ["Cancelled", "Clip", "GenerateConfig", "Generator", "again", "clips", "save"]

log = logging.getLogger(__name__)

Progress = Callable[[float, str], object]  # share done 0..1, what is done now

MAX_WAITING = 8
TAIL_COLUMNS = 8  # drawn beyond the end, so that the sound there is not at the picture's edge
DRAWN, SOUNDED = 0.75, 0.99  # of the time, when each is done


@dataclass(frozen=True)
class _Watch:
    progress: Progress = lambda share, what: None
    cancelled: Callable[[], bool] = lambda: False

    def part(self, low: float, high: float, what: str) -> Callable[[float], None]:
        """The progress of one stage, as a part of the whole."""

        def tell(share: float) -> None:
            self.progress(low + share * (high - low), what)

        return tell

    def check(self, where: str) -> None:
        if self.cancelled():
            raise Cancelled(f"Stopped {where}.")


class Generator:
    """One model and the clips it makes."""

    def __init__(
        self,
        model: str | Path = DEMO,
        device: str | None = None,
        workspace: Workspace | None = None,
    ):
        self.model = str(model)
        self.workspace = workspace  # where the clips are that others begin from
        self._device = device
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(MAX_WAITING + 1)
        self._folder: Path | None = None
        self._loaded: Model | None = None

    @property
    def taught(self) -> Taught:
        """What the model was taught and how its pictures sound; loads nothing."""
        return taught(self._found())

    def generate(
        self,
        config: GenerateConfig,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        source: np.ndarray | None = None,
        prompt: str | None = None,
    ) -> Clip:
        """Make the clip that `config` describes.

        Parameters
        ----------
        source : np.ndarray [shape=(n_rows, n_columns), uint8], optional
            A picture to vary or continue, instead of that of the clip `config.source`.
        prompt : str, optional
            The words that `config` came to when it was first drawn.

        Raises
        ------
        TheoryError
            If a name is unknown.
        ModelError
            If the model cannot be loaded, is too busy, or the machine too small.
        Cancelled
            If `cancelled()` became true meanwhile.
        """
        asked = {"progress": progress, "cancelled": cancelled}
        watch = _Watch(**{name: call for name, call in asked.items() if call})
        known = self.taught
        wish = resolve(replace(config, model=self.model), known.vocabulary)
        wish = replace(wish, prompt=prompt or wish.prompt)
        codec = known.codec_at(config.tonic_hz)
        if source is None and config.source:
            source = picture_of_clip(self.workspace or Workspace.at(), config.source, codec)
        with self._my_turn(watch), told_if_too_large():
            model = self._ready(known, watch)
            wish = _with_threads(wish)
            lora = locate_lora(config.lora) if config.lora else None
            with (
                the_same_each_time(wish.config.threads),
                adapted(model.pipeline, lora, config.lora_strength),
            ):
                drawn = _drawn(model, wish, source, watch)
            if lora:
                drawn = replace(drawn, model_hash=f"{drawn.model_hash}+{lora_hash(lora)}")
        return _sounded(drawn, wish, codec, watch)

    def prepare(self) -> None:
        """Load the model now rather than with the first clip."""
        known, watch = self.taught, _Watch()
        with self._my_turn(watch), told_if_too_large():
            self._ready(known, watch)

    def _found(self) -> Path:
        if self._folder is None or Path(self.model).is_dir() or self.model == DEMO:
            self._folder = locate(self.model)  # a folder may change; what was fetched does not
        return self._folder

    def _ready(self, known: Taught, watch: _Watch) -> Model:
        if self._loaded is None or self._loaded.hash != fingerprint(self._folder):
            watch.progress(0.0, "Loading the model")
            self._loaded = None  # frees its memory first
            self._loaded = Model.load(self._folder, known.codec, self._device)
        return self._loaded

    @contextmanager
    def _my_turn(self, watch: _Watch) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise ModelError(f"{MAX_WAITING} others wait for this model. Try again in a minute.")
        try:
            while not self._turn.acquire(timeout=0.1):
                watch.progress(0.0, "Waiting for its turn")
                watch.check("before its turn")
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._places.release()


def _with_threads(wish: Wish) -> Wish:
    import torch

    return replace(
        wish, config=replace(wish.config, threads=wish.config.threads or torch.get_num_threads())
    )


@dataclass(frozen=True)
class _Drawn:
    image: np.ndarray  # with a tail, without what it continues
    source: np.ndarray | None
    model_hash: str


def _drawn(model: Model, wish: Wish, source: np.ndarray | None, watch: _Watch) -> _Drawn:
    config, hop_s = wish.config, model.codec.hop_length / model.codec.sr
    n_columns = math.ceil(config.seconds / hop_s)
    course = Course(
        config.steps,
        config.guidance_scale,
        tell=watch.part(0.02, DRAWN, "Drawing"),
        cancelled=watch.cancelled,
    )
    watch.progress(0.0, "Reading the words")
    if config.loop:
        return _Drawn(model.draw(wish, n_columns, course, source), source, model.hash)
    n_known = 0
    if source is not None and config.use == "continue":
        n_known = model.n_context_columns(source)
    n_columns += n_known + TAIL_COLUMNS
    image = model.draw(wish, n_columns, course, source)[:, n_known:n_columns]
    return _Drawn(image, source, model.hash)


def _sounded(drawn: _Drawn, wish: Wish, codec: Codec, watch: _Watch) -> Clip:
    """Sound a picture, at a level and with ends that are pleasant to hear."""
    config, image, source = wish.config, drawn.image, drawn.source
    watch.check("before it sounded")
    tell, seed = watch.part(DRAWN, SOUNDED, "Sounding"), config.seed % 2**32
    if config.loop:
        y = looped(codec, image, seed, tell)
    else:
        n_samples = round(config.seconds * codec.sr)
        if source is not None and config.use == "continue":
            image = np.concatenate([source, image], axis=1)
            n_samples += source.shape[1] * codec.hop_length
        y = finished(codec.decode(image, seed=seed, progress=tell)[:n_samples], codec.sr)
        image = image[:, : math.ceil(n_samples / codec.hop_length)]
    watch.progress(1.0, "Done")
    return Clip(
        y, codec.sr, image, codec, config, wish.prompt, drawn.model_hash, wish.notes, source
    )


def again(
    saved: SavedClip, generator: Generator | None = None, progress: Progress | None = None
) -> Clip:
    """Make a saved clip anew: the same samples, if its model has not changed since."""
    generator = generator or Generator(saved.config.model)
    source = read_image(saved.source_picture)[0] if saved.source_picture.exists() else None
    prompt = saved.prompt  # templates may have changed since
    clip = generator.generate(saved.config, progress, source=source, prompt=prompt)
    notes = saved.notes
    if clip.model_hash != saved.model_hash:
        changed = (
            f"{generator.model} is no more the model that made this clip; it sounds otherwise."
        )
        notes = (*notes, changed)
    return replace(clip, config=saved.config, notes=notes)


def main(
    config: GenerateConfig,
    out: Path | None = None,
    sruti: str | None = None,
    best_of: int = 1,
    recognizer: Path | None = None,
    source_sruti: str | None = None,
    again_from: Path | None = None,
    workspace: Path | None = None,
) -> None:
    """Make a clip by raga, tala and section.

    Args:
        config: what to play.
        out: the audio file to write (.wav, .flac, .ogg or .mp3); without it the clip is kept among
            the workspace's.
        sruti: the tonic as a note (C#), in kattai (2.5) or in Hz, instead of --tonic-hz.
        best_of: make so many and keep the one that keeps to its raga best, by its pitch.
        recognizer: let this recogniser of pictures choose instead (`training.recognizer train`).
        source_sruti: the Sa of an audio file to begin from, said likewise, or "heard" to listen for
            it; that of the clip if not given.
        again_from: a clip's .json, to make that clip again; all that it says counts.
        workspace: the folder that holds everything; $STUDIO_WORKSPACE or workspace/ if not given.
    """
    from core.command import progress_bar
    from training import choosing

    place = Workspace.at(workspace)
    config = replace(config, tonic_hz=sruti_hz(sruti)) if sruti else config
    saved = read(again_from) if again_from else None
    config = saved.config if saved else config
    generator = Generator(config.model, workspace=place)
    resolve(config, generator.taught.vocabulary)  # a mistake is told before anything is shown
    bar = progress_bar(100, "%", "clip")

    def show(share: float, what: str) -> None:
        bar.set_postfix_str(what, refresh=False)
        bar.update(round(100 * share) - bar.n)

    with bar:
        if saved:
            clip = again(saved, generator, progress=show)
        else:
            source = _recording(config, generator, source_sruti)
            by = choosing.by_recognizer(recognizer) if recognizer else choosing.by_raga
            clip = choosing.best_of(generator, config, best_of, by, progress=show, source=source)
    _hand_over(clip, out, place)


def _recording(
    config: GenerateConfig, generator: Generator, sruti: str | None
) -> np.ndarray | None:
    """The picture of the audio file to begin from, if it is one."""
    if not config.source or not Path(config.source).is_file():
        return None
    codec, path = generator.taught.codec_at(config.tonic_hz), Path(config.source)
    if sruti == "heard":
        tonic_hz = heard_tonic_hz(path)
        log.info("Its Sa is heard at %.1f Hz.", tonic_hz)
    else:
        tonic_hz = sruti_hz(sruti) if sruti else None
    return picture_of_file(path, codec, tonic_hz)


def _hand_over(clip: Clip, out: Path | None, place: Workspace) -> None:
    from core import audio

    for note in clip.notes:
        log.info(note)
    if out is None:
        out = place.clip(save(clip, place))
    else:
        audio.write(out, clip.y, clip.sr, tags(clip))
    log.info("%s: %s", out, clip.prompt)


if __name__ == "__main__":
    from tyro.conf import OmitArgPrefixes, configure

    from core.command import run

    run(configure(OmitArgPrefixes)(main))
