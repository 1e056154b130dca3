"""The table of concerts, and how one comes in."""

import numpy as np
import pytest

from core import audio
from core.errors import StudioError
from studio.concerts_tab import bring_in, concerts_html, refreshed, steps_html
from studio.samples import SampleConcerts
from tests.studio.conftest import segment, silent

ID = "file-1"


def test_a_concert_is_told_with_its_length_tonic_rights_and_progress(library):
    library.add(silent(ID, duration_s=3725.0, rights="cc-by-4.0"))
    library.save(segment(ID, 0, 1862.5, status="approved"))
    html = concerts_html(library)
    for said in ("Evening concert", "Lead Singer (voice)", "1:02:05", "146.8 Hz", "cc-by-4.0"):
        assert said in html
    assert "50 % marked, 50 % approved" in html
    assert f'data-open="{ID}"' in html


def test_a_title_is_text_whatever_it_holds(library):
    library.add(silent(ID, title="<img src=x onerror=alert(1)> ${1+1} {{this}}"))
    html = concerts_html(library)
    assert "<img" not in html
    assert "&lt;img" in html


def test_an_empty_library_says_what_to_do(library):
    assert "Drop an audio file" in concerts_html(library)


def test_five_steps_lead_to_five_tabs():
    for tab in ("concerts", "segment", "captions", "train", "play"):
        assert f'data-go="{tab}"' in steps_html()


def test_the_table_is_looked_at_again_only_while_samples_come(workspace, library):
    _, timer = refreshed(library, SampleConcerts(workspace, library))
    assert timer.active is False


def test_nothing_dropped_is_refused_in_words(workspace, library):
    with pytest.raises(Exception, match="Drop audio files"):
        bring_in(workspace, library, [], "", "own")


def test_a_dropped_file_is_imported_with_its_rights(workspace, library, tmp_path):
    path = tmp_path / "varnam.wav"
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(3 * 16_000) / 16_000)
    audio.write(path, tone.astype(np.float32), 16_000)
    cleared, said, table = bring_in(
        workspace, library, [str(path)], "", "own", lambda *a, **k: None
    )
    (found,) = library.recordings()
    assert cleared is None
    assert found.rights == "own"
    assert "0:03" in said
    assert f'data-open="{found.id}"' in table


def test_what_could_not_be_read_is_named_and_the_rest_comes_in(workspace, library, tmp_path):
    good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
    audio.write(good, np.full(16_000, 0.1, np.float32), 16_000)
    bad.write_bytes(b"no sound at all")
    _, said, _ = bring_in(
        workspace, library, [str(bad), str(good)], "", "own", lambda *a, **k: None
    )
    assert len(library.recordings()) == 1
    assert "bad" in said


def test_a_table_dropped_beside_the_sound_says_what_is_heard(workspace, library, tmp_path):
    path, table = tmp_path / "varnam.wav", tmp_path / "labels.csv"
    audio.write(path, np.full(16_000, 0.1, np.float32), 16_000)
    table.write_text("file,raga,artist\nvarnam.wav,kalyaani,Asha\n")
    bring_in(workspace, library, [str(table), str(path)], "", "own", lambda *a, **k: None)
    (found,) = library.recordings()
    assert (found.raga, found.lead_artist) == ("Kalyani", "Asha")


def test_a_folder_of_this_machine_is_imported_but_never_on_a_space(
    workspace, library, tmp_path, monkeypatch
):
    folder = tmp_path / "tapes"
    folder.mkdir()
    audio.write(folder / "a.wav", np.full(16_000, 0.1, np.float32), 16_000)
    with monkeypatch.context() as space:
        space.setenv("SPACE_ID", "someone/studio")
        with pytest.raises(Exception, match="your own machine"):
            bring_in(workspace, library, [], str(folder), "own", lambda *a, **k: None)
    bring_in(workspace, library, [], str(folder), "own", lambda *a, **k: None)
    assert [each.title for each in library.recordings()] == ["a"]


def test_only_trouble_is_an_alert(workspace, library, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound at all")
    with pytest.raises(Exception, match="bad") as raised:
        bring_in(workspace, library, [str(bad)], "", "own", lambda *a, **k: None)
    assert isinstance(raised.value.__cause__, StudioError)


def test_samples_are_not_rendered_where_there_is_a_concert(workspace, library):
    library.add(silent(ID))
    samples = SampleConcerts(workspace, library)
    samples.render_if_empty()
    assert not samples.is_rendering
    assert samples.failure is None


def test_a_rendering_that_fails_says_so_in_the_page(workspace, library, monkeypatch):
    monkeypatch.setattr("sys.executable", "false")  # a program that only fails
    samples = SampleConcerts(workspace, library)
    samples.render_if_empty()
    while samples.is_rendering:
        pass
    assert "could not be rendered" in concerts_html(library, samples)


def test_uploads_of_one_folder_lie_together_again(workspace, library, tmp_path):
    """As gradio keeps them: each in a folder of its own."""
    uploads = []
    for n, (name, content) in enumerate(
        [("Nidhi.wav", None), ("Nidhi.ctonic.txt", b"155.5"), ("Nidhi.json", b'{"title": "Nidhi"}'),
         ("Nidhi.wav", None), ("Nidhi.ctonic.txt", b"170.5")]
    ):  # fmt: skip
        path = tmp_path / str(n) / name
        path.parent.mkdir()
        if content is None:
            audio.write(path, np.full(16_000, 0.1 + 0.1 * n, np.float32), 16_000)
        else:
            path.write_bytes(content)
        uploads.append(str(path))
    bring_in(workspace, library, uploads, "", "own", lambda *a, **k: None)
    tonics = sorted(each.tonic_hz for each in library.recordings())
    assert tonics == [155.5, 170.5]
    assert not list(workspace.root.glob(".part-*"))


def test_notes_without_sound_are_no_concert(workspace, library, tmp_path):
    (tmp_path / "Nidhi.json").write_text("{}")
    with pytest.raises(Exception, match="Drop audio files"):
        bring_in(workspace, library, [str(tmp_path / "Nidhi.json")], "", "own")
