"""What the Play tab's handlers do, without a browser."""

import io
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from core.errors import ModelError, StudioError
from core.spectrogram import svara
from core.workspace import Workspace
from studio import gallery, play_form, raga_list
from studio.clip_routes import tanpura
from studio.clip_view import panel
from studio.compare import compared
from studio.editor.routes import routes
from studio.gallery import Visitor, gallery_html
from studio.one_model import OneModel, check_allowed
from studio.play_tab import form_of_file
from studio.playing import OF_CLIP, _beginning
from tests.training.test_generate import CODEC, KNOWN, SMALL
from training import clips
from training.clips import PER_PAGE, Clip, maker_of
from training.model import build_pipeline, save_model
from training.wish import DEMO, GenerateConfig


def saved(workspace: Workspace, maker: str = "", notes: tuple = (), **said) -> clips.SavedClip:
    codec = svara(146.83)
    y = 0.2 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000).astype(np.float32)
    config = GenerateConfig(**{"raga": "Mohanam", **said})
    prompt = said.get("prompt") or "A tone"
    clip = Clip(y, 24_000, codec.encode(y), codec, config, prompt, "none", notes)
    return clips.clip(workspace, clips.save(clip, workspace, maker=maker))


def test_words_of_a_stranger_are_shown_as_words(workspace):
    bad = "<img src=x onerror=alert(1)>"
    each = saved(workspace, prompt=bad, notes=(bad,))
    for html in (panel(each), gallery_html([each], 1, Visitor((), "", True), {"raga": bad})):
        assert "<img src=x" not in html
        assert "&lt;img" in html


def test_a_clip_is_deleted_by_its_maker_and_the_owner_alone(workspace, monkeypatch):
    own, other = saved(workspace, maker=maker_of("mine")), saved(workspace, maker=maker_of("yours"))
    me = Visitor((), maker_of("mine"), is_owner=False)
    assert me.may_delete(own)
    assert not me.may_delete(other)
    assert not Visitor((), "", is_owner=False).may_delete(saved(workspace))
    assert Visitor((), "", is_owner=True).may_delete(other)
    monkeypatch.setenv("SPACE_ID", "rasika/studio")
    event = gr.EventData(None, {"clip_id": other.id})
    gallery.remove(workspace, "mine", None, event)
    assert clips.clip(workspace, other.id)


def test_the_gallery_has_pages_and_favourites(workspace):
    found = [saved(workspace, seed=n) for n in range(PER_PAGE + 2)]
    visitor = Visitor([found[0].id], "", False)
    assert gallery_html(found, 1, visitor, {}).count("<li") == PER_PAGE
    last = gallery_html(found, 99, visitor, {})
    assert last.count("<li") == 2
    assert "2 of 2" in last
    assert gallery_html(found[:1], 1, visitor, {}).count('aria-pressed="true"') == 1
    kept = gallery.favoured([], gr.EventData(None, {"clip_id": "a"}))
    assert kept == ["a"]
    assert gallery.favoured(kept, gr.EventData(None, {"clip_id": "a"})) == []


def test_a_raga_is_found_by_spellings_that_no_list_holds():
    def found(text: str) -> list[str]:
        typed = gr.KeyUpData(None, {"key": "m", "input_value": text})
        return [name for _, name in raga_list.find_ragas(DEMO, typed).choices]

    assert found("shankarabharanam")[0] == "Sankarabharanam"
    assert found("ritigaula")[0] == "Reetigowla"
    assert "Kalyani" in found("kalyan")
    assert found("qqqq") == []
    for label, _ in raga_list.raga_choices(DEMO, typed="zz"):
        assert "zz" in label  # or the browser would not show it


def test_what_is_said_of_a_raga_the_model_does_not_know():
    said = raga_list.describe_raga("Khamas")
    assert "not taught" in said
    assert "Harikambhoji" in said or "nearest" in said


def test_an_unknown_raga_is_answered_with_suggestions_and_stays_in_the_box():
    box, said = raga_list.settle_raga("Kalyni", DEMO)
    assert "Did you mean Kalyani" in said
    assert "value" not in box


def test_a_section_in_free_time_takes_tala_and_tempo_away():
    tala, tempo, _ = play_form.for_section("alapanai", "Adi", "slow")
    assert (tala["value"], tala["interactive"], tempo["value"]) == (None, False, "")
    tala, tempo, lead = play_form.for_section("tani avartanam", None, "")
    assert (tala["value"], tempo["value"], lead["interactive"]) == ("Adi", "medium", False)


def test_a_visitor_of_a_space_plays_listed_models_only(workspace, monkeypatch):
    check_allowed(workspace, "/anywhere/else", "")
    monkeypatch.setenv("SPACE_ID", "rasika/studio")
    check_allowed(workspace, DEMO, "")
    for model, lora in (("someone/model", ""), (DEMO, "/etc")):
        with pytest.raises(Exception, match="from the list"):
            check_allowed(workspace, model, lora)


