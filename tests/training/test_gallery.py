import csv
import io
import zipfile

import numpy as np
import pytest
import soundfile

from core import audio
from core.errors import StudioError
from core.spectrogram import svara
from tests.training.test_generate import CODEC, KNOWN, SMALL
from training import clips
from training.clips import Clip, claim, maker_of, save
from training.ear import in_words, listened
from training.gallery import GalleryConfig, make_gallery, wishes
from training.handing import in_format, zipped
from training.model import build_pipeline, save_model
from training.wish import GenerateConfig, Vocabulary

TAUGHT = Vocabulary(
    ragas=("Mohanam", "Todi"), talas=("Adi", "Rupaka"), sections=("alapanai", "kriti"),
    template="concise",
)  # fmt: skip


def tone(hz: float = 220.0, seconds: float = 2.0, **said) -> Clip:
    codec = svara(146.83)
    t = np.arange(round(24_000 * seconds)) / 24_000
    y = sum(0.1 * np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 6))
    config = GenerateConfig(**{"raga": "Mohanam", **said})
    return Clip(y.astype(np.float32), 24_000, codec.encode(y), codec, config, "A tone", "none")


@pytest.mark.slow
def test_the_shipped_gallery_is_made_by_one_command_and_plays(tmp_path, workspace, monkeypatch):
    model = tmp_path / "model"
    save_model(build_pipeline(SMALL), model, CODEC, KNOWN)
    out = tmp_path / "clips"
    config = GalleryConfig(out=out, model=str(model), clips=2, best_of=1, seconds=5, steps=1)
    make_gallery(config)
    made = make_gallery(config)  # in the place of the first
    assert len(list(out.iterdir())) == 2 * 2
    assert sum(path.stat().st_size for path in out.iterdir()) < 200_000
    monkeypatch.setattr(clips, "SHIPPED", out)
    assert [each.id for each in clips.clips(workspace)] == [each.id for each in made]
    y, sr = audio.load(clips.clip(workspace, made[0].id).audio)
    assert len(y) / sr == pytest.approx(5, abs=0.1)


def test_the_gallery_asks_only_for_what_the_model_was_taught_and_what_can_be():
    asked = list(wishes(GalleryConfig(clips=9), TAUGHT))
    assert {each.raga for each in asked} == {"Mohanam", "Todi"}
    assert {each.section for each in asked} == {"alapanai", "kriti"}
    for each in asked:
        assert (each.tala is None) == (each.tempo is None) == (each.section == "alapanai")


@pytest.mark.parametrize("format", ["wav", "flac", "mp3"])
def test_a_clip_is_handed_over_in_a_format_with_its_tags(workspace, format):
    saved = clips.clip(workspace, save(tone(), workspace))
    with soundfile.SoundFile(io.BytesIO(in_format(saved, format))) as file:
        assert file.title == "A tone"
        assert file.frames / file.samplerate == pytest.approx(2, abs=0.1)


def test_no_other_format_is_made(workspace):
    saved = clips.clip(workspace, save(tone(), workspace))
    with pytest.raises(StudioError, match="wav, flac, mp3"):
        in_format(saved, "exe")


def test_a_zip_holds_sounds_pictures_settings_and_a_table(workspace, tmp_path):
    for seed in range(2):
        save(tone(seed=seed), workspace, {"adherence": 51.0})
    found = clips.clips(workspace)
    with zipfile.ZipFile(zipped(found, tmp_path / "all.zip")) as bundle:
        assert bundle.testzip() is None
        rows = list(csv.DictReader(io.StringIO(bundle.read("metadata.csv").decode())))
        assert sorted(row["seed"] for row in rows) == ["0", "1"]
        assert rows[0]["raga"] == "Mohanam"
        assert rows[0]["adherence"] == "51.0"
        assert {row["file_name"] for row in rows} < set(bundle.namelist())
        assert len(bundle.namelist()) == 2 * 3 + 1
    with pytest.raises(StudioError, match="No clip"):
        zipped([], tmp_path / "none.zip")


def test_a_clip_is_claimed_once_and_its_sidecar_tells_nobody_the_token(workspace):
    clip_id = save(tone(), workspace)
    claim(workspace, clip_id, "secret")
    claim(workspace, clip_id, "another")
    assert clips.clip(workspace, clip_id).maker == maker_of("secret")
    assert "secret" not in (workspace.clips() / f"{clip_id}.json").read_text()


def test_the_verdict_follows_the_percentile():
    words = [in_words({"adherence": p, "stable_s": 5.0}, "Todi") for p in (97, 80, 65, 40)]
    assert [text.split(":")[0] for text in words] == [
        "It keeps closely to Todi",
        "It mostly keeps to Todi",
        "It leans to Todi",
        "It does not keep to Todi",
    ]
    assert "Too little" in in_words({"stable_s": 0.4}, "Todi")
    assert in_words({}, None) == ""


def test_a_tone_is_heard_at_its_cents():
    clip = tone(hz=146.83 * 2 ** (400 / 1200))
    ear = listened(clip.y, clip.sr, clip.config)
    assert np.nanmedian(ear.cents) == pytest.approx(400, abs=10)
    assert ear.seconds.argmax() == 4
    assert ear.n_seconds == pytest.approx(2, abs=0.1)
    assert listened(clip.y, clip.sr, GenerateConfig(section="tani avartanam")).scores == {}


def test_a_shipped_clip_needs_no_picture_to_be_varied(workspace, tmp_path, monkeypatch):
    from training.sources import picture_of_clip

    saved = clips.clip(workspace, save(tone(), workspace))
    saved.picture.unlink()
    codec = svara(146.83)
    drawn = picture_of_clip(workspace, saved.id, codec)
    assert drawn.shape[0] == codec.n_rows
    assert abs(int(drawn.argmax(axis=0)[50]) - int(tone().image.argmax(axis=0)[50])) <= 1


def test_a_recording_in_another_sruti_is_drawn_where_its_own_sa_is(tmp_path):
    from training.sources import heard_tonic_hz, picture_of_file

    path, codec = tmp_path / "sung.wav", svara(146.83)
    t = np.arange(3 * 24_000) / 24_000
    audio.write(path, sum(0.1 * np.sin(2 * np.pi * 196 * k * t) / k for k in range(1, 5)), 24_000)
    at_sa = picture_of_file(path, codec, 196.0)
    sa_row = len(codec.row_cents) - 1 - np.searchsorted(codec.row_cents[::-1], 0)
    assert abs(int(np.median(at_sa.argmax(axis=0))) - sa_row) <= 1
    assert abs(int(np.median(picture_of_file(path, codec).argmax(axis=0))) - sa_row) > 5
    assert heard_tonic_hz(path) > 0
