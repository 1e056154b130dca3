"""The catalogue's pages become rows, whichever generation they are of and however they fail."""

import json
import subprocess
import sys

import pytest

from core import catalog_site
from core.artists import instrument_of, known_artists
from core.catalog import Catalog, main
from core.catalog_listing import shown, write_rows
from core.catalog_names import Names
from core.catalog_pages import read_page, table
from core.catalog_search import Wanted, facets
from core.catalog_site import Site
from core.catalog_source import Folder, NoPage, source_of
from core.errors import CatalogError
from core.workspace import PROJECT
from tests.catalogue import (
    ARTIST,
    CONCERT,
    COPY,
    GONE,
    LONG,
    ROWS_V2,
    WHOLE,
    page,
    pages_v1,
    pages_v2,
    row,
    served,
    write_pages,
)


@pytest.fixture
def newer(tmp_path) -> Catalog:
    return Catalog(Folder(write_pages(tmp_path / "Carnatic", pages_v2())))


@pytest.fixture
def older(tmp_path) -> Catalog:
    return Catalog(Folder(write_pages(tmp_path / "older", pages_v1())))


@pytest.fixture
def server():
    with served(pages_v2()) as running:
        yield running


@pytest.fixture
def site(server, workspace) -> Site:
    return Site(server.url, workspace.catalog(), pause_s=0.0, is_internal_allowed=True)


def by_video(found) -> dict:
    return {each.video_id: each for each in found.rows.itertuples()}


# Rows


def test_rows_say_everything_the_ids_mean(newer):
    found = newer.search(Wanted(artist=ARTIST))
    part = found.rows[found.rows.start_s == 1].iloc[0]
    assert (part.video_id, part.end_s, part.duration_s) == (CONCERT, 2.5, 1.5)
    assert (part.section, part.raga, part.artist) == ("alapanai", "Mohanam", ARTIST)
    assert (part.views, part.instrument) == (9500, "violin")
    whole = by_video(found)[WHOLE]
    assert whole.start_s != whole.start_s  # not said: the whole video
    assert (whole.song, whole.section, whole.raga) == ("Nidhi Chala", "kriti", "Todi")
    assert (whole.composer, whole.duration_s) == ("Thyagaraja", 545.0)
    long = by_video(found)[LONG]
    assert (long.raga, long.composer, long.duration_s) == ("Todi, Kalyani", ARTIST, 3843.0)


def test_junk_is_dropped_and_counted_by_reason(newer):
    found = newer.search(Wanted(artist=ARTIST))
    assert dict(found.dropped) == {
        "placeholder of a few seconds": 1,
        "no length (0:00)": 1,
        "starts after its end": 1,
        "no video id": 1,
        "a whole concert": 1,
        "a lesson or a talk": 1,
        "not a row at all": 1,
        "likely uploaded again": 1,
    }
    assert len(found.rows) == len(ROWS_V2) - found.dropped.total()
    assert COPY not in by_video(found)  # of two uploads the one that was seen more stays
    assert by_video(found)[WHOLE].uploads == COPY  # and names the other
    assert "does not hold the song or raga of 1 rows" in found.notes[0]
    assert by_video(found)["nothingelse"].raga != by_video(found)["nothingelse"].raga


def test_an_unknown_raga_is_dropped_where_asked(newer):
    found = newer.search(Wanted(artist=ARTIST, known_raga=True))
    assert found.dropped["unknown raga"] == 3
    assert found.rows.raga.notna().all()


def test_the_older_generation_gives_the_same_columns(older, newer):
    found = older.search(Wanted(artist=ARTIST))
    rows = by_video(found)
    assert list(found.rows.columns) == list(newer.search(Wanted(artist=ARTIST)).rows.columns)
    assert set(rows) == {"firstfirstf", "secondsecon"}
    first = rows["firstfirstf"]
    assert (first.song, first.section, first.raga) == ("Bantureethi", "kriti", "Kalyani")
    assert rows["secondsecon"].section == "tani avartanam"
    assert rows["secondsecon"].views == 1036
    assert found.dropped["a whole concert"] == 1


