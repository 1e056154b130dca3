"""diffusers' own training script beside ours: what we export it reads, what it reads it learns.

The loading and the loop are those of examples/text_to_image/train_text_to_image.py, restated: that
file is no part of the installed package.
"""

import pytest
import torch

from tests.training.lesson import small_dataset, small_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """The training split as the script loads a folder (`--train_data_dir`)."""
    from datasets import load_dataset

    place = tmp_path_factory.mktemp("peer")
    folder = small_dataset(place / "lesson") / "train"
    return load_dataset(
        "imagefolder", data_files={"train": f"{folder}/**"}, cache_dir=str(place / "cache")
    )["train"]


def test_the_first_column_is_the_picture_and_text_its_caption(pictures):
    assert pictures.column_names[0] == "image"  # the script's default, if no column is named
    assert "text" in pictures.column_names
    assert len(pictures) == 6


def test_the_scripts_loop_learns_what_we_export(pictures, tmp_path):
    import numpy as np
    from diffusers import DDPMScheduler, StableDiffusionPipeline

    torch.manual_seed(0)
    base = small_model(tmp_path / "base")
    pipeline = StableDiffusionPipeline.from_pretrained(base)
    schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
    unet, vae, words = pipeline.unet.train(), pipeline.vae, pipeline.text_encoder
    optimizer = torch.optim.AdamW(unet.parameters(), lr=3e-3)
    losses = []
    for step in range(24):
        rows = [pictures[(2 * step + i) % len(pictures)] for i in range(2)]
        levels = np.stack([np.asarray(row["image"].convert("RGB")) for row in rows])
        pixels = torch.from_numpy(levels).permute(0, 3, 1, 2) / 127.5 - 1
        tokens = pipeline.tokenizer(
            [row["text"] for row in rows],
            max_length=pipeline.tokenizer.model_max_length,
            padding="max_length",
            truncation=True,
            return_tensors="pt",
        ).input_ids
        with torch.no_grad():
            latents = vae.encode(pixels).latent_dist.sample() * vae.config.scaling_factor
            said = words(tokens, return_dict=False)[0]
        noise = torch.randn_like(latents)
        timesteps = torch.full((2,), 500)
        noisy = schedule.add_noise(latents, noise, timesteps)
        target = schedule.get_velocity(latents, noise, timesteps)
        found = unet(noisy, timesteps, said, return_dict=False)[0]
        loss = torch.nn.functional.mse_loss(found.float(), target.float())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert sum(losses[-6:]) < 0.8 * sum(losses[:6])
