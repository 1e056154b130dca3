"""A sample concert of two minutes, heard once for all tests of suggestions."""

from dataclasses import dataclass

import numpy as np
import pytest

from core.segmentation.listening import Heard, listen_to
from core.segmentation.model import SHIPPED, Model
from core.synthesis import Item, Plan, SampleConcert, render


@dataclass(frozen=True)
class Concert:
    """What was rendered and what was heard of it."""

    rendered: SampleConcert
    heard: Heard


def rendered(seed: int, *sections: str, minutes: float = 2.5) -> SampleConcert:
    plan = Plan((Item("Kalyani", "Adi", sections),), lead="voice", tonic_hz=140.0)
    return render(seed, minutes, plan)


@pytest.fixture(scope="session")
def concert() -> Concert:
    made = rendered(77, "alapanai", "violin", "kriti", "tani avartanam")
    return Concert(made, listen_to(made.y, made.sr))


@pytest.fixture(scope="session")
def model() -> Model:
    """The shipped one."""
    return Model.load(SHIPPED)


def noise(seconds: float, sr: int = 16_000) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(round(seconds * sr)).astype(np.float32)
