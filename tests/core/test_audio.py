import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from core import audio
from core.errors import AudioError
from core.workspace import PROJECT
from tests.sounds import clicks, encode, melody, video_without_sound

SECONDS = 4.0

# suffix: (encoder, rate, share of a full-scale sample its coding may change, samples it may add)
CODED = {
    "mp3": ("libmp3lame", 44_100, 0.05, 0),
    "m4a": ("aac", 44_100, 0.05, 1024),
    "webm": ("libopus", 48_000, 0.1, 960),
    "opus": ("libopus", 48_000, 0.1, 960),
    "wma": ("wmav2", 44_100, 0.05, 4096),
}
PLAIN = {
    "16.wav": ("WAV", "PCM_16", 2**-15),
    "24.wav": ("WAV", "PCM_24", 2**-23),
    "float.wav": ("WAV", "FLOAT", 0.0),
    "double.wav": ("WAV", "DOUBLE", 0.0),
    "flac": ("FLAC", "PCM_24", 2**-23),
    "aiff": ("AIFF", "PCM_16", 2**-15),
    "ogg": ("OGG", "VORBIS", 0.1),
}


@pytest.fixture(scope="module")
def tune():
    return melody(SECONDS, 44_100)[0]


@pytest.fixture(scope="module")
def files(tmp_path_factory, tune):
    """One file of every format, all of the same tune."""
    folder = tmp_path_factory.mktemp("formats")
    made = {}
    for name, (container, subtype, _) in PLAIN.items():
        made[name] = folder / f"tune.{name}"
        soundfile.write(made[name], tune, 44_100, subtype=subtype, format=container)
    for suffix, (codec, sr, _, _) in CODED.items():
        made[suffix] = encode(folder / f"tune.{suffix}", melody(SECONDS, sr), sr, codec)
    return made


def truncated(path, folder, share=0.5):
    cut = folder / path.name
    content = path.read_bytes()
    cut.write_bytes(content[: int(share * len(content))])
    return cut


# Decoding


@pytest.mark.parametrize("name", PLAIN)
def test_plain_formats_decode_to_what_was_written(files, tune, name):
    y, sr = audio.load(files[name])
    assert (sr, y.dtype, len(y)) == (44_100, np.float32, len(tune))
    assert np.abs(y - tune).max() <= PLAIN[name][2]


@pytest.mark.parametrize("suffix", CODED)
def test_coded_formats_decode_in_time_with_what_was_written(files, suffix):
    _, rate, error, padding = CODED[suffix]
    y, sr = audio.load(files[suffix])
    wanted = melody(SECONDS, rate)[0]
    assert sr == rate
    # wma's decoder keeps back what its encoder delayed; others may add silence at the end
    assert -padding <= len(y) - len(wanted) <= padding
    if suffix == "wma":
        lag = np.argmax(np.correlate(y[:20_000], wanted[5_000:15_000], "valid")) - 5_000
        assert abs(lag) <= padding
    else:
        inner = slice(2_000, -4_000)  # coders smear the two ends
        assert np.abs(y[: len(wanted)][inner] - wanted[inner]).max() < error


@pytest.mark.parametrize("name", [*PLAIN, *CODED])
def test_info_tells_the_length_within_a_packet_or_two(files, name):
    found = audio.info(files[name])
    assert found.n_channels == 1
    assert found.duration_s == pytest.approx(SECONDS, abs=0.1)  # 2 packets of wma
    assert found.sr == audio.load(files[name])[1]


@pytest.mark.parametrize("name", [*PLAIN, *CODED])
def test_a_stretch_equals_that_stretch_of_the_whole(files, name):
    whole, sr = audio.load(files[name])
    for start_s, end_s in ((0.0, 0.1), (1.2345, 1.5), (2.71, 3.3), (3.5, None)):
        part, _ = audio.load(files[name], start_s=start_s, end_s=end_s)
        first = round(start_s * sr)
        last = len(whole) if end_s is None else round(end_s * sr)
        assert len(part) == last - first
        np.testing.assert_array_equal(part, whole[first:last])


@pytest.mark.parametrize("name", ["24.wav", "flac", "mp3", "m4a", "webm"])
@pytest.mark.parametrize("sr", [24_000, 22_050])
def test_a_resampled_stretch_equals_that_stretch_of_the_resampled_whole(files, name, sr):
    whole, _ = audio.load(files[name], sr=sr)
    part, rate = audio.load(files[name], sr=sr, start_s=2.3456, end_s=3.1)
    first = round(2.3456 * sr)
    assert (rate, len(part)) == (sr, round(3.1 * sr) - first)
    assert np.abs(part - whole[first : first + len(part)]).max() < 1e-6  # float32 rounding