def test_a_page_of_another_version_is_never_read_with_these_ids(tmp_path):
    pages = {**pages_v2(), f"artist/{ARTIST}": pages_v1()[f"artist/{ARTIST}"]}
    found = Catalog(Folder(write_pages(tmp_path, pages))).search(Wanted(artist=ARTIST))
    assert len(found.rows) == 3
    assert found.rows.raga.isna().all()
    assert (found.rows.artist == ARTIST).all()
    assert "of another version than id.json" in found.notes[0]


@pytest.mark.parametrize(
    ("wanted", "videos"),
    [
        ({"raga": "mohana", "artist": "LALGUDI JAYARAMAN"}, {CONCERT, GONE}),
        ({"section": "rāga ālāpana"}, {CONCERT}),
        ({"artist": ARTIST, "section": "Tani", "max_minutes": 1}, {CONCERT}),
        ({"artist": ARTIST, "min_minutes": 9.0}, {WHOLE, LONG}),
        ({"instrument": "bamboo flute"}, {"flutevideo_"}),
        ({"artist": ARTIST, "tala": "khanda chaapu"}, {CONCERT, GONE, LONG}),
        ({"artist": ARTIST, "composer": ARTIST}, {LONG}),
        ({"song": "bantu reethi"}, {CONCERT}),
    ],
)
def test_a_search_understands_any_spelling(newer, wanted, videos):
    assert set(newer.search(Wanted(**wanted)).rows.video_id) == videos


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"artist": "Lalgudi Jayram"}, "Did you mean Lalgudi Jayaraman"),
        ({"raga": "Kalyni"}, "Did you mean Kalyani"),
        ({"instrument": "oboe"}, "Choose one of: voice, violin"),
        ({"section": "kriti"}, "has no page"),
        ({"section": "encore"}, "Choose one of"),
        ({"tala": "Adi"}, "too much to read"),
        ({}, "too much to read"),
        ({"artist": "../../etc/passwd"}, "no artist"),
    ],
)
def test_a_question_without_an_answer_says_what_to_ask(newer, wanted, said):
    with pytest.raises(ValueError, match=said):
        newer.search(Wanted(**wanted))


def test_facets_count_what_each_value_would_leave(newer):
    found = newer.search(Wanted(artist=ARTIST, raga="Mohanam"))
    counts = {name: dict(pairs) for name, pairs in facets(found.everything, found.wanted).items()}
    assert counts["raga"] == {"Mohanam": 2, "Kalyani": 1, "Todi": 1, "Todi, Kalyani": 1}
    assert counts["section"] == {"alapanai": 1, "kriti": 1}


def test_all_concerts_are_counted_where_their_programmes_are_at_hand(newer, site, server):
    counts = newer.totals()
    assert counts["raga"] == {"Mohanam": 1, "Kalyani": 1, "Todi": 1}
    assert counts["composer"] == {"Thyagaraja": 2}
    assert counts["section"]["alapanai"] == 1
    distant = Catalog(site)
    assert distant.totals() == {}
    assert distant.offered("artist") is None
    assert server.asked == []  # a page that opens asks the site for nothing
    distant.count()
    assert distant.totals() == counts
    server.content.pop("concert")
    other = Catalog(Site(server.url, site.cache / "other", 0.0, is_internal_allowed=True))
    other.count()
    assert other.totals() == {}


def test_what_was_fetched_long_ago_is_offered_without_asking(site, server, monkeypatch):
    site.load("id")
    monkeypatch.setattr(catalog_site, "FRESH_S", -1.0)
    server.asked.clear()
    assert ARTIST in Catalog(site).offered("artist")
    assert server.asked == []


def test_the_same_stretch_twice_is_one_row_and_parts_of_a_video_never_are(tmp_path):
    rows = [
        row("a" * 11, 10, 0, "5:00"),
        row("a" * 11, 10, 2, "5:00"),  # the same, and it says the raga
        row("b" * 11 + "&start=0&end=60", 20055, 0, "1:00"),
        row("b" * 11 + "&start=60&end=120", 20055, 0, "1:00"),
    ]
    pages = {**pages_v2(), f"artist/{ARTIST}": page(4, ARTIST, rows)}
    found = Catalog(Folder(write_pages(tmp_path, pages))).search(Wanted(artist=ARTIST))
    assert sorted(found.rows.video_id.str[0]) == ["a", "b", "b"]
    assert by_video(found)["a" * 11].raga == "Kalyani"


