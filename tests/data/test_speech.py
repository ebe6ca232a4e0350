"""Reading recordings of spoken digits, and their spectrograms."""

import io
import math
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ablate.data.checksum import checksum
from ablate.data.dataset import Data
from ablate.data.speech import SpokenDigits, read_recordings, spectrogram
from ablate.errors import DataError


def recording(samples: list[int], rate: int = 8000, channels: int = 1) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(np.array(samples, "<i2").tobytes())
    return content.getvalue()


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def tone(hertz: float, seconds: float = 0.5) -> torch.Tensor:
    return 10000 * torch.sin(2 * math.pi * hertz * torch.arange(int(8000 * seconds)) / 8000)


@pytest.mark.parametrize("prefix", ["recordings/", "free-spoken-digit-dataset-26eb9aa/recordings/", ""])
def test_recordings_are_found_in_any_folder_of_the_archive(prefix: str, tmp_path: Path) -> None:
    path = archive(
        tmp_path / "fsdd.zip",
        {f"{prefix}7_theo_10.wav": recording([4, -5]), f"{prefix}7_theo_9.wav": recording([1]), "README.md": b"words"},
    )
    signals = read_recordings(path)
    assert {key: signal.tolist() for key, signal in signals.items()} == {(7, "theo", 9): [1], (7, "theo", 10): [4, -5]}
    assert list(signals) == [(7, "theo", 9), (7, "theo", 10)]


def test_the_checksum_of_recordings_does_not_depend_on_their_packing(tmp_path: Path) -> None:
    one, two = recording([1, 2]), recording([3])
    here = archive(tmp_path / "a.zip", {"recordings/1_a_0.wav": one, "recordings/2_a_0.wav": two})
    there = archive(tmp_path / "b.zip", {"top/README": b"", "top/rec/2_a_0.wav": two, "top/rec/1_a_0.wav": one})
    other = archive(tmp_path / "c.zip", {"recordings/1_a_0.wav": one, "recordings/2_a_0.wav": one})
    assert checksum(here, "wav-sha256") == checksum(there, "wav-sha256") != checksum(other, "wav-sha256")


def test_a_stereo_recording_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "fsdd.zip", {"recordings/1_a_0.wav": recording([1, 1], channels=2)})
    with pytest.raises(DataError, match="a recording is not 8 kHz, mono, 16 bit"):
        read_recordings(path)


def test_a_file_name_without_a_speaker_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "fsdd.zip", {"recordings/1_0.wav": recording([1])})
    with pytest.raises(DataError, match=r"'recordings/1_0.wav' does not name a digit, a speaker and an index"):
        read_recordings(path)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "fsdd.zip", {"recordings/1_a_0.wav": recording([1] * 100)})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="the file cannot be decoded: File is not a zip file"):
        read_recordings(path)


@pytest.mark.parametrize(("hertz", "row"), [(500, 6), (1000, 12), (2000, 24), (3000, 36)])
def test_a_tone_is_a_bright_row_at_its_frequency(hertz: float, row: int) -> None:
    # 129 frequencies, 31.25 Hz apart, over 48 rows: 1000 Hz is frequency 32, at row 32.5 / 129 × 48 = 12.1
    image = spectrogram(tone(hertz))
    assert abs(int(image.mean(dim=1).argmax()) - row) <= 1


def test_columns_are_time() -> None:
    image = spectrogram(torch.cat([tone(1000), torch.zeros(4000)]))
    assert image[12, :20].min() > 0.9
    assert image[12, 28:].max() < 0.1


def test_a_spectrogram_has_the_range_zero_to_one() -> None:
    image = spectrogram(tone(700))
    assert (float(image.min()), float(image.max())) == (0, 1)


def test_silence_gives_zeros() -> None:
    assert torch.equal(spectrogram(torch.zeros(1000)), torch.zeros(48, 48))


def test_recordings_0_to_4_of_each_digit_and_speaker_are_held_out(tmp_path: Path) -> None:
    (tmp_path / "FSDD").mkdir()
    noise = torch.randint(-1000, 1000, (600,), generator=torch.Generator().manual_seed(0)).tolist()
    archive(
        tmp_path / SpokenDigits.files[0].path,
        {f"recordings/{digit}_a_{index}.wav": recording(noise) for digit in (3, 8) for index in (0, 4, 5, 49)},
    )
    data = SpokenDigits().read(tmp_path)
    assert data.y.tolist() == [3, 3, 3, 3, 8, 8, 8, 8]
    assert data.test.tolist() == [True, True, False, False] * 2
    assert data.seen.all()


@pytest.mark.slow
def test_fsdd_has_thirty_test_recordings_of_each_digit(real: Callable[[str], Data]) -> None:
    data = real("fsdd")
    assert torch.bincount(data.y).tolist() == [300] * 10
    assert torch.bincount(data.y[data.test]).tolist() == [30] * 10


@pytest.mark.slow
def test_spectrograms_have_norms_near_twenty_five(real: Callable[[str], Data]) -> None:
    norms = real("fsdd").x.norm(dim=1)
    assert float(norms.mean()) == pytest.approx(
        23.73, abs=0.01
    )  # Ntelemis et al. 2022: epsilon 5 is about a fifth of it
    assert (real("fsdd").x.amin(dim=1) == 0).all()
    assert (real("fsdd").x.amax(dim=1) == 1).all()


@pytest.mark.slow
def test_the_real_recordings_have_the_checksum_of_their_publication(real_data: Path) -> None:
    file = SpokenDigits.files[0]
    assert checksum(real_data / file.path, "wav-sha256") in file.checksums
