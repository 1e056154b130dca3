import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from PIL import Image

from core.errors import StudioError, TheoryError
from core.spectrogram import read_image, svara
from training import clips as gallery
from training.clips import Clip, clips, delete, page_of, save
from training.wish import GenerateConfig

SR = 24_000
CODEC = svara(146.83)


def made(raga="Mohanam", tala="Adi", section="kriti", seed=0, **about) -> Clip:
    """A second of a soft tone, as if a model had sung it."""
    y = 0.1 * np.sin(2 * np.pi * 220 * np.arange(SR) / SR).astype(np.float32)
    config = GenerateConfig(raga=raga, tala=tala, section=section, seed=seed)
    image = np.random.default_rng(seed).integers(0, 255, (256, 50), dtype=np.uint8)
    return Clip(y, SR, image, CODEC, config, f"{section} in {raga}", "0123", **about)


def ids(found) -> list[str]:
    return [each.id for each in found]


def test_a_saved_clip_holds_sound_picture_and_every_setting(workspace):
    clip = made(notes=("softly",))
    (saved,) = [gallery.clip(workspace, save(clip, workspace, {"adherence": 93.5}))]
    y, sr = soundfile.read(saved.audio, dtype="float32")
    assert sr == SR
    assert np.abs(y - clip.y).max() <= 1 / 32768  # sixteen bits
    image, codec = read_image(saved.picture)
    assert np.array_equal(image, clip.image)
    assert codec == CODEC
    assert saved.config == clip.config
    assert (saved.prompt, saved.model_hash, saved.notes) == (clip.prompt, "0123", ("softly",))
    assert saved.scores == {"adherence": 93.5}
    assert saved.duration_s == 1.0


def test_the_sidecar_names_no_folder_of_this_machine(workspace):
    clip_id = save(made(), workspace)
    sidecar = workspace.clips() / f"{clip_id}.json"
    assert str(workspace.root) not in sidecar.read_text()


def test_a_clip_from_before_there_were_guides_is_made_again_without_them(workspace):
    clip_id = save(made(), workspace)
    sidecar = workspace.clips() / f"{clip_id}.json"
    said = json.loads(sidecar.read_text())
    for guide in ("tala_guide", "raga_guidance"):
        del said["config"][guide]
    sidecar.write_text(json.dumps(said))
    found = gallery.clip(workspace, clip_id).config
    assert (found.tala_guide, found.raga_guidance) == (0.0, 0.0)


def test_clips_are_listed_newest_first(workspace):
    saved = [save(made(seed=seed), workspace) for seed in range(3)]
    assert ids(clips(workspace)) == saved[::-1]


def test_clips_are_filtered_by_any_spelling(workspace):
    mohanam = save(made(), workspace)
    kalyani = save(made(raga="Kalyani", tala="Rupaka"), workspace)
    alapanai = save(made(tala=None, section="alapanai"), workspace)
    assert ids(clips(workspace, raga="mōhana")) == [alapanai, mohanam]
    assert ids(clips(workspace, tala="rūpaka tāḷam")) == [kalyani]
    assert ids(clips(workspace, section="ālāpana")) == [alapanai]
    assert ids(clips(workspace, raga="Mohanam", tala="Adi")) == [mohanam]
    assert ids(clips(workspace, model="another")) == []
    with pytest.raises(TheoryError):
        clips(workspace, raga="Kalyni")


def test_pages_hold_so_many_and_end(workspace):
    found = [save(made(seed=seed), workspace) for seed in range(5)]
    listed = clips(workspace)
    assert ids(page_of(listed, 1, per_page=2)) == found[:2:-1]
    assert ids(page_of(listed, 3, per_page=2)) == found[:1]
    assert page_of(listed, 4, per_page=2) == page_of(listed, 0, per_page=2) == []


def test_clips_saved_in_one_second_keep_apart(workspace):
    assert len({save(made(), workspace) for _ in range(5)}) == 5


def test_a_deleted_clip_leaves_nothing(workspace):
    clip_id = save(made(source=made().image), workspace)
    assert gallery.clip(workspace, clip_id).source_picture.is_file()
    delete(workspace, clip_id)
    assert list(workspace.clips().iterdir()) == []
    with pytest.raises(StudioError, match="No clip"):
        delete(workspace, clip_id)


@pytest.mark.parametrize("clip_id", ["../studio", "/etc/passwd", "", ".part-x"])
def test_a_clip_id_cannot_lead_out_of_the_clips(workspace, clip_id):
    with pytest.raises(StudioError):
        delete(workspace, clip_id)


@pytest.fixture
def shipped(workspace, tmp_path, monkeypatch):
    """A clip as it comes with the studio."""
    clip_id = save(made(raga="Todi"), workspace)
    folder = tmp_path / "assets"
    folder.mkdir()
    for path in workspace.clips().iterdir():
        path.rename(folder / path.name)
    monkeypatch.setattr(gallery, "SHIPPED", folder)
    return clip_id


def test_shipped_clips_are_listed_with_ones_own_and_stay(workspace, shipped):
    own = save(made(), workspace)
    assert ids(clips(workspace)) == [own, shipped]
    assert [each.is_shipped for each in clips(workspace)] == [False, True]
    with pytest.raises(StudioError, match="stays"):
        delete(workspace, shipped)
    assert gallery.clip(workspace, shipped).audio.is_file()


def test_a_damaged_sidecar_hides_no_other_clip_and_is_told(workspace, caplog):
    whole = save(made(), workspace)
    (workspace.clips() / "broken.json").write_text('{"id": 3')
    assert ids(clips(workspace)) == [whole]
    assert "broken.json" in caplog.text


def test_a_sidecar_with_a_misspelt_setting_is_refused_by_name(workspace):
    sidecar = workspace.clips() / f"{save(made(), workspace)}.json"
    said = json.loads(sidecar.read_text())
    said["config"]["rage"] = "Mohanam"
    sidecar.write_text(json.dumps(said))
    with pytest.raises(StudioError, match=r"config\.rage"):
        gallery.read(sidecar)


def test_an_unfinished_clip_is_not_there(workspace):
    clip_id = save(made(), workspace)
    (workspace.clips() / f"{clip_id}.json").unlink()
    assert clips(workspace) == []
    again = save(made(), workspace)
    gallery.clip(workspace, again).audio.unlink()
    assert clips(workspace) == []


def test_a_clip_that_cannot_be_written_leaves_nothing(workspace):
    broken = replace(made(), image=np.zeros((3, 3), dtype=np.float32))
    with pytest.raises(StudioError):
        save(broken, workspace)
    assert list(workspace.clips().iterdir()) == []


def test_the_picture_opens_anywhere(workspace):
    saved = gallery.clip(workspace, save(made(), workspace))
    with Image.open(saved.picture) as picture:
        assert picture.size == (50, 256)
