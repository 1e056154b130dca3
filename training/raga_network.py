"""Stage 6, the network that hears a raga in a tonic-aligned picture.

    picture (n, 1, rows, columns), -1..1  --convolutions-->  steps  --pooled over time-->  logits

Convolutions share weights over time but, past the first three, not over pitch: which row a partial
lies on is what a svara is. Pooling makes it indifferent to a clip's length. Torch is loaded with
this module, so it is imported where a network is built.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.codec import Codec
from core.errors import ModelError
from core.workspace import ASSETS, replacing
from training.distortions import as_input

SHIPPED = ASSETS / "recognizer.safetensors"
OCTAVES = 5  # from the lowest row up: the melody's compass and its first partials
WIDTH = 128
STEP_COLUMNS = 8  # of the picture in one step


class RagaNetwork(nn.Module):
    """Logits of ragas for pictures whose rows count from the tonic."""

    def __init__(self, rows: int, n_ragas: int):
        super().__init__()
        self.rows = rows  # how many of the lowest it reads
        self.pictures = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=(1, 2), padding=2),
            nn.GroupNorm(4, 16),
            nn.SiLU(),
            nn.Conv2d(16, 32, (5, 3), stride=(3, 2), padding=(1, 1)),  # a semitone is three rows
            nn.GroupNorm(8, 32),
            nn.SiLU(),
            nn.Conv2d(32, 48, 3, stride=(1, 2), padding=1),
            nn.GroupNorm(8, 48),
            nn.SiLU(),
            nn.Conv2d(48, 16, 1),
        )
        heights = (rows - 3) // 3 + 1
        self.across = nn.Sequential(nn.Conv1d(16 * heights, WIDTH, 1), nn.SiLU())
        self.along = nn.ModuleList(
            nn.Sequential(
                nn.GroupNorm(8, WIDTH),
                nn.Conv1d(WIDTH, WIDTH, 5, padding=2 * reach, dilation=reach),
                nn.SiLU(),
            )
            for reach in (1, 2)
        )
        self.ragas = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * WIDTH, n_ragas))

    def features(self, pictures: Tensor) -> Tensor:
        """What is heard, pooled over time, [shape=(n, 2 * WIDTH)]."""
        steps = self.pictures(pictures[:, :, -self.rows :])
        steps = self.across(steps.flatten(1, 2))
        for layer in self.along:
            steps = steps + layer(steps)
        return torch.cat([steps.mean(dim=2), steps.std(dim=2)], dim=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits, [shape=(n, n_ragas)]."""
        return self.ragas(self.features(pictures))


@dataclass
class Recognizer:
    """A trained network, the ragas it tells apart, and the pictures it reads.

    Attributes
    ----------
    temperature : float
        The logits are divided by it, so that a probability means how often it is right.
    codec : dict
        What `Codec.parameters` said of the pictures it was trained on, without a tonic.
    figures : dict
        What was measured on held-out recordings.
    """

    network: RagaNetwork
    ragas: tuple[str, ...]
    codec: dict[str, Any]
    temperature: float = 1.0
    figures: dict[str, float] = field(default_factory=dict)

    @classmethod
    def new(cls, ragas: tuple[str, ...], codec: Codec) -> "Recognizer":
        """One that knows nothing yet, for the pictures of `codec`."""
        said = codec.with_tonic(None).parameters()
        return cls(RagaNetwork(heard_rows(codec), len(ragas)), ragas, said)

    def logits(self, pictures: Tensor) -> Tensor:
        """Calibrated logits, [shape=(n, n_ragas)].

        Parameters
        ----------
        pictures : Tensor [shape=(n, 1 or 3, rows, columns), -1..1]
        """
        return self.network(pictures.mean(dim=1, keepdim=True)) / self.temperature

    def place(self, raga: str) -> int:
        """Where a raga stands among the logits; -1 if it was not learned."""
        return self.ragas.index(raga) if raga in self.ragas else -1

    def likings(self, pictures: np.ndarray, raga: str | None) -> np.ndarray | None:
        """Log probability of a raga for each picture, [shape=(n,)]; None if it was not learned.

        Parameters
        ----------
        pictures : np.ndarray [shape=(n, rows, columns), uint8]
        """
        place = self.place(raga or "")
        if place < 0:
            return None
        device = next(self.network.parameters()).device
        shown = as_input(torch.from_numpy(pictures)[:, None].to(device))
        with torch.inference_mode():
            return self.logits(shown).log_softmax(dim=1)[:, place].cpu().numpy()

    def reads(self, codec: Codec) -> bool:
        """Whether it was trained on pictures drawn alike; their length does not matter."""
        kept = dict(self.codec, width=None, tonic_hz=None)
        return kept == dict(codec.with_tonic(None).parameters(), width=None, tonic_hz=None)

    def save(self, path: Path) -> None:
        """Write it as one .safetensors file."""
        from safetensors.torch import save_file

        said = asdict(Said(self.ragas, self.network.rows, self.codec, self.temperature))
        with replacing(path) as part:
            save_file(
                {name: each.cpu().contiguous() for name, each in self.network.state_dict().items()},
                part,
                {"recognizer": json.dumps(said | {"figures": self.figures})},
            )

    @classmethod
    def load(cls, path: Path, device: "torch.device | str" = "cpu") -> "Recognizer":
        """Read what `save` wrote, ready to judge: frozen, and without dropout.

        Raises
        ------
        ModelError
            If the file is missing or holds no recogniser.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt") as file:
                said = json.loads((file.metadata() or {})["recognizer"])
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            network = RagaNetwork(said["rows"], len(said["ragas"]))
            network.load_state_dict(weights)
        except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"{path} holds no raga recogniser ({str(error).splitlines()[0]}). Make one by "
                "`python -m training.recognizer train --dataset DIR --out FILE`."
            ) from error
        network.requires_grad_(False).eval().to(device)
        return cls(
            network, tuple(said["ragas"]), said["codec"], said["temperature"], said["figures"]
        )


@dataclass(frozen=True)
class Said:
    """What a recogniser's file says beside its weights."""

    ragas: tuple[str, ...]
    rows: int
    codec: dict[str, Any]
    temperature: float


def heard_rows(codec: Codec) -> int:
    """How many of the lowest rows are listened to: all, or five octaves where rows are svaras."""
    per_octave = getattr(codec, "rows_per_octave", None)
    return min(codec.n_rows, OCTAVES * per_octave) if per_octave else codec.n_rows
