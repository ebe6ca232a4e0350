"""The Free Spoken Digit Dataset, as spectrograms of 48 × 48 pixels."""

from __future__ import annotations

import io
import re
import wave
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.data.checksum import members
from ablate.data.dataset import Data, Dataset, File
from ablate.data.files import decoding
from ablate.deferred import F, np, torch

if TYPE_CHECKING:
    from torch import Tensor

COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"  # version 1.0.10, the latest
WINDOW = 256  # samples: 32 ms at 8 kHz
SIDE = 48  # pixels; height and width of a spectrogram
TEST_RECORDINGS = 5  # of each digit and speaker, as the data set's authors split it


class SpokenDigits(Dataset):
    """Flattened spectrograms of spoken digits; recordings 0 to 4 of each digit and speaker are held out."""

    source = "Jackson, Souza, Flaks, Pan, Nicolas and Thite 2018, Free Spoken Digit Dataset 1.0.10"
    description = "3000 recordings of spoken digits by 6 speakers as 48 × 48 spectrograms, 10 classes; 300 are held out"
    shape = (SIDE * SIDE,)
    classes = 10
    samples = 3000
    labelled = 2700
    files = (
        File(
            "FSDD/fsdd_recordings.zip",
            (f"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/{COMMIT}.zip",),
            (
                "sha256:beaca4fb849cad13103b2cffba913b3d7fdb5f15222da4ddd07187b3c38a757a",
                "wav-sha256:45a9b976ba3397a2fd5c70a9f2e43c34f442a3a6be47392ecfc41174b678f37e",
            ),
        ),
    )

    def read(self, folder: Path) -> Data:
        signals = read_recordings(self.files[0].find(folder))
        x = torch.stack([spectrogram(signal).flatten() for signal in signals.values()])
        y = torch.tensor([digit for digit, _, _ in signals])
        test = torch.tensor([index < TEST_RECORDINGS for _, _, index in signals])
        return Data(x, y, test, scale=1.0, training_split="all")


def read_recordings(path: Path) -> dict[tuple[int, str, int], Tensor]:
    """The signals (T,) in a zip archive by digit, speaker and index, in that order, whatever their folders."""
    with decoding(path):
        return dict(sorted((parse_name(name), read_wave(content)) for name, content in members(path, ".wav")))


def parse_name(name: str) -> tuple[int, str, int]:
    """Digit, speaker and index in a file name such as recordings/7_jackson_32.wav."""
    match = re.fullmatch(r"(?:.*/)?(\d)_([^_/]+)_(\d+)\.wav", name)
    if match is None:
        raise ValueError(f"'{name}' does not name a digit, a speaker and an index")
    return int(match[1]), match[2], int(match[3])


def read_wave(content: bytes) -> Tensor:
    """The samples (T,), float32, of an 8 kHz mono recording, as 16-bit integers that are not rescaled."""
    with wave.open(io.BytesIO(content)) as sound:
        wave_format = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
        if wave_format != (8000, 1, 2):
            raise ValueError("a recording is not 8 kHz, mono, 16 bit")
        return torch.from_numpy(np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float32))


def spectrogram(signal: Tensor) -> Tensor:
    """Signal (T,) → log(1 + magnitude) of its short-time Fourier transform, (48, 48), min-max scaled to [0, 1].

    Rows are frequencies, the lowest first; columns are time.  The Hann windows overlap by half and lie inside the
    signal.  Magnitudes are those of 16-bit sample values, with which the mean norm of the data set is near the 25 of
    Ntelemis et al. 2022 (with samples in [-1, 1] it is 7).
    """
    window = torch.hann_window(WINDOW)
    waves = torch.stft(signal, WINDOW, WINDOW // 2, window=window, center=False, return_complex=True)
    image = F.interpolate(waves.abs().log1p()[None, None], (SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0]
    low, high = image.aminmax()
    return (image - low) / (high - low).clamp(min=torch.finfo(image.dtype).tiny)