# Bad input


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"stats": []}, "'songs' or 'videos' is wanted"),
        ([], "'songs' or 'videos' is wanted"),
        ("text", "'songs' or 'videos' is wanted"),
    ],
)
def test_a_page_of_another_shape_is_refused(content, said):
    with pytest.raises(CatalogError, match=said):
        read_page("artist", "X", content)


@pytest.mark.parametrize("ids", [{}, [], {"a": 1}, {"raga": 3}, None])
def test_an_id_file_of_another_shape_is_refused(ids):
    with pytest.raises(CatalogError, match=r"id\.json"):
        Names(ids)


def test_rows_with_missing_and_mistyped_keys_lose_only_those():
    rows = [
        {"I": "videovideo1", "S": "10", "R": [], "D": 5, "V": None, "A": {}, "C": True, "T": -1}
    ]
    found = table(read_page("artist", ARTIST, page(4, ARTIST, rows)), Names(pages_v2()["id"]))
    assert found.rows.song.tolist() == ["Bantureethi"]
    assert found.rows.duration_s.isna().all()


@pytest.mark.parametrize("name", ["../id", "artist/..", "artist/a\\b", "artist/a\x00b", "artist/"])
def test_a_name_that_leads_elsewhere_is_no_page(newer, site, name):
    for source in (newer.source, site):
        with pytest.raises(NoPage):
            source.load(name)


@pytest.mark.parametrize(
    "source",
    ["file:///etc", "ftp://example.org/x", "https://user:secret@example.org", "/nowhere/at/all"],
)
def test_a_source_that_is_neither_folder_nor_site_is_refused(workspace, source):
    with pytest.raises(CatalogError, match=r"no address of a site|no folder"):
        source_of(source, workspace)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "[::1]", "0.0.0.0"]
)
def test_an_address_inside_the_network_is_refused_before_it_is_asked(workspace, server, host):
    inside = source_of(f"http://{host}:{server.server_port}/Carnatic", workspace)
    with pytest.raises(CatalogError, match="machine of this network"):
        inside.load("id")
    assert server.asked == []


def test_an_excerpt_stands_for_its_page(tmp_path):
    write_pages(
        tmp_path, {"id.excerpt": {"raga": {}}, "artist/M. L.head": {}, "artist/M.2020.x": 1}
    )
    folder = Folder(tmp_path)
    assert folder.load("id") == {"raga": {}}
    assert folder.load("artist/M. L") == {}
    with pytest.raises(NoPage):
        folder.load("artist/M")


@pytest.mark.parametrize("name", ["../../x", "AC/DC", "a\x07b", "..", "x" * 300])
def test_a_song_with_an_odd_name_is_a_row_like_any_other(tmp_path, server, site, name):
    ids = {**pages_v2()["id"], "song": {"10": [name, ""]}}
    pages = {**pages_v2(), "id": ids}
    server.content["id"] = json.dumps(ids).encode()
    for source in (Folder(write_pages(tmp_path / "Carnatic", pages)), site):
        found = Catalog(source).search(Wanted(artist=ARTIST), all_talas=True)
        assert name in set(found.rows.song)
        assert found.rows.tala.isna().all()
    assert {path.name for path in tmp_path.iterdir()} == {"Carnatic", "workspace"}


def test_a_broken_page_among_many_is_said_and_loses_no_other(tmp_path, newer):
    (tmp_path / "Carnatic" / "song" / "Bantureethi.json").write_text("{")
    found = newer.search(Wanted(artist=ARTIST), all_talas=True)
    assert len(found.rows) == 8
    assert any("is no JSON" in note for note in found.notes)
    types = tmp_path / "Carnatic" / "type"
    (types / "Thani.json").write_text("<html>")
    with pytest.raises(CatalogError, match="a web page came"):
        newer.search(Wanted(section="tani"))