@pytest.mark.parametrize("name", ["16.wav", "mp3", "webm"])
@pytest.mark.parametrize("sr", [None, 24_000])
def test_a_stream_end_to_end_is_what_load_returns(files, name, sr):
    whole, rate = audio.load(files[name], sr=sr)
    blocks = list(audio.stream(files[name], sr=sr, block_s=0.37))
    assert {len(block) for block in blocks[:-1]} == {round(0.37 * rate)}
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_resampling_keeps_a_tone_at_its_pitch_and_level(tmp_path):
    t = np.arange(48_000) / 48_000
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * t), 48_000, subtype="FLOAT")
    y, _ = audio.load(tmp_path / "a.wav", sr=24_000)
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)
    assert len(y) == 24_000
    assert np.abs(y - wanted)[200:-200].max() < 1e-4  # -74 dB; the ends ring


@pytest.mark.parametrize("sr", [8_000, 192_000])
def test_the_lowest_and_highest_rates_are_read_and_resampled(tmp_path, sr):
    tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(2 * sr) / sr)
    soundfile.write(tmp_path / "a.flac", tone, sr, subtype="PCM_24")
    y, _ = audio.load(tmp_path / "a.flac", sr=24_000, start_s=0.5, end_s=1.5)
    wanted = 0.5 * np.sin(2 * np.pi * 300 * (np.arange(24_000) / 24_000 + 0.5))
    assert np.abs(y - wanted).max() < 1e-3


def test_stereo_is_mixed_to_the_mean_of_both_sides(tmp_path, tune):
    soundfile.write(tmp_path / "a.wav", np.stack([tune, 0 * tune], 1), 44_100, subtype="FLOAT")
    y, _ = audio.load(tmp_path / "a.wav")
    np.testing.assert_allclose(y, tune / 2, atol=1e-7)


def test_surround_is_mixed_without_its_low_effects_and_without_clipping(tmp_path):
    n = 1000
    for silent, expected in (((3,), 1.0), ((0, 1, 2, 4, 5), 0.0)):
        y = np.ones((n, 6), np.float32)
        y[:, silent] = 0
        soundfile.write(tmp_path / "a.wav", y, 44_100, subtype="FLOAT")
        mono, _ = audio.load(tmp_path / "a.wav")
        np.testing.assert_allclose(mono, expected, atol=1e-6)


def test_surround_in_a_coded_format_is_read(tmp_path):
    path = encode(tmp_path / "a.m4a", melody(1.0, 48_000, 6), 48_000, "aac")
    assert audio.info(path).n_channels == 6
    assert np.abs(audio.load(path)[0]).max() > 0.1


def test_samples_that_are_no_numbers_become_silence(tmp_path):
    y = np.full(1000, 0.25, np.float32)
    y[[3, 500, 900]] = np.nan, np.inf, -np.inf
    soundfile.write(tmp_path / "a.wav", y, 44_100, subtype="FLOAT")
    found, _ = audio.load(tmp_path / "a.wav")
    assert np.flatnonzero(found == 0).tolist() == [3, 500, 900]


def test_an_mp3_of_several_parts_is_read_to_its_end(tmp_path):
    part = encode(tmp_path / "part.mp3", melody(2.0, 44_100), 44_100, "libmp3lame")
    whole = tmp_path / "whole.mp3"
    whole.write_bytes(3 * part.read_bytes())
    assert len(soundfile.read(whole)[0]) / 44_100 == pytest.approx(2.0, abs=0.1)  # the trap
    y, sr = audio.load(whole)
    assert len(y) / sr == pytest.approx(6.0, abs=0.2)  # each part pads itself by two packets
    assert audio.info(whole).duration_s == pytest.approx(len(y) / sr, abs=0.1)
    late, _ = audio.load(whole, start_s=5.0, end_s=5.5)
    np.testing.assert_array_equal(late, y[5 * sr :][: len(late)])
    assert np.sqrt(np.mean(late**2)) > 0.05


@pytest.mark.material
def test_the_clips_of_the_first_carnatic_riffusion_are_read_to_their_end(material):
    paths = sorted((material / "audio" / "seed-clips").glob("*.mp3"))
    assert len(paths) == 3
    for path in paths:
        y, sr = audio.load(path)
        assert len(y) / sr > 61.0  # twelve parts of 5.11 s
        assert np.sqrt(np.mean(y[-3 * sr : -sr] ** 2)) > 0.01  # and sound to the end


