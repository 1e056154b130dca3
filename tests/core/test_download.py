import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from core import audio, download
from core.download import Importer, import_files
from core.errors import DownloadError
from core.labels import Labels
from core.library import Library
from core.records import Artist
from core.workspace import PROJECT, Workspace
from tests.sounds import encode, melody

SECONDS = 1.5


@pytest.fixture
def library(workspace):
    library = Library.of(workspace)
    yield library
    library.close()


@pytest.fixture
def tape(tmp_path) -> Path:
    return recorded(tmp_path / "given" / 'Kamalāmbā (live), "2004".wav', 0)


def recorded(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        soundfile.write(file, melody(SECONDS, 8000, seed=seed)[0], 8000, format="WAV")
    return path


def alone(workspace: Workspace, library: Library) -> Importer:
    """An importer that starts no processes, which would take longer than the work."""
    return Importer(workspace, library, jobs=1)


def files_of(workspace: Workspace) -> list[str]:
    return sorted(
        str(path.relative_to(workspace.root))
        for path in workspace.root.rglob("*")
        if path.is_file() and not path.name.startswith("studio.db")
    )


def test_a_file_becomes_a_recording_with_a_copy_to_play_and_an_outline(workspace, library, tape):
    (recording,) = import_files([tape], workspace, library, rights="own")
    assert library.recordings() == [recording]
    assert recording.id.startswith("file-")
    assert len(recording.id) == len("file-") + 12
    assert recording.title == 'Kamalāmbā (live), "2004"'
    assert recording.source == tape.name
    assert recording.rights == "own"
    assert recording.duration_s == SECONDS
    assert workspace.audio(recording.id).read_bytes() == tape.read_bytes()
    assert audio.info(workspace.playback(recording.id)).format == "matroska"
    assert len(workspace.peaks(recording.id).read_bytes()) == SECONDS * audio.PEAKS_PER_SECOND


def test_rights_are_restricted_unless_said(workspace, library, tape):
    (recording,) = import_files([tape], workspace, library)
    assert recording.rights == "restricted"


def test_rights_nobody_knows_are_refused_before_anything_is_written(workspace, library, tape):
    with pytest.raises(DownloadError, match="Say own, public-domain"):
        import_files([tape], workspace, library, rights="mine")
    assert files_of(workspace) == []


def test_the_same_sound_twice_is_one_recording(workspace, library, tape):
    twin = shutil.copy(tape, tape.with_name("another name.wav"))
    (first,) = alone(workspace, library).run([tape, twin])
    before = files_of(workspace)
    (again,) = import_files([twin], workspace, library)
    assert again == first
    assert library.recordings() == [first]
    assert files_of(workspace) == before
    assert len(library.recording_history(first.id)) == 1


def test_an_import_again_mends_what_is_missing(workspace, library, tape):
    (recording,) = import_files([tape], workspace, library)
    before = files_of(workspace)
    workspace.playback(recording.id).unlink()
    import_files([tape], workspace, library)
    assert files_of(workspace) == before


def test_tags_tell_title_artists_album_and_composer(workspace, library, tmp_path):
    path = encode(tmp_path / "07.mp3", melody(SECONDS, 44_100), 44_100, "libmp3lame")
    tagged = tmp_path / "tagged.mp3"
    with av.open(str(path)) as source, av.open(str(tagged), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        target.metadata.update(
            {
                "title": "Nannu\n pālimpa",
                "artist": "M. Lakshmi; R. Śaṅkar",
                "album": "Sabha 2004",
                "composer": "Tyagaraja",
            }
        )
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    (recording,) = import_files([tagged], workspace, library)
    assert recording.title == "Nannu pālimpa"
    assert recording.artists == (Artist("M. Lakshmi"), Artist("R. Śaṅkar"))
    assert recording.lead_artist == "M. Lakshmi"
    assert recording.composer == "Tyagaraja"
    assert recording.source == "tagged.mp3 (Sabha 2004)"


def test_a_folder_gives_its_audio_files_however_deep(workspace, library, tmp_path):
    recorded(tmp_path / "given" / "a.wav", 1)
    recorded(tmp_path / "given" / "day 2" / "B.WAV", 2)
    recorded(tmp_path / "given" / ".hidden.wav", 3)
    (tmp_path / "given" / "notes.txt").write_text("second row, left")
    result = alone(workspace, library).run([tmp_path / "given"])
    assert sorted(each.title for each in result) == ["B", "a"]
    assert result.failed == ()


def test_one_bad_file_never_stops_the_others(workspace, library, tmp_path, tape):
    words = tmp_path / "words.mp3"
    words.write_text("no sound")
    nowhere = tmp_path / "nowhere.wav"
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    empty = tmp_path / "empty"
    empty.mkdir()
    result = alone(workspace, library).run([words, tape, nowhere, pipe, empty])
    assert [each.title for each in result] == [tape.stem]
    reasons = {Path(each.what).name: each.reason for each in result.failed}
    assert set(reasons) == {"words.mp3", "nowhere.wav", "pipe.wav", "empty"}
    assert "again" in reasons["words.mp3"]
    assert "No such file" in reasons["nowhere.wav"]
    assert "No audio file" in reasons["empty"]
    assert len(files_of(workspace)) == 3


def test_if_nothing_could_be_brought_in_that_is_an_error(workspace, library, tmp_path):
    words = tmp_path / "words.mp3"
    words.write_text("no sound")
    with pytest.raises(DownloadError, match=r"Nothing was brought in. words\.mp3: "):
        import_files([words], workspace, library)
    assert files_of(workspace) == []
    assert library.recordings() == []


@pytest.mark.parametrize(
    "name", ["a\tb\n.wav", "x; rm -rf .wav", "'\"`$HOME.wav", "..wav", "％s%d.wav", "\udce9.wav"]
)
def test_odd_names_stay_names(workspace, library, tmp_path, name):
    path = recorded(tmp_path / "given" / name, 4)
    (recording,) = import_files([path], workspace, library)
    assert recording.title.isprintable()
    assert recording.title.strip()
    assert library.recording(recording.id) == recording
    assert {path.split("/")[0] for path in files_of(workspace)} == {"audio", "peaks", "playback"}


def test_a_file_with_a_suffix_that_says_nothing_gets_its_own(workspace, library, tmp_path):
    path = recorded(tmp_path / "tape.wav", 5).rename(tmp_path / "tape.part2")
    (recording,) = import_files([path], workspace, library)
    assert workspace.audio(recording.id).suffix == ".wav"


def test_progress_ends_at_the_whole(workspace, library, tmp_path, tape):
    for given in ([tape], [tape, recorded(tmp_path / "b.wav", 6)]):
        told = []
        alone(workspace, library).run(given, tell=lambda *said, told=told: told.append(said))
        shares = [share for share, _ in told]
        assert shares == sorted(shares)
        assert shares[-1] == 1.0


# A table beside the files


def labelled(workspace, library, paths, text) -> download.Imported:
    table = workspace.root.parent / "labels.csv"
    table.write_text(text)
    return Importer(workspace, library, Labels.read(table), jobs=1).run(paths)


def test_labels_tell_what_is_heard_in_any_spelling(workspace, library, tape):
    (recording,) = labelled(
        workspace,
        library,
        [tape],
        "file,raga,tala,artist,instrument,composer,composition,tonic_hz,rights,title\n"
        '"Kamalāmbā (live), ""2004"".wav",kalyaani,ADI,M. Lakshmi,veena,Dikshitar,'
        "Kamalamba,146.8,cc-by-4.0,Navavarnam\n",
    )
    assert (recording.raga, recording.tala) == ("Kalyani", "Adi")
    assert recording.artists == (Artist("M. Lakshmi", "veena"),)
    assert (recording.composer, recording.composition) == ("Dikshitar", "Kamalamba")
    assert (recording.tonic_hz, recording.rights) == (146.8, "cc-by-4.0")
    assert recording.title == "Navavarnam"


def test_labels_for_a_recording_that_is_there_already_are_added(workspace, library, tape):
    tape = tape.rename(tape.with_name("t.wav"))
    (before,) = import_files([tape], workspace, library)
    (after,) = labelled(workspace, library, [tape], "file,raga\nt.wav,Todi\n")
    assert (before.raga, after.raga) == (None, "Todi")
    assert library.recording(before.id) == after
    assert len(library.recording_history(before.id)) == 2


def test_labels_tell_apart_files_of_one_name_by_their_folders(workspace, library, tmp_path):
    paths = [recorded(tmp_path / "day" / str(k) / "1.wav", k) for k in (1, 2)]
    result = labelled(workspace, library, paths, "file,raga\n1/1.wav,Todi\n2/1.wav,Kalyani\n")
    assert sorted(each.raga for each in result) == ["Kalyani", "Todi"]


def test_a_label_without_its_file_is_reported(workspace, library, tape):
    result = labelled(workspace, library, [tape], "file,raga\nb.wav,Todi\n")
    assert [(each.what, each.reason.split(",")[0]) for each in result.failed] == [
        ("b.wav", "The labels name it")
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("file,raga\na.wav,Kalyni\nb.wav,Qwxz\n", r"labels.csv:2: .*Kalyani(.|\n)*labels.csv:3"),
        ("raga,tala\nTodi,Adi\n", "Begin with a line of column names"),
        ("file,ragam\na.wav,Todi\n", "Begin with a line of column names"),
        ("file,tonic_hz\na.wav,high\n", "Give a number of Hz"),
        ("file,tonic_hz\na.wav,4\n", "between 60 and 500"),
        ("file,rights\na.wav,mine\n", "Say own"),
        ("file,raga\na.wav,Todi,Adi\n", "more cells than columns"),
        ("file,raga\n,Todi\n", "names no file"),
        ("file,raga\na.wav,Todi\na.wav,Kalyani\n", "a row already"),
        ("", "Begin with a line of column names"),
    ],
)
def test_a_bad_table_is_explained_by_line_before_anything_is_imported(tmp_path, text, wanted):
    table = tmp_path / "labels.csv"
    table.write_text(text)
    with pytest.raises(DownloadError, match=wanted):
        Labels.read(table)


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path):
    table = tmp_path / "labels.csv"
    for encoding in ("utf-16", "utf-8-sig"):
        table.write_bytes("file,raga\r\nrāga.wav,Todi\r\n\r\n".encode(encoding))
        assert Labels.read(table).rows == {"rāga.wav": {"raga": "Todi"}}
    table.write_bytes("file,raga\nr\xe4ga.wav,Todi\n".encode("latin-1"))
    with pytest.raises(DownloadError, match="UTF-8"):
        Labels.read(table)
    with pytest.raises(DownloadError, match="No such file"):
        Labels.read(tmp_path / "nowhere.csv")


