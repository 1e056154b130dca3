"""The commands as a person types them."""

import csv
import subprocess
import sys

import pytest

from core import audio
from core.workspace import PROJECT


def command(*words: str) -> subprocess.CompletedProcess:
    whole = [sys.executable, "-m", "core.segmentation", *words]
    return subprocess.run(whole, capture_output=True, text=True, cwd=PROJECT, timeout=300)


@pytest.fixture(scope="module")
def file(tmp_path_factory, concert):
    path = tmp_path_factory.mktemp("sound") / "concert.flac"
    audio.write(path, concert.rendered.y, concert.rendered.sr)
    return path


@pytest.mark.slow
def test_suggest_writes_a_table(file, tmp_path, concert):
    out = tmp_path / "sections.csv"
    done = command("suggest", str(file), "--out", str(out), "--workspace", str(tmp_path / "w"))
    assert done.returncode == 0, done.stderr
    with out.open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert list(rows[0])[:5] == ["start", "end", "section", "confidence", "reason"]
    assert float(rows[0]["start"]) == 0
    assert float(rows[-1]["end"]) == pytest.approx(concert.heard.duration_s, abs=0.01)
    assert "alapanai" in {row["section"] for row in rows}


@pytest.mark.slow
def test_mistakes_are_one_line(tmp_path):
    place = ("--workspace", str(tmp_path / "w"))
    for words, said in (
        (("suggest", "no-such-thing", *place), "neither an audio file nor a recording"),
        (("train", *place), "at least 2"),
    ):
        done = command(*words)
        assert done.returncode == 2
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("error:")
        assert said in last