# The site


def test_pages_come_from_the_site_only_as_needed_and_politely(site, server):
    Catalog(site).search(Wanted(artist=ARTIST))
    assert [name for name, _ in server.asked] == ["id", f"artist/{ARTIST}"]
    assert "carnatic-riffusion-studio" in server.asked[0][1]["User-Agent"]


def test_talas_are_fetched_only_when_asked_for(site, server):
    catalog = Catalog(site)
    found = catalog.search(Wanted(artist=ARTIST))
    assert found.rows.tala.isna().all()
    assert any("talas of 2 songs were not looked up" in note for note in found.notes)
    assert set(catalog.search(Wanted(artist=ARTIST, tala="Khanda chapu")).rows.tala) == {
        "Khanda chapu"
    }
    assert "song/Bantureethi" in [name for name, _ in server.asked]


def test_what_was_fetched_is_asked_for_again_by_its_etag(site, server, monkeypatch):
    first = site.load("id")
    n_asked = len(server.asked)
    assert site.load("id") == first
    assert len(server.asked) == n_asked  # a moment later it is still fresh
    monkeypatch.setattr(catalog_site, "FRESH_S", -1.0)
    assert site.load("id") == first
    assert len(server.asked) == n_asked + 1
    assert "If-None-Match" in server.asked[-1][1]


def test_new_ids_make_every_kept_page_stale(site, server):
    site.load(f"artist/{ARTIST}")
    site.load("id")
    server.asked.clear()
    site.load(f"artist/{ARTIST}")
    assert [name for name, _ in server.asked] == [f"artist/{ARTIST}"]


def test_ids_that_are_older_than_a_page_are_asked_for_again(site, server):
    old, new = pages_v1()["id"], server.content["id"]
    server.content["id"] = json.dumps(old).encode()
    catalog = Catalog(site)
    assert catalog.names.is_flat
    server.content["id"] = new
    assert "Mohanam" in set(catalog.search(Wanted(artist=ARTIST)).rows.raga)


def test_a_fetch_that_was_cut_off_goes_on_where_it_stopped(site, server):
    server.plays["id"] = ["cut"]
    assert site.load("id") == pages_v2()["id"]
    spans = [headers.get("Range") for _, headers in server.asked]
    assert spans == [None, f"bytes={len(server.content['id']) // 2}-"]


@pytest.mark.parametrize("failures", [["500"], ["busy", "500"], ["moved"], ["slow"]])
def test_what_goes_better_the_next_time_is_tried_again(site, server, failures):
    server.plays["id"] = list(failures)
    assert site.load("id") == pages_v2()["id"]


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        (["500", "500", "500"], "did not send 'id': HTTP 500"),
        (["html"], "a web page came instead of JSON"),
        (["broken"], "is no JSON"),
        (["huge"], "larger than 64 MB"),
        (["endless"], "larger than 64 MB"),
        (["circle"], "redirects in a circle"),
        (["elsewhere"], r"redirects to http://169\.254\.169\.254"),
    ],
)
def test_a_site_that_fails_is_explained_and_nothing_bad_is_kept(site, server, failures, said):
    server.plays["id"] = list(failures)
    with pytest.raises(CatalogError, match=said):
        site.load("id")
    assert not site.has("id")
    server.plays.clear()
    assert site.load("id") == pages_v2()["id"]


def test_what_was_kept_is_used_where_the_site_is_out_of_reach(site, server, monkeypatch):
    site.load("id")
    monkeypatch.setattr(catalog_site, "FRESH_S", -1.0)
    server.plays["id"] = ["500", "500", "500"]
    assert site.load("id") == pages_v2()["id"]


def test_a_kept_page_that_is_damaged_is_fetched_anew(site, server, workspace):
    site.load("id")
    (kept,) = workspace.catalog().rglob("id-*.json")
    kept.write_text('{"raga":')
    assert site.load("id") == pages_v2()["id"]
    assert "If-None-Match" not in server.asked[-1][1]