@pytest.mark.material
def test_real_recordings_of_every_folder_are_read(material):
    paths = [next((material / "audio" / name).iterdir()) for name in ("karadifilms", "aavu-v2")]
    for path in paths:
        y, sr = audio.load(path, sr=24_000, start_s=1.0, end_s=21.0)
        length_s = min(21.0, audio.info(path).duration_s) - 1.0
        assert len(y) / sr == pytest.approx(length_s, abs=0.1)
        assert np.abs(y).max() > 0.05


def test_a_wav_that_never_learned_its_length_is_read_whole(files, tmp_path, tune):
    content = files["16.wav"].read_bytes()
    at = content.index(b"data") + 4
    for size in (b"\xff\xff\xff\xff", b"\0\0\0\0"):
        path = tmp_path / "piped.wav"
        path.write_bytes(content[:at] + size + content[at + 4 :])
        assert len(audio.load(path)[0]) == len(tune)


def test_a_damaged_packet_is_silence_and_keeps_the_rest_in_its_place(files, tmp_path):
    content = bytearray(files["mp3"].read_bytes())
    middle = len(content) // 2
    content[middle : middle + 1500] = bytes(1500)
    damaged = tmp_path / "damaged.mp3"
    damaged.write_bytes(content)
    whole, sr = audio.load(files["mp3"])
    y, _ = audio.load(damaged)
    # the parser loses what it cannot recognise as packets: at most the 1500 bytes' worth
    lost = len(whole) - len(y)
    assert 0 <= lost <= 5 * 1152
    np.testing.assert_array_equal(y[sr : 3 * sr // 2], whole[sr : 3 * sr // 2])


# What cannot be read


@pytest.mark.parametrize("name", ["16.wav", "24.wav", "aiff", "mp3", "webm"])
def test_a_file_that_broke_off_says_how_much_of_it_is_there(files, tmp_path, name):
    with pytest.raises(AudioError, match=r"cut short: it holds .* s of the .* s it announces"):
        audio.load(truncated(files[name], tmp_path))


@pytest.mark.parametrize("name", ["flac", "m4a", "ogg", "opus"])
def test_a_file_whose_end_is_missing_is_refused(files, tmp_path, name):
    with pytest.raises(AudioError, match=r"(part of it is there|damaged or cut short).*again"):
        audio.load(truncated(files[name], tmp_path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.mp3", b""),
        ("words.mp3", b"It was never a song. " * 500),
        ("page.m4a", b"<!DOCTYPE html><html><body>404</body></html>"),
        ("noise.wav", np.random.default_rng(0).bytes(50_000)),
        ("picture.flac", b"\x89PNG\r\n\x1a\n" + bytes(5000)),
        ("list.mp3", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"),
        ("header.wav", b"RIFF\x24\0\0\0WAVE"),
    ],
)
def test_what_is_no_audio_is_refused_with_advice(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"again|Choose") as caught:
        audio.load(path)
    assert name in str(caught.value)


@pytest.mark.parametrize(("holds", "named"), [("mp3", "wav"), ("16.wav", "mp3"), ("webm", "m4a")])
def test_a_mislabelled_file_says_how_to_name_it(files, tmp_path, holds, named):
    path = tmp_path / f"tape.{named}"
    path.write_bytes(files[holds].read_bytes())
    right = holds.split(".")[-1]
    with pytest.raises(AudioError, match=rf"named like .* Rename it to end in \.{right}"):
        audio.info(path)


def test_a_suffix_that_promises_nothing_is_no_lie(files, tmp_path, tune):
    path = tmp_path / "tape.part2"
    path.write_bytes(files["16.wav"].read_bytes())
    assert len(audio.load(path)[0]) == len(tune)


def test_a_film_without_sound_and_a_file_without_samples_say_so(tmp_path):
    with pytest.raises(AudioError, match="no audio stream"):
        audio.load(video_without_sound(tmp_path / "silent.mp4"))
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0), 44_100)
    with pytest.raises(AudioError, match="holds no sound"):
        audio.load(tmp_path / "nothing.wav")


def test_missing_files_and_folders_say_what_is_wrong(tmp_path):
    with pytest.raises(AudioError, match="No such file"):
        audio.load(tmp_path / "nowhere.mp3")
    with pytest.raises(AudioError, match="directory"):
        audio.info(tmp_path)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match="a pipe or a device"):
        audio.load(tmp_path / "pipe.wav")


