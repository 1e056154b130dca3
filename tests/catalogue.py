"""A small catalogue of concerts, in both generations of pages, and a server that plays its site.

The names are real, the videos, songs and lengths are invented.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

ARTIST = "Lalgudi Jayaraman"
CONCERT, WHOLE, COPY, LONG, GONE = (
    f"{name:_<11}" for name in ("conc", "who", "copy", "long", "no")
)

IDS_V2 = {
    "type": {"0": ["UnknownType", "?"], "7": ["Thani", "tani"], "58": ["Ragam", "rAgam"],
             "16": ["Lecdem", "lekDem"], "4": ["Varnam", "varNam"]},
    "tala": {"0": ["Unknowntala", "?"], "1": ["Adi", "Adi"], "13": ["Khanda Caapu", "kaNDa cApu"]},
    "raga": {"0": ["Unknownraga", "?"], "1": ["Ragamalika", "rAgamAlikA"],
             "2": ["Kalyani", "kalyANi"], "3": ["Thodi", "tODi"], "4": ["Mohanam", "mOhanam"],
             "2357": ["Thodi, Kalyani", "tODi, kalyANi"]},
    "artist": {"0": ["UnknownArtist", "?"], "4": [ARTIST, "lAlguDi"], "5": ["N. Ramani", "ramaNi"],
               "9": ["../../etc/passwd", "x"]},
    "composer": {"0": ["UnknownComposer", "?"], "1": ["Thyagaraja", "tyAgarAjA"]},
    "song": {"10": ["Bantureethi", "b"], "11": ["Nidhi Chala", "n"], "20055": ["Thani", "tani"],
             "20058": ["Ragam", "rAgam"], "20188": [f"Concert - {ARTIST}", "c"],
             "20100": ["Lecdem - N. Ramani", "l"]},
}  # fmt: skip


def row(video: str, song: int, raga: int, length: str, **said) -> dict:
    """A row of the newer generation."""
    known = {"T": 0, "C": 0, "A": 4, "V": "100", "J": "m"}
    return {"I": video, "S": song, "R": raga, "D": length, **known, **said}


ROWS_V2 = [
    row(f"{CONCERT}&start=1&end=2.5", 20058, 4, "0:01", V="9,500"),
    row(f"{CONCERT}&start=2.5&end=3", 20055, 0, "0:01", V="9,500"),
    row(f"{CONCERT}&start=0&end=1", 10, 2, "0:01", C=1, V="9,500"),
    row(WHOLE, 11, 3, "9:05", C=1, V="2,682"),
    row(COPY, 11, 3, "9:05", C=1, V="145"),
    row(LONG, 10, 2357, "1:4:03", C=2004),
    row(GONE, 10, 4, "5:00"),
    row(f"{WHOLE}&start=0&end=4", 10, 2, "0:00", V="0"),
    row("badbadbadba", 10, 2, "0:00"),
    row(f"{WHOLE}&start=90&end=30", 10, 2, "1:00"),
    row("too short", 10, 2, "1:00"),
    row("concertconc", 20188, 0, "2:0:49"),
    row("lessonlesso", 20100, 0, "20:00"),
    row("unknownsong", 999, 0, "4:00"),
    {"I": "nothingelse"},
    "no row",
]

IDS_V1 = {"1": "type", "24": "Alapana", "25": "AlApanA", "60": "Lesson", "106": "Thani",
          "107": "thani AvarthanA", "200": "bilandi", "201": "Adi", "1000": "Unknownraga",
          "1024": "Kalyani", "1025": "kalyANi", "3000": "UnknownArtist", "3014": ARTIST,
          "5000": "UnknownComposer", "5002": "Thyagaraja", "11112": "Bantureethi",
          "39213": f"Concert - {ARTIST}", "39212": f"Concert - {ARTIST}"}  # fmt: skip
PAGE_V1 = {
    "title": {"H": ARTIST, "V": "lAlguDi", "I": "person-fill"},
    "videos": [{"folder": [
        {"S": 11112, "songs": [{"A": 3014, "C": 5002, "D": "14:21", "I": "firstfirstf",
                                "R": 1024, "T": 0, "V": "93"}]},
        {"S": 106, "songs": [{"A": 3014, "C": 5000, "D": "18:20", "I": "secondsecon",
                              "R": 1000, "T": 0, "V": "1,036"}]},
        {"S": 39212, "songs": [{"A": 3014, "C": 5000, "D": "2:18:20", "I": "thirdthirdt",
                                "R": 1000, "T": 0, "V": "36"}]},
    ]}],
}  # fmt: skip


def page(number: int, name: str, rows: list, **more) -> dict:
    """A page of the newer generation."""
    return {"title": {"T": number, "H": name}, "songs": rows, "folders": [], **more}


def pages_v2() -> dict[str, object]:
    """Every page of the newer generation, by name."""
    song = [{"H": "Tala", "V": "Khanda Caapu", "P": "kaNDa cApu", "I": 13}]
    return {
        "id": IDS_V2,
        f"artist/{ARTIST}": page(4, ARTIST, ROWS_V2),
        "artist/N. Ramani": page(5, "N. Ramani", [row("flutevideo_", 10, 4, "7:07", A=5)]),
        "raga/Mohanam": page(4, "Mohanam", [each for each in ROWS_V2[:7] if each["R"] == 4]),
        "type/Ragam": page(58, "Ragam", ROWS_V2[:1]),
        "concert": {
            CONCERT: [
                {"S": 20058, "R": 4, "C": 0, "D": ""},
                {"S": 10, "R": 2, "C": 1, "D": "9:00"},
            ],
            WHOLE: [{"S": 11, "R": 3, "C": 1, "D": ""}, {"S": 20188, "R": 0, "C": 0}, "no item"],
        },
        "song/Bantureethi": page(10, "Bantureethi", ROWS_V2[2:3], info=song),
    }


def pages_v1() -> dict[str, object]:
    """Every page of the older generation, by name."""
    return {"id": IDS_V1, f"artist/{ARTIST}": PAGE_V1}


def write_pages(folder: Path, pages: dict[str, object]) -> Path:
    """The pages as files of a folder."""
    for name, content in pages.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return folder


class Site(BaseHTTPRequestHandler):
    """The site of a catalogue. `server.plays` maps a page to the failure it plays, once or for
    ever; `server.asked` is what was asked for.
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = unquote(urlsplit(self.path).path).removeprefix("/Carnatic/").removesuffix(".json")
        self.server.asked.append((name, dict(self.headers)))
        failure = self.server.plays.get(name, [])
        play = getattr(self, f"_play_{failure.pop(0)}", None) if failure else None
        content = self.server.content.get(name)
        if play:
            play(name)
        elif content is None:
            self.send_error(404)
        else:
            self._send_page(content)

    def _send_page(self, content: bytes, cut: int | None = None) -> None:
        etag = f'"{hash(content)}"'
        if self.headers.get("If-None-Match") == etag:
            self._head(304, {"ETag": etag})
            return
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(found[1]) if found and self.headers.get("If-Range") == etag else 0
        self._head(206 if start else 200, {"ETag": etag, "Content-Length": len(content) - start})
        self.wfile.write(content[start:cut])
        if cut is not None:
            self.close_connection = True

    def _head(self, status: int, headers: dict) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, str(value))
        self.end_headers()

    def _play_500(self, _name: str) -> None:
        self.send_error(500)

    def _play_busy(self, _name: str) -> None:
        self._head(429, {"Retry-After": "0", "Content-Length": 0})

    def _play_cut(self, name: str) -> None:
        content = self.server.content[name]
        self._send_page(content, cut=len(content) // 2)

    def _play_html(self, _name: str) -> None:
        self._play_text(b"<!doctype html><title>Please log in</title>")

    def _play_broken(self, _name: str) -> None:
        self._play_text(b'{"songs": [{"I": ')

    def _play_text(self, content: bytes) -> None:
        self._head(200, {"Content-Length": len(content)})
        self.wfile.write(content)

    def _play_huge(self, _name: str) -> None:
        self._head(200, {"Content-Length": 2 << 30})
        self.close_connection = True

    def _play_endless(self, _name: str) -> None:
        self._head(200, {"Connection": "close"})
        self.close_connection = True
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            return

    def _play_circle(self, name: str) -> None:
        self.server.plays[name] = ["circle"]
        self._head(302, {"Location": self.path, "Content-Length": 0})

    def _play_elsewhere(self, _name: str) -> None:
        self._head(302, {"Location": "http://169.254.169.254/latest", "Content-Length": 0})

    def _play_moved(self, name: str) -> None:
        self._head(301, {"Location": f"/Carnatic/{name}.json", "Content-Length": 0})

    def _play_slow(self, name: str) -> None:
        time.sleep(0.3)
        self._send_page(self.server.content[name])

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def served(pages: dict[str, object]) -> Iterator[ThreadingHTTPServer]:
    """A server of these pages on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    server.content = {name: json.dumps(content).encode() for name, content in pages.items()}
    server.asked, server.plays = [], {}
    server.url = f"http://127.0.0.1:{server.server_port}/Carnatic"
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