def test_who_stops_stops_only_their_own(workspace):
    one = OneModel(workspace)
    one.begin("me")
    one.stop("you")
    assert not one.is_stopped("me")
    one.stop("me")
    assert one.is_stopped("me")
    one.end("me")
    assert not one.is_stopped("me")
    one.begin("me")
    one.begin("me")
    with pytest.raises(ModelError, match="already"):
        one.begin("me")  # the third of ten clicks
    one.begin("you")
    one.end("me")
    one.end("me")
    one.stop("me")  # a client that leaves with nothing under way
    assert not one.is_stopped("me")


def test_settings_come_back_from_a_file_but_not_from_any(workspace, tmp_path):
    each = saved(workspace, seed=77, tonic_hz=141.237)
    values = form_of_file(str(each.folder / f"{each.id}.json"))
    assert values[0] == "Mohanam"
    assert 77 in values
    assert "141.237 Hz" in values
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    with pytest.raises(gr.Error, match=r"wrong\.json"):
        form_of_file(str(wrong))


def test_what_a_clip_cannot_begin_from_is_said(workspace, tmp_path):
    words, generator = tmp_path / "words.mp3", OneModel(workspace).generator(DEMO)
    words.write_text("this is no sound")
    config = GenerateConfig(raga="Mohanam")
    for source, recording, said in (
        (None, str(words), "words.mp3"),
        (None, None, "Vary or Continue"),
        (f"{OF_CLIP}{saved(workspace).id}", None, "began from nothing"),
    ):
        with pytest.raises(StudioError, match=said):
            _beginning(generator, replace(config, source=source), "vary", recording, "")
    assert _beginning(generator, config, "new", str(words), "") == (config, None)


def test_the_tanpura_is_tuned_and_its_round_closes():
    y, sr = soundfile.read(io.BytesIO(tanpura(146.83, "Hindolam")))
    twice = np.concatenate([y, y])
    jumps = np.abs(np.diff(twice))
    assert jumps[len(y) - 1] <= np.percentile(jumps, 99.9)
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y))))
    hz = np.fft.rfftfreq(len(y), 1 / sr)
    partials = hz[np.argsort(spectrum)[-40:]]
    steps = 1200 * np.log2(partials / 146.83) % 1200
    off = [min(abs(s - note) for note in (0, 498, 702, 1200, 386)) for s in steps]
    assert np.median(off) < 30  # Sa and Ma, and what rings with them


@pytest.fixture
def client(workspace, library):
    from starlette.applications import Starlette

    app = Starlette(routes=routes(workspace, library))
    app.auth_dependency = app.auth = None
    return TestClient(app)


def test_pictures_downloads_and_the_tanpura_are_served(client, workspace):
    each = saved(workspace)
    at = "/gradio_api/studio"
    for path in (f"/clips/{each.id}/thumbnail", f"/clips/{each.id}/melody"):
        assert client.get(at + path).content.startswith(b"\x89PNG")
    got = client.get(f"{at}/clips/{each.id}/as/mp3")
    assert each.id in got.headers["content-disposition"]
    assert client.get(f"{at}/clips/{each.id}/settings").json()["id"] == each.id
    assert (
        client.get(f"{at}/drone?tonic=146.83&raga=mohana").headers["content-type"] == "audio/flac"
    )
    assert client.get(f"{at}/clips-as-zip?raga=Mohanam").content.startswith(b"PK")
    clip = f"clips/{each.id}"
    for wrong in ("drone?tonic=9999", "drone?tonic=x", "drone?tonic=150&raga=zzz", f"{clip}/as/exe",
                  "clips/..%2f..%2fx/as/mp3", "clips-as-zip?raga=Todi"):  # fmt: skip
        assert client.get(f"{at}/{wrong}").status_code == 404


@pytest.mark.slow
def test_two_models_are_heard_on_the_same_seeds_side_by_side(workspace, tmp_path):
    models = []
    for seed in (0, 1):
        models.append(str(tmp_path / f"run-{seed}" / "model"))
        save_model(
            build_pipeline(SMALL, seed=seed), tmp_path / f"run-{seed}" / "model", CODEC, KNOWN
        )

    class Visit:
        session_hash = "me"

    asked = ("Mohanam", "Adi", "kriti", "", "D", "", 5, 3)
    html = compared(OneModel(workspace), *models, 2, *asked, "token", Visit(), lambda *a, **k: None)
    assert html.count("<audio") == 4
    made = clips.clips(workspace)
    assert sorted((each.config.model, each.config.seed) for each in made) == sorted(
        (model, seed) for model in models for seed in (3, 4)
    )
    assert {each.maker for each in made} == {maker_of("token")}
    assert len({each.model_hash for each in made}) == 2
