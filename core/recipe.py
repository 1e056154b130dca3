"""Stage 5, the recipe: every setting of an export, and the codec it asks for."""

from dataclasses import dataclass, replace
from typing import get_args

from core.errors import DatasetError
from core.fields import PERFORMED
from core.formats import Layout
from core.records import SECTIONS, STATUSES, SectionName, Status
from core.workspace import checked_name

ABOVE_ZERO = (
    "n_captions",
    "clip_s",
    "hop_s",
    "max_s",
    "max_per_raga",
    "max_per_recording",
    "max_per_section",
    "workers",
)
ANY_TONIC_HZ = 146.8  # for what does not depend on the tonic, such as a clip's length
MUSIC = tuple(section for section in SECTIONS if section in PERFORMED)


@dataclass(frozen=True)
class ExportConfig:
    """What goes into a dataset."""

    name: str = "dataset"
    """The dataset's folder under datasets/ of the workspace."""
    preset: str = "svara"
    """The spectrogram: svara (rows counted from the tonic) or riffusion."""
    format: Layout = "imagefolder"
    """The folder's layout: what `datasets`, webdataset or kohya read; or sound (audiofolder)."""
    template: str = "rich"
    """The words of the captions: a preset or your own saved template."""
    n_captions: int = 4
    """Wordings of each caption, the plain one first."""
    seed: int = 0
    """Another seed, other wordings."""
    sections: tuple[SectionName, ...] = MUSIC
    """Which sections to take."""
    ragas: tuple[str, ...] = ()
    """Which ragas to take; none named means all."""
    statuses: tuple[Status, ...] = ("approved",)
    """Which segments to trust."""
    clip_s: float | None = None
    """Length of a clip in seconds; the codec's own if not given."""
    hop_s: float | None = None
    """From the start of one clip to the next; the clip's length if not given."""
    min_s: float = 0.0
    """Leave out segments shorter than this."""
    max_s: float | None = None
    """Leave out segments longer than this."""
    align_tonic: bool = True
    """Count the rows of the riffusion preset from the tonic too; svara always does."""
    estimate_tonic: bool = False
    """Measure the tonic of recordings that have none, instead of refusing them."""
    max_mridangam: float | None = None
    """Leave out segments with a mridangam louder than this (0..1); what nobody said is heard."""
    max_per_raga: int | None = None
    """At most so many clips of one raga, spread over its recordings."""
    max_per_recording: int | None = None
    """At most so many clips of one recording."""
    max_per_section: int | None = None
    """At most so many clips of one section."""
    floor_db: float | None = -60.0
    """Leave out clips whose loudness (RMS, full scale = 0 dB) is below this."""
    measure: bool = False
    """Listen to each segment first, so that captions say register, density, tempo, mridangam."""
    find_duplicates: bool = True
    """Listen whether recordings hold the same audio, which must not be in two splits."""
    overwrite: bool = False
    """Replace a dataset of this name; its recordings keep their splits."""
    workers: int | None = None
    """Processes at work; as many as there are processors if not given."""
    scheduler: str | None = None
    """Work on a dask cluster instead: its address, such as tcp://host:8786 (shared disk)."""

    def __post_init__(self):
        checked_name(self.name)
        for what, found, known in (
            ("section", self.sections, SECTIONS),
            ("status", self.statuses, STATUSES),
            ("preset", (self.preset,), ("svara", "riffusion")),
            ("format", (self.format,), get_args(Layout)),
        ):
            for each in set(found) - set(known):
                raise DatasetError(f"{each!r} is no {what}. Choose among: {', '.join(known)}.")
        for what in ABOVE_ZERO:
            if getattr(self, what) is not None and not getattr(self, what) > 0:
                raise DatasetError(f"{what} is {getattr(self, what)}. Give a number above 0.")


def codec_of(config: ExportConfig, tonic_hz: float | None):
    """The codec of this configuration for a recording whose tonic this is."""
    from core import spectrogram

    if config.preset == "svara":
        codec = spectrogram.svara(tonic_hz)
    else:
        codec = spectrogram.riffusion(tonic_hz if config.align_tonic else None)
    if config.clip_s is None:
        return codec
    return replace(codec, width=round(config.clip_s * codec.sr / codec.hop_length))
