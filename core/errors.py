"""What a user can mend.

    StudioError
    ├── TheoryError       a raga, tala or section nobody knows
    ├── AnnotationError   a recording, segment or caption that cannot be
    ├── AudioError        sound that cannot be read or written
    ├── ImageError        a spectrogram image that cannot be decoded
    ├── LibraryError      something the library does not hold, or cannot be reached
    ├── CatalogError      a catalogue of concerts that cannot be read or holds nothing like it
    ├── DownloadError     an import or a download that did not happen
    ├── DatasetError      a dataset that cannot be exported or trained on
    ├── ModelError        a model folder that cannot be loaded
    └── RunError          a training run that cannot start, stop or be found

Each message says what was found, what was wanted and what to do. The studio shows exactly these as
alerts and a command prints them as one line with exit status 2; anything else is a bug and keeps
its traceback.
"""


class StudioError(ValueError):
    """Something a user did, gave or asked for that they can put right."""


class TheoryError(StudioError):
    """A name that is no raga, tala, svara or section."""


class AnnotationError(StudioError):
    """An annotation that contradicts itself, its recording or its neighbours."""


class AudioError(StudioError):
    """Sound that cannot be decoded, encoded or is not what was asked for."""


class ImageError(StudioError):
    """A picture that is no spectrogram, or lacks what decoding needs."""


class LibraryError(StudioError):
    """A recording or segment that is not there, or a database out of reach."""


class CatalogError(StudioError):
    """A catalogue that cannot be read, or a question to it that has no answer."""


class DownloadError(StudioError):
    """A link or file that could not be brought in."""


class DatasetError(StudioError):
    """A dataset that is missing, unfinished, empty or damaged."""


class ModelError(StudioError):
    """A model that is missing, unsafe or of the wrong kind."""


class RunError(StudioError):
    """A training run that cannot be started, found, stopped or resumed."""