# A full disk


def test_a_full_disk_stops_the_import_and_leaves_nothing_half_written(workspace, tmp_path):
    """No file of the process may grow beyond 20 kB, which the system reports like a full disk."""
    paths = [recorded(tmp_path / "short.wav", 1), tmp_path / "long.wav"]
    soundfile.write(paths[1], melody(30.0, 8000)[0], 8000)
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from core.download import import_files; from core.library import Library\n"
        "from core.workspace import Workspace\n"
        "from core.errors import DownloadError\n"
        "place = Workspace.at(Path(sys.argv[1])); library = Library.of(place)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try: import_files([Path(sys.argv[2])], place, library)\n"
        "except DownloadError as error: print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, workspace.root, paths[1]],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=True,
    )
    assert "The disk is full: 'long.wav' was not brought in. Free some space" in result.stdout
    assert files_of(workspace) == []


# The command


def command(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "core.download", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )


def test_the_command_imports_and_names_what_it_could_not(workspace, library, tmp_path, tape):
    words = tmp_path / "words.mp3"
    words.write_text("no sound")
    table = tmp_path / "labels.csv"
    table.write_text(f'file,raga\n"{tape.name.replace(chr(34), 2 * chr(34))}",todi\n')
    done = command(tape, words, "--rights", "own", "--labels", table, "--workspace", workspace.root)
    assert done.returncode == 0, done.stderr
    assert "not brought in: words.mp3" in done.stderr
    (recording,) = library.recordings()
    assert (recording.raga, recording.rights) == ("Todi", "own")


def test_the_command_fails_in_one_line_if_nothing_could_be_imported(workspace, tmp_path):
    done = command(tmp_path / "nowhere.mp3", "--workspace", workspace.root)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: Nothing was brought in. nowhere.mp3:")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_many_files_are_imported_by_many_processes(workspace, library, tmp_path):
    paths = [recorded(tmp_path / f"{k}.wav", k) for k in range(12)]
    told = []
    result = Importer(workspace, library, jobs=2).run(paths, tell=lambda *said: told.append(said))
    assert len(result) == len(library.recordings()) == 12
    assert [share for share, _ in told] == pytest.approx(list(np.arange(1, 13) / 12))


@pytest.mark.slow
def test_a_dask_cluster_imports_the_same(workspace, library, tmp_path):
    import distributed

    paths = [recorded(tmp_path / f"{k}.wav", k) for k in range(3)]
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        download.main(
            tuple(map(str, paths)),
            rights="own",
            workspace=workspace.root,
            scheduler=cluster.scheduler_address,
        )
        assert len(library.recordings()) == 3
