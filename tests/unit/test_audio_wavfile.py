"""Sound files of every kind, good and bad, and WAV files that appear whole or not at all."""

from __future__ import annotations

import logging
import os
import resource
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.sound.signals import pitch_hz, tone
from voiced.audio.levels import dbfs
from voiced.audio.wavfile import SoundReader, WavWriter
from voiced.errors import InputError, InputMissingError, OutputError
from voiced.types import Samples


def read(path: Path) -> Samples:
    reader = SoundReader(path)
    try:
        return np.concatenate([np.zeros(0, np.int16), *reader.pieces()])
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("name", "rate_hz", "channels", "subtype"),
    [
        ("plain.wav", 16_000, 1, "PCM_16"),
        ("eight_bit.wav", 8_000, 1, "PCM_U8"),
        ("stereo_24_bit.wav", 48_000, 2, "PCM_24"),
        ("float.wav", 44_100, 1, "FLOAT"),
        ("double.wav", 22_050, 3, "DOUBLE"),
        ("telephone.wav", 8_000, 1, "ULAW"),
        ("compressed.flac", 48_000, 2, "PCM_16"),
        ("compressed.ogg", 44_100, 1, "VORBIS"),
        ("compressed.mp3", 44_100, 2, "MPEG_LAYER_III"),
    ],
)
def test_a_tone_is_read_from_every_format(
    tmp_path: Path, name: str, rate_hz: int, channels: int, subtype: str
) -> None:
    path = tmp_path / name
    before = np.repeat(tone(440, 1_000, rate_hz)[:, np.newaxis], channels, axis=1)
    soundfile.write(path, before / 32_768, rate_hz, subtype=subtype)
    after = read(path)
    # MP3 pads the beginning and the end, and its encoder turns stereo down by a decibel.
    is_mp3 = subtype.startswith("MPEG")
    assert len(after) == pytest.approx(16_000, abs=1_200 if is_mp3 else 1)
    middle = after[4_000:12_000]
    assert pitch_hz(middle) == pytest.approx(440, abs=2)
    assert dbfs(middle) == pytest.approx(dbfs(tone(440, 1_000)), abs=1.5 if is_mp3 else 0.3)


def test_what_needs_no_conversion_is_not_changed(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-32_768, 32_768, 40_001).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    assert np.array_equal(read(tmp_path / "a.wav"), samples)


def test_channels_are_averaged(tmp_path: Path) -> None:
    both = np.stack([tone(440, 500), np.zeros(8_000, np.int16)], axis=1)
    soundfile.write(tmp_path / "a.wav", both, 16_000)
    assert dbfs(read(tmp_path / "a.wav")) == pytest.approx(dbfs(tone(440, 500)) - 6.02, abs=0.01)


def test_a_name_says_nothing_about_the_format(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", tone(440, 500), 16_000)
    for name in ("a.raw", "a", "a.wav"):
        (tmp_path / name).write_bytes((tmp_path / "a.flac").read_bytes())
        assert len(read(tmp_path / name)) == 8_000


def test_samples_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    samples = (tone(440, 1_000, 48_000) / 32_768).astype(np.float32)
    samples[100:200] = np.nan
    samples[40_000], samples[40_100] = np.inf, -np.inf
    soundfile.write(tmp_path / "a.wav", samples, 48_000, subtype="FLOAT")
    after = read(tmp_path / "a.wav")
    assert len(after) == 16_000
    # The gap does not spread: right behind it, and before the clicks, there is nothing but the tone.
    clean = after[200:13_000]
    assert pitch_hz(clean) == pytest.approx(440, abs=2)
    assert dbfs(clean[:400]) == pytest.approx(dbfs(tone(440, 1_000)), abs=0.3)
    assert np.max(np.abs(clean)) <= 32_767 * 0.26


def test_a_long_file_is_read_in_pieces(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((48_000 * 20, 2), np.int16), 48_000)
    reader = SoundReader(tmp_path / "a.wav")
    assert reader.seconds == 20
    sizes = [len(piece) for piece in reader.pieces()]
    reader.close()
    assert sum(sizes) == 16_000 * 20
    assert max(sizes) < 16_000


def test_a_truncated_file_is_used_as_far_as_it_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = tone(440, 2_000)
    soundfile.write(tmp_path / "whole.wav", whole, 16_000)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "whole.wav").read_bytes()[:40_045])
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(read(tmp_path / "cut.wav"), whole[:20_000])
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'cut.wav'} ends early; its first 1.2 s are used"
    ]


