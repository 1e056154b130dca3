"""Stage 6, a raga head on the UNet's middle features: it hears the raga in latents of any noise.

    noisy latents --UNet down--> middle (n, channels, rows, columns) + timestep --head--> logits

Learned together with the UNet (`training.losses`), it makes the UNet hear what it draws; kept
beside the model, it can guide the early steps of a drawing. Torch is loaded with this module.
"""

import json
import math
from pathlib import Path

import torch
from torch import Tensor, nn

from core.errors import ModelError
from core.workspace import replacing

FILE = "raga_head.safetensors"
WIDTH = 128


class RagaHead(nn.Module):
    """Logits of ragas from the middle features of a UNet, whatever the noise."""

    def __init__(self, channels: int, rows: int, ragas: tuple[str, ...]):
        super().__init__()
        self.ragas, self.rows = ragas, rows
        self.steps = nn.Sequential(
            nn.GroupNorm(math.gcd(16, channels), channels), nn.Conv2d(channels, 32, 1), nn.SiLU()
        )
        self.across = nn.Conv1d(32 * rows, WIDTH, 3, padding=1)
        self.time = nn.Sequential(nn.Linear(32, WIDTH), nn.SiLU(), nn.Linear(WIDTH, 2 * WIDTH))
        self.out = nn.Sequential(
            nn.Linear(2 * WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, len(ragas))
        )
        self._middle: Tensor | None = None

    @classmethod
    def on(cls, unet, ragas: tuple[str, ...]) -> "RagaHead":
        """A new head that listens to `unet`."""
        config = unet.config
        halvings = len(config.block_out_channels) - 1
        size = config.sample_size
        rows = (size if isinstance(size, int) else size[0]) >> halvings
        return cls(config.block_out_channels[-1], rows, ragas).to(unet.device).listening(unet)

    def listening(self, unet) -> "RagaHead":
        """The same, hearing every forward pass of `unet` from now on."""
        unet.mid_block.register_forward_hook(self._overhear)
        return self

    def _overhear(self, block, inputs, middle: Tensor) -> None:
        self._middle = middle

    @classmethod
    def beside(cls, model: Path, pipeline) -> "RagaHead | None":
        """The head that was trained with a model folder's UNet; None if none was."""
        if not (model / FILE).exists():
            return None
        return cls.load(model / FILE).to(pipeline.device).listening(pipeline.unet)

    def hear(self, timesteps: Tensor) -> Tensor:
        """Logits of what the UNet saw last, [shape=(n, n_ragas)]; to be asked once a pass."""
        middle, self._middle = self._middle, None
        if not torch.is_autocast_enabled(middle.device.type):
            middle = middle.to(self.across.weight.dtype)  # a UNet may be in half precision
        return self(middle, timesteps)

    def forward(self, middle: Tensor, timesteps: Tensor) -> Tensor:
        """Logits, [shape=(n, n_ragas)], from features (n, channels, rows, columns)."""
        steps = self.steps(middle)
        if steps.shape[2] != self.rows:  # a model whose pictures vary in height
            steps = nn.functional.adaptive_avg_pool2d(steps, (self.rows, steps.shape[3]))
        steps = self.across(steps.flatten(1, 2))
        scale, shift = self.time(_waves(timesteps).to(steps)).unsqueeze(2).chunk(2, dim=1)
        steps = nn.functional.silu(steps * (1 + scale) + shift)
        return self.out(torch.cat([steps.mean(dim=2), steps.amax(dim=2)], dim=1))

    def save(self, path: Path) -> None:
        """Write it as one .safetensors file."""
        from safetensors.torch import save_file

        said = {"channels": self.steps[1].in_channels, "rows": self.rows, "ragas": self.ragas}
        weights = {
            name: each.detach().cpu().contiguous() for name, each in self.state_dict().items()
        }
        with replacing(path) as part:
            save_file(weights, part, {"raga_head": json.dumps(said)})

    @classmethod
    def load(cls, path: Path) -> "RagaHead":
        """Read what `save` wrote, frozen."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt") as file:
                said = json.loads((file.metadata() or {})["raga_head"])
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            head = cls(said["channels"], said["rows"], tuple(said["ragas"]))
            head.load_state_dict(weights)
        except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"{path} holds no raga head ({str(error).splitlines()[0]}). One is written by a "
                "training run with raga_loss joint or both."
            ) from error
        return head.requires_grad_(False).eval()


def _waves(timesteps: Tensor) -> Tensor:
    """A timestep as sines and cosines, [shape=(n, 32)] (Vaswani et al. 2017, section 3.5)."""
    rates = torch.exp(-math.log(1000.0) * torch.arange(16, device=timesteps.device) / 16)
    angles = timesteps.float()[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