def test_a_page_that_is_not_there_is_said(site):
    with pytest.raises(NoPage, match=r"has no page 'artist/Nobody\.json'"):
        site.load("artist/Nobody")


def test_names_are_files_of_the_cache_and_nothing_else(site, workspace):
    server_name = "artist/N. Ramani"
    site.load(server_name)
    inside = [path for path in workspace.catalog().rglob("*") if path.is_file()]
    assert {path.suffix for path in inside} == {".json", ".meta"}
    assert all("/" not in path.name for path in inside)


# The command


def test_the_command_prints_rows_and_writes_them(tmp_path, workspace):
    folder = write_pages(tmp_path / "Carnatic", pages_v2())
    out = tmp_path / "rows.csv"
    arguments = [
        "--source",
        folder,
        "--artist",
        ARTIST,
        "--out",
        out,
        "--workspace",
        workspace.root,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "core.catalog", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 1 + 8
    assert "1 likely uploaded again" in done.stderr
    assert out.read_text().startswith("video_id,start_s,end_s,song,section,raga,tala,composer,")


def test_an_empty_result_is_a_table_without_rows(newer, tmp_path):
    found = newer.search(Wanted(artist=ARTIST, raga="Kalyani", section="tani"))
    assert found.rows.empty
    write_rows(found.rows, tmp_path / "none.csv")
    assert shown(found.rows) == "No row is like that. Take one of the conditions back."
    assert (tmp_path / "none.csv").read_text().startswith("video_id,")


def test_a_wrong_name_is_one_line(tmp_path, workspace):
    folder = write_pages(tmp_path / "Carnatic", pages_v2())
    with pytest.raises(CatalogError, match="Did you mean Kalyani"):
        main(raga="Kalyni", source=str(folder), workspace=workspace.root)


# Artists


def test_the_table_of_artists_is_consistent():
    assert len(known_artists()) > 400
    assert instrument_of("Kunnakudi Vaidyanathan") == "violin"
    assert instrument_of("Nobody At All") is None
    for name, played in known_artists().items():
        assert instrument_of(name) == played


# The real pages, where they are


@pytest.mark.material
def test_every_real_page_is_read(material):
    folder = material / "catalog" / "Carnatic"
    catalog = Catalog(Folder(folder))
    for category in ("artist", "raga", "composer", "type", "song"):
        for path in sorted((folder / category).glob("*.json")):
            name = path.name.removesuffix(".json").removesuffix(".head").removesuffix(".trimmed")
            content = json.loads(path.read_text())
            wanted = Wanted(**{category: name}) if category != "type" else None
            if wanted:
                found = catalog.search(wanted)
                assert len(found.rows)
                assert set(found.rows.columns[:2]) == {"video_id", "start_s"}
            read = table(read_page(category, name, content), catalog.names)
            n_rows = len(content.get("songs") or ()) or 3
            assert len(read.rows) + read.dropped.total() == n_rows


@pytest.mark.material
def test_lalgudi_s_rows_are_those_that_the_schema_explains(material):
    folder = material / "catalog" / "Carnatic"
    found = Catalog(Folder(folder)).search(Wanted(artist=ARTIST))
    songs = json.loads((folder / "artist" / f"{ARTIST}.head.json").read_text())["songs"]
    performances = {(each["S"], each["D"]) for each in songs}
    parts = {each["I"] for each in songs}
    assert len(parts) == len(songs) == 79
    assert len(found.rows) == len(performances)
    assert {"906f0WXWuAk"} == {"906f0WXWuAk", "tAwQb4j4rBw"} & set(found.rows.video_id)
    assert by_video(found)["906f0WXWuAk"].uploads == "tAwQb4j4rBw"
    long = found.rows[found.rows.video_id == "C4ye_0jxS_M"].iloc[0]
    assert (long.start_s, long.end_s, long.duration_s) == (4049, 7892, 3843)
    assert (long.song, long.raga, long.composer) == (
        "Balagopala",
        "Bhairavi",
        "Muthuswami Dikshitar",
    )
