import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

from tests.training.tiny import tiny_pipeline
from training.denoise import Cancelled, Course, Windows, denoise

ROWS, WIDTH = 8, 16


@pytest.fixture(scope="module")
def pipeline():
    torch.set_num_threads(1)
    made = tiny_pipeline(ROWS, WIDTH)
    made.scheduler = DPMSolverMultistepScheduler.from_config(made.scheduler.config)
    made.set_progress_bar_config(disable=True)
    return made


def noise(columns: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 4, ROWS, columns, generator=torch.Generator().manual_seed(seed))


def texts(pipeline, *prompts: str) -> torch.Tensor:
    pairs = [
        pipeline.encode_prompt(prompt, "cpu", 1, True, negative_prompt="")[::-1]
        for prompt in prompts
    ]
    return torch.cat([torch.stack(pair, dim=1) for pair in pairs]).detach()


@torch.no_grad()
def run(pipeline, latents, windows, *prompts, **course) -> torch.Tensor:
    course = Course(**{"steps": 3, "guidance_scale": 4.0} | course)
    return denoise(pipeline, latents, texts(pipeline, *(prompts or ("mohanam",))), windows, course)


@pytest.mark.parametrize("total", [16, 17, 28, 29, 100, 333])
def test_windows_cover_every_column_and_overlap_by_a_quarter(total):
    columns = Windows(total, WIDTH).columns
    assert set(columns.ravel()) == set(range(total))
    starts = columns[:, 0]
    assert (np.diff(starts) <= 12 + 1).all()  # three quarters of 16; one for rounding
    assert (starts + WIDTH <= total).all()


def test_windows_of_a_loop_go_round():
    columns = Windows(24, WIDTH, loop=True).columns
    assert set(columns.ravel()) == set(range(24))
    assert any(0 in window[1:] for window in columns)


def test_blending_pieces_of_one_picture_gives_the_picture():
    picture = noise(50)
    for windows in (Windows(50, WIDTH), Windows(50, WIDTH, loop=True)):
        again = windows.blend(windows.cut(picture))
        assert torch.allclose(again, picture, atol=1e-6)  # float32 averaging


def test_blending_keeps_fine_columns_in_order():
    windows = Windows(20, WIDTH)
    fine = torch.arange(40.0).reshape(1, 1, 1, 40)
    assert torch.allclose(windows.blend(windows.cut(fine, 2), 2), fine, atol=1e-4)


def test_one_window_is_what_diffusers_itself_would_draw(pipeline):
    latents = noise(WIDTH)
    theirs = pipeline(
        "mohanam",
        negative_prompt="",
        num_inference_steps=3,
        guidance_scale=4.0,
        latents=latents,
        height=8 * ROWS,
        width=8 * WIDTH,
        output_type="latent",
    ).images
    ours = run(pipeline, latents, Windows(WIDTH, WIDTH))
    assert torch.allclose(ours, theirs, atol=1e-5)  # the order of sums differs


def test_turning_a_loop_before_or_after_is_the_same(pipeline):
    windows = Windows(24, WIDTH, loop=True)  # two windows, 12 columns apart
    plain = run(pipeline, noise(24), windows)
    turned = run(pipeline, noise(24).roll(12, dims=-1), windows)
    assert torch.allclose(turned, plain.roll(12, dims=-1), atol=1e-4)


def step_at(latents: torch.Tensor, column: int) -> float:
    """How far the column's values jump from the one before, beside the usual jump."""
    jumps = latents.diff(dim=-1).abs().mean(dim=(0, 1, 2))
    return float(jumps[column - 1] / jumps.median())


def test_windows_denoised_together_leave_no_seam(pipeline):
    # A picture as smooth as the model lets it be: the noise is the same in every column, so
    # whatever jumps from one column to the next was made by the windows' ends.
    latents = noise(1).expand(-1, -1, -1, 2 * WIDTH).contiguous()
    alone = run(pipeline, latents[..., :WIDTH], Windows(WIDTH, WIDTH))
    side_by_side = torch.cat([alone, alone], dim=-1)
    together = run(pipeline, latents, Windows(2 * WIDTH, WIDTH))
    seams = {int(column) for window in Windows(2 * WIDTH, WIDTH).columns for column in window[[0]]}
    assert step_at(side_by_side, WIDTH) > 3
    assert all(step_at(together, column) < 2 for column in seams - {0})


def test_each_window_can_be_told_something_else(pipeline):
    windows = Windows(2 * WIDTH, WIDTH)
    n = len(windows.columns)
    same = run(pipeline, noise(2 * WIDTH), windows, *["mohanam"] * n)
    morphing = run(pipeline, noise(2 * WIDTH), windows, *["mohanam"] * (n - 1), "todi")
    changed = (same - morphing).abs().mean(dim=(0, 1, 2)) > 1e-6
    assert not changed[: windows.columns[-1][0] - 1].all()
    assert changed[-1]


def test_guidance_of_one_needs_no_second_look_and_agrees_with_the_formula(pipeline):
    latents = noise(WIDTH)
    once = run(pipeline, latents, Windows(WIDTH, WIDTH), guidance_scale=1)
    almost = run(pipeline, latents, Windows(WIDTH, WIDTH), guidance_scale=1 + 1e-7)
    assert torch.allclose(once, almost, atol=1e-4)


@pytest.mark.parametrize("scheduler", [DPMSolverMultistepScheduler, DDIMScheduler])
def test_little_strength_stays_near_the_picture(pipeline, scheduler):
    pipeline.scheduler, kept = scheduler.from_config(pipeline.scheduler.config), pipeline.scheduler
    shares = []
    windows = Windows(WIDTH, WIDTH)
    run(pipeline, noise(WIDTH), windows, steps=10, strength=0.3, tell=shares.append)
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])
    pipeline.scheduler = kept


def test_cancelling_ends_it_at_the_next_step(pipeline):
    shares = []
    with pytest.raises(Cancelled):
        run(
            pipeline,
            noise(WIDTH),
            Windows(WIDTH, WIDTH),
            steps=50,
            tell=shares.append,
            cancelled=lambda: len(shares) >= 2,
        )
    assert len(shares) == 2