def test_a_truncated_compressed_file_is_used_as_far_as_it_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(0).integers(-9_000, 9_000, 160_000).astype(np.int16)
    soundfile.write(tmp_path / "whole.flac", noise, 16_000)
    data = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 2])
    with caplog.at_level(logging.WARNING):
        after = read(tmp_path / "cut.flac")
    assert 60_000 < len(after) <= 80_000
    assert np.array_equal(after, noise[: len(after)])
    assert "ends early" in caplog.text


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_F000])
def test_a_size_that_means_unknown_is_no_truncation(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, size: int
) -> None:
    soundfile.write(tmp_path / "a.wav", tone(440, 500), 16_000)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[40:44] = size.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert len(read(tmp_path / "a.wav")) == 8_000
    assert not caplog.records


def bad_files(folder: Path) -> dict[str, Path]:
    soundfile.write(folder / "good.wav", tone(440, 500), 16_000)
    good = (folder / "good.wav").read_bytes()
    contents = {
        "empty": b"",
        "text": b"what time is it\n" * 50,
        "header_only": good[:44],
        "half_a_header": good[:20],
        "riff_of_noise": b"RIFF" + np.random.default_rng(0).bytes(5_000),
        "rate_of_zero": good[:24] + b"\0\0\0\0" + good[28:],
        "absurd_rate": good[:24] + b"\xff\xff\xff\x7f" + good[28:],
    }
    paths = {name: folder / f"{name}.wav" for name in contents}
    for name, path in paths.items():
        path.write_bytes(contents[name])
    (folder / "folder.wav").mkdir()
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    os.mkfifo(folder / "pipe.wav")
    others = {name: folder / f"{name}.wav" for name in ("folder", "loop", "pipe")}
    return {**paths, **others, "device": Path("/dev/null"), "null byte": Path("a\0b")}


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    for kind, path in bad_files(tmp_path).items():
        with pytest.raises(InputError) as caught:
            read(path)
        message = str(caught.value)
        assert "\n" not in message, kind
        assert str(path) in message, kind
        assert not isinstance(caught.value, InputMissingError)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match=r"there is no file .*nothing\.wav"):
        read(tmp_path / "nothing.wav")


def test_no_file_stays_open(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for path in bad_files(tmp_path).values():
        with pytest.raises(InputError):
            read(path)
    read(tmp_path / "good.wav")
    assert set(os.listdir("/proc/self/fd")) == before


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    both = np.stack([tone(440, 100, 22_050), tone(880, 100, 22_050)], axis=1)
    writer = WavWriter(path, 22_050, channels=2)
    writer.write(both[:100])
    assert not path.exists()
    writer.write(both[100:])
    writer.close()
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 22_050)
        data = file.readframes(file.getnframes())
    assert np.array_equal(np.frombuffer(data, "<i2").reshape(-1, 2), both)
    assert os.listdir(tmp_path) == ["a.wav"]


def test_a_file_without_sound_is_a_wav_file_too(tmp_path: Path) -> None:
    WavWriter(tmp_path / "a.wav", 16_000).close()
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() == 0


def test_what_was_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"before")
    writer = WavWriter(path, 16_000)
    writer.write(tone(440, 100))
    assert path.read_bytes() == b"before"
    writer.discard()
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a.wav"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "link.wav").symlink_to(tmp_path / "to" / "a.wav")
    WavWriter(tmp_path / "link.wav", 16_000).close()
    assert (tmp_path / "link.wav").is_symlink()
    assert (tmp_path / "to" / "a.wav").is_file()


def test_a_device_is_written_and_not_replaced() -> None:
    writer = WavWriter(Path("/dev/null"), 16_000)
    writer.write(tone(440, 100))
    writer.close()
    assert Path("/dev/null").is_char_device()


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    # A limit on file sizes stands in for the disk: both end in the same place, a failing write.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = WavWriter(tmp_path / "a.wav", 16_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OutputError, match=r"cannot write .*a\.wav: File too large"):
            writer.write(tone(440, 10_000))
        with pytest.raises(OutputError, match="File too large"):
            writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    writer.discard()
    assert os.listdir(tmp_path) == []


def test_a_full_disk_that_shows_only_at_the_end() -> None:
    writer = WavWriter(Path("/dev/full"), 16_000)
    with pytest.raises(OutputError, match="cannot write /dev/full: No space left on device"):
        writer.close()


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    for path in (
        tmp_path,
        tmp_path / "no" / "folder.wav",
        tmp_path / "file" / "a.wav",
        tmp_path / "loop",
        tmp_path / "pipe",
        Path("a\0b"),
        Path("/proc/a.wav"),
    ):
        with pytest.raises(OutputError) as caught:
            WavWriter(path, 16_000)
        assert str(caught.value).startswith(f"cannot write {path}: ")
        assert "\n" not in str(caught.value)
