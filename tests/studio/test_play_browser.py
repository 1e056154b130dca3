"""The Play tab in a real browser and through its API, with the model that ships."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from gradio.utils import get_function_description
from gradio_client import Client
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from playwright.sync_api import Page, expect

from core import audio
from core.library import Library
from core.spectrogram import svara
from core.workspace import PROJECT, Workspace
from studio.playing import generate as generating
from tests.studio.conftest import Opened, opened_studio
from training import clips
from training.clips import Clip
from training.wish import GenerateConfig

pytestmark = pytest.mark.browser
PATIENCE_MS = 120_000  # a clip, while other tests share two cores
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Iterator[Opened]:
    """A studio as it is after its installation: nothing was made yet."""
    workspace = Workspace.at(tmp_path_factory.mktemp("fresh"))
    with opened_studio(workspace, Library.of(workspace)) as opened:
        yield opened


def saved(workspace: Workspace, raga: str, tala: str | None, section: str, seed: int = 0) -> str:
    """A clip of one tone, as if a model had made it."""
    codec = svara(146.83)
    y = 0.2 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000).astype(np.float32)
    config = GenerateConfig(raga=raga, tala=tala, section=section, seed=seed)
    return clips.save(Clip(y, 24_000, codec.encode(y), codec, config, raga, "none"), workspace)


def open_play(studio: Opened, page: Page) -> None:
    page.goto(f"{studio.url}/?tab=play")
    page.wait_for_selector("#play-generate", timeout=PATIENCE_MS)
    page.wait_for_function("window.studioIsOpen", timeout=PATIENCE_MS)


def own_clips(studio: Opened) -> list[clips.SavedClip]:
    return [each for each in clips.clips(studio.workspace) if not each.is_shipped]


def generate(studio: Opened, page: Page) -> clips.SavedClip:
    """Press Generate and wait for the clip to stand in the panel."""
    before = {each.id for each in own_clips(studio)}
    page.locator("#play-generate").click()
    shown = page.locator("#play-clip .clip")
    page.wait_for_function(
        "known => { const id = document.querySelector('#play-clip .clip')?.dataset.clip;"
        " return id && !known.includes(id) && !id.startsWith('shipped'); }",
        arg=sorted(before),
        timeout=PATIENCE_MS,
    )
    return clips.clip(studio.workspace, shown.get_attribute("data-clip"))


def test_the_first_press_plays_on_a_fresh_install(fresh, page):
    open_play(fresh, page)
    made = generate(fresh, page)
    assert made.duration_s == pytest.approx(10, abs=0.01)
    expect(page.locator("#play-clip")).to_contain_text("Mohanam")
    page.wait_for_function(
        "document.querySelector('#play-clip audio').currentTime > 0.2", timeout=PATIENCE_MS
    )
    for part in (".wave polygon", ".melody svg path", "ol.svaras li", "meter"):
        expect(page.locator(f"#play-clip {part}").first).to_be_attached()
    page.wait_for_function("document.querySelector('#play-clip .melody img').naturalWidth > 0")
    card = page.locator("#gallery li").filter(has=page.locator(f"[data-open='{made.id}']"))
    expect(card).to_have_count(1)
    page.locator("#play-clip [data-drone]").check()
    expect(page.locator("#play-clip [data-drone]")).to_have_attribute("data-sounding", "true")

    # The same settings again are the same samples, from the sidecar and by the command.
    page.locator("input[type=file][accept='.json']").set_input_files(
        made.folder / f"{made.id}.json"
    )
    expect(page.locator("#play-seed input")).to_have_value(str(made.config.seed))
    expect(page.locator("#play-new-seed input")).not_to_be_checked()
    once_more = generate(fresh, page)
    y, _ = audio.load(made.audio)
    assert np.array_equal(audio.load(once_more.audio)[0], y)

    made_by_command = fresh.workspace.root / "again.flac"
    sidecar = made.folder / f"{made.id}.json"
    command = ["-m", "training.generate", "--again-from", sidecar, "--out", made_by_command]
    subprocess.run([sys.executable, *map(str, command)], cwd=PROJECT, check=True, timeout=300)
    assert np.array_equal(audio.load(made_by_command)[0], y)


def test_a_raga_is_found_in_any_spelling(fresh, page):
    open_play(fresh, page)
    box = page.locator("#play-raga input")
    box.click()
    box.fill("")
    box.press_sequentially("shankarabharanam", delay=60)
    found = page.locator("ul[role=listbox] li").filter(has_text="Sankarabharanam")
    expect(found.first).to_be_visible()
    found.first.click()
    expect(page.locator("#play-about")).to_contain_text("Melakarta 29")
    box.click()
    box.fill("Kalyni")
    box.press("Enter")
    expect(page.locator("#play-about")).to_contain_text("Did you mean Kalyani")


def test_the_gallery_shows_what_the_filters_let_through(fresh, page):
    for n in range(3):
        saved(fresh.workspace, "Bilahari", "Misra chapu", "kriti", n)
    saved(fresh.workspace, "Bilahari", None, "alapanai")
    liked = saved(fresh.workspace, "Begada", "Adi", "kriti")
    open_play(fresh, page)
    cards = page.locator("#gallery li")
    choose(page, "gallery-raga", "Bilahari")
    expect(cards).to_have_count(len(clips.clips(fresh.workspace, raga="Bilahari")))
    choose(page, "gallery-tala", "Misra chapu")
    misra = clips.clips(fresh.workspace, raga="Bilahari", tala="Misra chapu")
    expect(cards).to_have_count(len(misra))
    choose(page, "gallery-tala", "Any tala")
    choose(page, "gallery-raga", "Any raga")
    heart = page.locator(f"[data-favour='{liked}']")
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "true")
    page.locator("#gallery-favourites input").check()
    expect(cards).to_have_count(1)
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export as zip").click()
    assert downloading.value.suggested_filename.endswith(".zip")
    page.locator(f"[data-remove='{liked}']").click()
    expect(page.locator("#gallery")).to_contain_text("No clip here")
    assert liked not in {each.id for each in own_clips(fresh)}


def choose(page: Page, element_id: str, text: str) -> None:
    box = page.locator(f"#{element_id} input")
    box.click()
    box.fill(text)
    page.locator("ul[role=listbox] li").filter(has_text=text).first.click()


def test_five_visitors_at_once_get_their_own_clips(fresh):
    ragas = ("Mohanam", "Todi", "Kalyani", "Hindolam", "Abhogi")
    got: dict[str, dict] = {}

    def visit(n: int, raga: str) -> None:
        client = Client(fresh.url, verbose=False, download_files=True)
        sound, details = client.predict(
            raga=raga,
            section="alapanai",
            tala=None,
            seconds=5,
            steps=1,
            seed=n,
            api_name="/generate",
        )
        got[raga] = {**details, "sound": sound}

    visitors = [threading.Thread(target=visit, args=pair) for pair in enumerate(ragas)]
    for each in visitors:
        each.start()
    for each in visitors:
        each.join(timeout=PATIENCE_MS / 1000)
    assert sorted(got) == sorted(ragas)
    for n, raga in enumerate(ragas):
        own = clips.clip(fresh.workspace, got[raga]["id"])
        assert (own.config.raga, own.config.seed) == (raga, n)
        assert raga in got[raga]["caption"]
        kept, heard = (audio.load(path)[0] for path in (own.audio, got[raga]["sound"]))
        assert np.abs(kept - heard).max() < 1e-3  # wav and flac round their 16 bits otherwise


def test_a_model_context_protocol_client_is_offered_the_two_and_makes_a_clip(fresh):
    async def spoken() -> tuple:
        async with (
            streamable_http_client(f"{fresh.url}/gradio_api/mcp/") as (reads, writes, _),
            ClientSession(reads, writes) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            wish = {"raga": "Todi", "section": "alapanai", "tala": "", "tempo": ""}
            made = await session.call_tool("generate", wish | {"seconds": 5, "steps": 1})
            listed = await session.call_tool("list_clips", {"raga": "todi"})
            refused = await session.call_tool("generate", wish | {"raga": "Tody", "seconds": 5})
            return tools, made, listed, refused

    with ThreadPoolExecutor(1) as thread:  # the browser's own loop runs in this one
        tools, made, listed, refused = thread.submit(asyncio.run, spoken()).result()
    told = {each.name: each for each in tools}
    assert sorted(told) == ["generate", "list_clips"]
    assert told["generate"].description.startswith("Make a clip of Carnatic music")
    assert (
        "slow, medium or fast" in told["generate"].inputSchema["properties"]["tempo"]["description"]
    )
    assert not made.isError
    clip_id = next(each.text for each in made.content if "'id'" in getattr(each, "text", ""))
    newest = clips.clips(fresh.workspace, raga="Todi")[0]
    assert newest.id in clip_id
    assert newest.id in listed.content[0].text
    assert refused.isError
    assert "Todi" in refused.content[0].text


def test_the_api_says_what_it_takes_and_refuses_what_cannot_be(fresh):
    client = Client(fresh.url, verbose=False)
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert sorted(endpoints) == ["/clips", "/generate"]
    parameters = {each["parameter_name"]: each for each in endpoints["/generate"]["parameters"]}
    assert all(each["parameter_has_default"] for each in parameters.values())
    assert endpoints["/generate"]["description"].startswith("Make a clip of Carnatic music")
    explained = get_function_description(generating)[1]
    assert all(explained[name] for name in parameters)
    for wrong, said in (
        ({"raga": "Kalyni"}, "Did you mean Kalyani"),
        ({"section": "alapanai"}, "free time"),
        ({"seconds": 10_000}, "60"),
        ({"begin": "vary", "source": "../../etc/passwd"}, "name"),
    ):
        with pytest.raises(Exception, match=said):
            client.predict(**wrong, api_name="/generate")
    listed = client.predict(raga="bilahari", api_name="/clips")
    assert {each["raga"] for each in listed} <= {"Bilahari"}
    assert json.dumps(listed)
