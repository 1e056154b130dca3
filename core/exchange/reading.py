"""What a file of labels says, in its own words; it is read as a whole or not at all."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from core.errors import AnnotationError
from core.exchange.formats import Format, format_named, recognise
from core.exchange.marks import Mark

LARGEST_BYTES = 256 << 20  # 50,000 regions with every field take 60 MB in the wordiest format


@dataclass(frozen=True)
class Found:
    """What a file says, in its own words."""

    format: Format
    marks: tuple[Mark, ...]

    @property
    def tiers(self) -> dict[str, int]:
        """The tiers (annotation sets, speaker files) it has, and how many regions each holds."""
        return dict(Counter(mark.tier for mark in self.marks))


def content_of(path: Path) -> bytes:
    """The bytes of a file of labels.

    Raises
    ------
    AnnotationError
        If it cannot be read, or is larger than any file of labels.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise AnnotationError(
                f"{path.name} is larger than {LARGEST_BYTES >> 20} MB. Is it sound? A file of "
                "labels is wanted here."
            )
        return path.read_bytes()
    except OSError as error:
        raise AnnotationError(f"{str(path)!r} cannot be read: {error.strerror}.") from error


def read(content: bytes, name: str, format: str | None = None) -> Found:
    """What a file says; its format is recognised unless it is given.

    Raises
    ------
    AnnotationError
        If it cannot be read as a whole, with a line for each fault.
    """
    try:
        found = format_named(format) if format else recognise(content)
        marks = found.read(content)
    except AnnotationError as error:
        raise AnnotationError(f"{name}: {error}") from error
    if not marks:
        raise AnnotationError(f"{name}: this {found.title} file marks no regions.")
    return Found(found, tuple(marks))