def test_a_stretch_must_lie_within_the_sound(files):
    with pytest.raises(AudioError, match="ends before 9"):
        audio.load(files["mp3"], start_s=9.0)
    with pytest.raises(AudioError, match="ends before 9"):
        audio.load(files["16.wav"], sr=24_000, start_s=9.0, end_s=10.0)
    for start_s, end_s in ((2.0, 1.0), (-1.0, 1.0), (float("nan"), None)):
        with pytest.raises(AudioError, match="must start at 0 s"):
            audio.load(files["mp3"], start_s=start_s, end_s=end_s)


@pytest.mark.parametrize(
    "name", ["a b.mp3", "rāga 'Tōḍi' \"50%\".mp3", "file:x.mp3", "-n.mp3", "\n.mp3"]
)
def test_odd_names_are_only_names(files, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(files["mp3"].read_bytes())
    assert audio.info(path).duration_s == pytest.approx(SECONDS, abs=0.1)


# The playback copy and the outline


@pytest.mark.parametrize(
    ("suffix", "sr"), [("wav", 44_100), ("mp3", 44_100), ("m4a", 44_100), ("webm", 48_000)]
)
def test_the_copy_and_the_outline_agree_with_the_sound_at_every_click(tmp_path, suffix, sr):
    y, times = clicks(12.0, sr, 0.7317)
    if suffix == "wav":
        soundfile.write(tmp_path / "in.wav", y, sr)
    else:
        encode(tmp_path / f"in.{suffix}", y, sr, CODED[suffix][0])
    copy, peaks = tmp_path / "out.webm", tmp_path / "out.u8"
    found = audio.prepare(tmp_path / f"in.{suffix}", copy, peaks)
    assert found.duration_s == len(audio.load(tmp_path / f"in.{suffix}")[0]) / sr

    played, played_sr = audio.load(copy)
    outline = np.fromfile(peaks, np.uint8)
    assert len(played) / played_sr == pytest.approx(found.duration_s, abs=0.03)
    assert len(outline) == int(np.ceil(found.duration_s * audio.PEAKS_PER_SECOND))
    for time in times:
        near = slice(round((time - 0.1) * played_sr), round((time + 0.1) * played_sr))
        loudest = np.argmax(np.abs(played[near])) / played_sr - 0.1 - 0.002  # mid-burst
        assert abs(loudest) < 0.003  # far below the 30 ms an ear or eye would notice
        bins = outline[round((time - 0.1) * 200) :][:40]
        assert abs(np.argmax(bins) - 20) <= 1  # 5 ms bins


def test_the_outline_is_the_loudest_sample_of_each_bin_scaled_once(tmp_path):
    y = np.zeros((3 * 8000, 2), np.float32)
    y[100, 0], y[8000 + 4000, 1], y[3 * 8000 - 1, 0] = 0.4, -0.8, 0.2
    soundfile.write(tmp_path / "a.wav", y, 8000, subtype="FLOAT")
    audio.prepare(tmp_path / "a.wav", tmp_path / "a.webm", tmp_path / "a.u8")
    outline = np.fromfile(tmp_path / "a.u8", np.uint8)
    wanted = np.zeros(600, np.uint8)
    wanted[100 // 40], wanted[300], wanted[-1] = 128, 255, 64  # 40 samples a bin
    np.testing.assert_array_equal(outline, wanted)


def test_silence_has_a_flat_outline(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    audio.prepare(tmp_path / "a.wav", tmp_path / "a.webm", tmp_path / "a.u8")
    assert not np.fromfile(tmp_path / "a.u8", np.uint8).any()


@pytest.mark.parametrize(("n_channels", "copied"), [(1, 1), (2, 2), (6, 2)])
def test_the_copy_is_opus_at_48_khz_in_mono_or_stereo(tmp_path, n_channels, copied):
    soundfile.write(tmp_path / "a.wav", melody(1.0, 22_050, n_channels).T, 22_050)
    audio.prepare(tmp_path / "a.wav", tmp_path / "a.webm", tmp_path / "a.u8")
    found = audio.info(tmp_path / "a.webm")
    assert (found.format, found.sr, found.n_channels) == ("matroska", 48_000, copied)


def test_the_copy_seeks_exactly(tmp_path):
    soundfile.write(tmp_path / "a.wav", melody(20.0, 44_100)[0], 44_100)
    audio.prepare(tmp_path / "a.wav", tmp_path / "a.webm", tmp_path / "a.u8")
    whole, sr = audio.load(tmp_path / "a.webm")
    for start_s in (3.21, 11.0, 19.5):
        part, _ = audio.load(tmp_path / "a.webm", start_s=start_s, end_s=start_s + 0.4)
        first = round(start_s * sr)
        # Opus forgets its past within 80 ms; a second of it is decoded before the target
        assert np.abs(part - whole[first : first + len(part)]).max() < 1e-4


def test_progress_is_told_and_ends_at_the_whole(tmp_path):
    soundfile.write(tmp_path / "a.wav", melody(3.5, 8000)[0], 8000)
    told = []
    audio.prepare(
        tmp_path / "a.wav",
        tmp_path / "a.webm",
        tmp_path / "a.u8",
        lambda *told_: told.append(told_),
    )
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert "a.wav" in told[0][1]


def test_a_broken_file_leaves_no_copy_and_no_outline(files, tmp_path):
    source = truncated(files["mp3"], tmp_path)
    out = tmp_path / "out"
    with pytest.raises(AudioError, match="cut short"):
        audio.prepare(source, out / "a.webm", out / "a.u8")
    assert list(out.iterdir()) == []


def test_a_stopped_preparation_leaves_no_thread_and_no_file(tmp_path):
    soundfile.write(tmp_path / "a.wav", melody(5.0, 8000)[0], 8000)
    out = tmp_path / "out"

    def stop(share, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audio.prepare(tmp_path / "a.wav", out / "a.webm", out / "a.u8", stop)
    assert list(out.iterdir()) == []


# Writing


@pytest.mark.parametrize(
    ("suffix", "error"), [("wav", 2**-15), ("flac", 2**-15), ("ogg", 0.1), ("mp3", 0.1)]
)
@pytest.mark.parametrize("n_channels", [1, 2])
def test_what_is_written_is_read_back_with_its_tags(tmp_path, tune, suffix, error, n_channels):
    import av

    y = tune if n_channels == 1 else np.stack([tune, tune], 1)
    path = tmp_path / f"out.{suffix}"
    audio.write(path, y, 44_100, {"title": "Nannu pālimpa", "raga": "Mohanam", "tala": "Adi"})
    found, sr = audio.load(path)
    assert (sr, len(found)) == (44_100, len(tune))
    assert np.abs(found - tune)[2000:-2000].max() <= error
    with av.open(str(path)) as container:
        told = {**container.metadata, **container.streams.audio[0].metadata}
    told = {name.lower(): value for name, value in told.items()}
    assert told["title"] == "Nannu pālimpa"
    assert told["comment"] == "raga: Mohanam; tala: Adi"


def test_what_is_too_loud_is_clipped_not_wrapped(tmp_path):
    audio.write(tmp_path / "a.wav", np.array([2.0, -2.0, 0.5]), 8000)
    np.testing.assert_allclose(audio.load(tmp_path / "a.wav")[0], [1, -1, 0.5], atol=2**-15)


@pytest.mark.parametrize(
    ("name", "y", "sr"),
    [
        ("a.xyz", np.zeros(10), 8000),
        ("a.wav", np.zeros(0), 8000),
        ("a.flac", np.array([0.0, np.nan]), 8000),
        ("a.wav", np.zeros((2, 2, 2)), 8000),
        ("a.mp3", np.zeros(10), 12_345),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, name, y, sr):
    with pytest.raises(AudioError, match=r"hoose|Make it again"):
        audio.write(tmp_path / name, y, sr)
    assert list(tmp_path.iterdir()) == []


# Scale


@pytest.mark.slow
def test_memory_stays_flat_however_long_the_file(tmp_path):
    """Five times the sound may not cost 20 MB more; as one array it would be 60 MB."""
    minute = melody(60.0, 22_050)[0]
    with soundfile.SoundFile(tmp_path / "short.wav", "w", 22_050, 1) as file:
        for _ in range(2):
            file.write(minute)
    with soundfile.SoundFile(tmp_path / "long.wav", "w", 22_050, 1) as file:
        for _ in range(10):
            file.write(minute)
    script = (
        "import re, sys; from pathlib import Path; from core import audio\n"
        "path, copy, peaks = map(Path, sys.argv[1:])\n"
        "audio.prepare(path, copy, peaks)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    peaks_mb = []
    for name in ("short", "long"):
        arguments = [tmp_path / f"{name}.wav", tmp_path / "out.webm", tmp_path / "out.u8"]
        result = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True,
            text=True,
            check=True,
            cwd=PROJECT,
        )
        peaks_mb.append(int(result.stdout) / 1024)
    assert peaks_mb[1] - peaks_mb[0] < 20
    assert peaks_mb[1] < 200
