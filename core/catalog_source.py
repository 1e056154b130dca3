"""Stage 1, where the catalogue's pages lie: a folder on this machine, or the site itself.

A page is asked for by its name without the suffix, such as "id" or "artist/Lalgudi Jayaraman". In
a folder, an excerpt of a page may stand for it ("Lalgudi Jayaraman.head.json").
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from core.errors import CatalogError
from core.workspace import Workspace

SITE = "https://ramanarunachalam.github.io/Music/Carnatic"
MAX_BYTES = 64 << 20  # the largest page there is holds 3.4 MB

_NOTE = re.compile(r"(?:\.[a-z0-9-]+)*\.(?:head|excerpt|trimmed)$")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class NoPage(CatalogError):
    """The catalogue has no page of that name."""


class Source(Protocol):
    """Where pages come from."""

    is_local: bool

    def load(self, name: str) -> object:
        """The page of that name, as JSON.

        Raises
        ------
        NoPage
            If there is none.
        CatalogError
            If it cannot be had or read.
        """

    def renewed(self, name: str) -> object:
        """The same, asked for again even if it was fetched a moment ago."""

    def kept(self, name: str) -> object | None:
        """The same as it is at hand, without the network; None if it is not."""

    def has(self, name: str) -> bool:
        """Whether it can be had without the network."""

    def listing(self, folder: str) -> frozenset[str] | None:
        """The pages of a folder, without their suffix; None if that is not known."""


@dataclass(frozen=True)
class Folder:
    """Pages in a folder of this machine."""

    root: Path
    is_local: bool = True
    _excerpts: dict[Path, dict[str, Path]] = field(default_factory=dict, repr=False, compare=False)

    def load(self, name: str) -> object:
        """The page of that name, or the excerpt that stands for it."""
        path = self._path(name)
        try:
            if path.stat().st_size > MAX_BYTES:
                raise too_large(name)
            return parsed(path.read_bytes(), path.name)
        except OSError as error:
            raise CatalogError(
                f"{path} cannot be read: {error.strerror}. Check the file and try again."
            ) from error

    renewed = load

    def kept(self, name: str) -> object | None:
        """The page if the folder holds it."""
        return self.load(name) if self.has(name) else None

    def has(self, name: str) -> bool:
        """Whether the folder holds it."""
        try:
            return self._path(name).is_file()
        except NoPage:
            return False

    def listing(self, folder: str) -> frozenset[str]:
        """The pages and excerpts that the folder holds."""
        inside = self.root / folder
        found = inside.glob("*.json") if inside.is_dir() else ()
        names = (path.name.removesuffix(".json") for path in found)
        return frozenset(_NOTE.sub("", name) for name in names)

    def _path(self, name: str) -> Path:
        *folders, last = parts(name)
        folder = self.root.joinpath(*folders)
        whole = folder / f"{last}.json"
        if whole.is_file():
            return whole
        if folder not in self._excerpts:  # looked at once: there may be thousands of pages
            self._excerpts[folder] = {
                _NOTE.sub("", path.stem): path
                for path in sorted(folder.glob("*.json"), reverse=True)
                if _NOTE.search(path.stem)
            }
        if last in self._excerpts[folder]:
            return self._excerpts[folder][last]
        raise NoPage(
            f"{self.root} has no page {name + '.json'!r}. Check the name, or give the folder that "
            "holds id.json and the folders artist, raga, composer, type and song."
        )


def source_of(text: str | None, workspace: Workspace) -> Source:
    """The folder or the site that `text` names; the public site if it names none.

    Raises
    ------
    CatalogError
        If it is neither a folder nor an http(s) address.
    """
    from core.catalog_site import Site

    text = (text or SITE).strip()
    if _ADDRESS.match(text):
        return Site(text.rstrip("/"), workspace.catalog())
    root = Path(text).expanduser()
    if not root.is_dir():
        raise CatalogError(
            f"{text!r} is no folder. Give a folder with id.json in it, or an address that begins "
            "with https://."
        )
    return Folder(root.resolve())


def parts(name: str) -> list[str]:
    """The folders and the file of a page's name, none of which leads elsewhere."""
    found = name.split("/")
    for part in found:
        if part in ("", ".", "..") or "\\" in part or not part.isprintable() or len(part) > 200:
            raise NoPage(f"{name!r} cannot be the name of a page. Choose another row.")
    return found


def parsed(content: bytes, name: str) -> object:
    """The JSON in a page."""
    if content.lstrip()[:1] == b"<":
        raise CatalogError(
            f"{name}: a web page came instead of JSON. Give the address of the folder that holds "
            "id.json, and check that no log-in page stands before it."
        )
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CatalogError(
            f"{name} is no JSON, or only part of it is there ({str(error)[:100]}). Fetch or copy "
            "it again."
        ) from error


def too_large(name: str) -> CatalogError:
    """What is said of a page that cannot be one."""
    return CatalogError(
        f"{name} is larger than {MAX_BYTES >> 20} MB, which no page of the catalogue is. Check the "
        "address."
    )
