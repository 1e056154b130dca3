"""Stage 1, from the site: pages are fetched one at a time, kept, and asked for again by ETag.

Polite: one connection, a pause between two pages, a name to complain to, and nothing is fetched
that did not change. A fetch that was cut off goes on where it stopped. An address leads nowhere but
to the host it names: redirects elsewhere and hosts inside one's own network are refused.

What the ids mean changes with every version of the site's id.json; so once it has changed, every
page is asked for again, however recently it was fetched.
"""

import hashlib
import ipaddress
import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import getproxies

from core.catalog_source import MAX_BYTES, NoPage, parsed, parts, too_large
from core.errors import CatalogError
from core.workspace import replacing

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

AGENT = "carnatic-riffusion-studio/0.1 (reads pages of the concert catalogue, one at a time)"
FRESH_S = 3600.0  # a page is not asked for again within this time
LONGEST_S = 300.0  # for one page
ATTEMPTS = 3
MAX_REDIRECTS = 5
_BUSY = (429, 500, 502, 503, 504)


class _Again(Exception):
    """What may go better in a moment; `wait_s` is how long the site wants us to wait."""

    def __init__(self, reason: str, wait_s: float = 0.0):
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass
class Site:
    """The pages below `address`, kept in `cache`."""

    address: str
    cache: Path
    pause_s: float = 0.5
    is_internal_allowed: bool = False  # for a test that plays the site
    is_local: bool = False
    _last_s: float = field(default=0.0, repr=False)
    _client: "httpx.Client | None" = field(default=None, repr=False)

    def __post_init__(self):
        where = urlsplit(self.address)
        if where.scheme not in ("http", "https") or not where.hostname or where.username:
            raise CatalogError(
                f"{self.address!r} is no address of a site. Give one that begins with https://, "
                "or the path of a folder."
            )
        self.cache = self.cache / hashlib.sha256(self.address.encode()).hexdigest()[:16]

    def load(self, name: str) -> object:
        """The page of that name, from the cache if the site still has it so."""
        return self._page(name, self._fresh_since(name))

    def renewed(self, name: str) -> object:
        """The page of that name as the site has it now."""
        return self._page(name, float("inf"))

    def kept(self, name: str) -> object | None:
        """The page as it was fetched last, however long ago; None if it is damaged, too."""
        try:
            return parsed(self._file(name).read_bytes(), name)
        except (OSError, CatalogError):
            return None

    def has(self, name: str) -> bool:
        """Whether the page was fetched before."""
        try:
            return self._file(name).exists()
        except NoPage:
            return False

    def listing(self, _folder: str) -> None:
        """The site does not say which pages it has."""

    def _page(self, name: str, fresh_since: float) -> object:
        kept = self._kept(name)
        old = self.kept(name) if kept else None
        kept = kept if old is not None else None  # what is damaged is fetched anew
        if kept and kept["checked"] >= fresh_since:
            return old
        try:
            fetched = self._fetched(name, kept)
        except NoPage:
            raise
        except CatalogError as error:
            if old is None:
                raise
            log.warning("%s Using the copy of %s that was kept.", error, name)
            return old
        if fetched is None:
            return old
        page = parsed(fetched[0], name)  # first: what is no page is not kept
        self._keep(name, *fetched)
        return page

    # The cache: <page>.json beside <page>.meta

    def _file(self, name: str) -> Path:
        readable = quote("/".join(parts(name)), safe="")[:80]
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return self.cache / f"{readable}-{digest}.json"

    def _kept(self, name: str) -> dict | None:
        path = self._file(name)
        try:
            kept = json.loads(path.with_suffix(".meta").read_text())
        except (OSError, ValueError):
            return None
        return kept if path.exists() and {"etag", "checked", "changed"} <= kept.keys() else None

    def _fresh_since(self, name: str) -> float:
        since = time.time() - FRESH_S
        ids = self._kept("id") if name != "id" else None
        return max(since, ids["changed"]) if ids else since

    def _keep(self, name: str, content: bytes, etag: str) -> None:
        with replacing(self._file(name)) as part:
            part.write_bytes(content)
        now = time.time()
        self._note(name, {"etag": etag, "checked": now, "changed": now})
        self._part(name).unlink(missing_ok=True)

    def _note(self, name: str, meta: dict) -> None:
        with replacing(self._file(name).with_suffix(".meta")) as part:
            part.write_text(json.dumps(meta))

    def _part(self, name: str) -> Path:
        return self._file(name).with_suffix(".part")

    # The site

    def _fetched(self, name: str, kept: dict | None) -> tuple[bytes, str] | None:
        """The page and its ETag; None if it is what was kept."""
        import httpx

        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._asked(name, kept)
            except (_Again, httpx.TransportError, OSError) as error:
                reason = str(error) or type(error).__name__
                if attempt == ATTEMPTS:
                    raise CatalogError(
                        f"{self.address} did not send {name!r}: {reason}. Check the network and "
                        "try again: it goes on where it stopped."
                    ) from error
                time.sleep(max(getattr(error, "wait_s", 0.0), self.pause_s * attempt))
        return None

    def _asked(self, name: str, kept: dict | None) -> tuple[bytes, str] | None:
        part = self._part(name)
        begun = part.read_bytes() if part.exists() else b""
        etag, _, begun = begun.partition(b"\n")  # a part begins with the ETag of its whole
        headers = {"If-None-Match": kept["etag"]} if kept and kept["etag"] else {}
        if begun and etag:
            headers |= {"Range": f"bytes={len(begun)}-", "If-Range": etag.decode()}
        with self._answer(name, headers) as answer:
            if answer.status_code == 304 and kept:
                self._note(name, {**kept, "checked": time.time()})
                return None
            if answer.status_code == 416:
                part.unlink(missing_ok=True)
                raise _Again("the page changed while it was fetched")
            if answer.status_code != 206:
                begun = b""
            etag = answer.headers.get("etag", "")
            return self._body(name, answer, begun, etag), etag

    def _body(self, name: str, answer: "httpx.Response", begun: bytes, etag: str) -> bytes:
        """The whole page; what came of it is kept if the rest does not."""
        content = bytearray(begun)
        until = time.monotonic() + LONGEST_S
        if int(answer.headers.get("content-length") or 0) > MAX_BYTES:
            raise too_large(name)
        try:
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise too_large(name)
                if time.monotonic() > until:
                    raise _Again(f"it took longer than {LONGEST_S:.0f} s")
        except CatalogError:
            content.clear()
            raise
        except BaseException:
            if content and etag and not etag.startswith("W/"):
                with replacing(self._part(name)) as part:
                    part.write_bytes(etag.encode() + b"\n" + content)
            raise
        return bytes(content)

    @contextmanager
    def _answer(self, name: str, headers: dict[str, str]) -> Iterator["httpx.Response"]:
        address = f"{self.address}/{'/'.join(quote(part, safe='') for part in parts(name))}.json"
        for _ in range(MAX_REDIRECTS):
            self._wait()
            with self._connection().stream("GET", address, headers=headers) as answer:
                self._check_peer(answer)
                if answer.has_redirect_location:
                    address = self._next(address, answer.headers.get("location", ""))
                    continue
                self._check_status(name, answer)
                yield answer
                return
        raise CatalogError(f"{self.address} redirects in a circle. Check the address.")

    def _connection(self) -> "httpx.Client":
        if self._client is None:
            import httpx

            self._check_host()
            self._client = httpx.Client(
                headers={"User-Agent": AGENT, "Accept-Encoding": "identity"},
                limits=httpx.Limits(max_connections=1),
                timeout=20.0,
            )
        return self._client

    def _wait(self) -> None:
        time.sleep(max(0.0, self._last_s + self.pause_s - time.monotonic()))
        self._last_s = time.monotonic()

    def _next(self, address: str, location: str) -> str:
        """Where a redirect leads, if that is the same host."""
        there, here = urljoin(address, location), urlsplit(address)
        to = urlsplit(there)
        same = (to.hostname, to.port) == (here.hostname, here.port) and to.scheme == here.scheme
        safer = (here.scheme, to.scheme, to.port) == ("http", "https", None)
        if not same and not (safer and to.hostname == here.hostname):
            raise CatalogError(
                f"{self.address} redirects to {to.scheme}://{to.netloc}. Give that address itself "
                "if it is the catalogue's new home."
            )
        return there

    def _check_host(self) -> None:
        where = urlsplit(self.address)
        if self.is_internal_allowed:
            return
        with suppress(ValueError):  # a number, not a name
            _refuse_internal(where.hostname, where.hostname)
        if where.scheme in getproxies():  # the proxy looks the name up
            return
        try:
            found = socket.getaddrinfo(where.hostname, where.port or where.scheme)
        except OSError as error:
            raise CatalogError(
                f"No site {where.hostname!r} was found: {error.strerror}. Check the address and "
                "the network."
            ) from error
        for each in found:
            _refuse_internal(where.hostname, str(each[4][0]))

    def _check_peer(self, answer: "httpx.Response") -> None:
        """Refuse a host whose name was looked up anew and now leads inside."""
        if self.is_internal_allowed or urlsplit(self.address).scheme in getproxies():
            return
        peer = answer.extensions["network_stream"].get_extra_info("server_addr")
        if peer:
            _refuse_internal(urlsplit(self.address).hostname or "", peer[0])

    def _check_status(self, name: str, answer: "httpx.Response") -> None:
        status = answer.status_code
        if status in (404, 410):
            raise NoPage(
                f"{self.address} has no page {name + '.json'!r}. Check the name, or give the "
                "address of the folder that holds id.json."
            )
        if status in _BUSY:
            wanted = answer.headers.get("retry-after", "")
            raise _Again(f"HTTP {status}", min(30.0, float(wanted)) if wanted.isdigit() else 0.0)
        if status not in (200, 206, 304, 416):
            raise CatalogError(f"{self.address} answered HTTP {status} to {name!r}. Try later.")


def _refuse_internal(host: str, address: str) -> None:
    address = "127.0.0.1" if address == "localhost" else address
    if not ipaddress.ip_address(address.partition("%")[0]).is_global:
        raise CatalogError(
            f"{host!r} is a machine of this network ({address}). Give the address of a public "
            "site, or the path of a folder."
        )
