"""The classifiers: fitted, saved as plain arrays, calibrated, and less sure of what is strange."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import ModelError
from core.segmentation.evaluation import reliability
from core.segmentation.fitting import Rows, balanced, calibrated, fit
from core.segmentation.model import Model, current, own
from core.segmentation.network import Network

RNG = np.random.default_rng(0)


def rows(n: int, noise: float = 1.0, seed: int = 0) -> Rows:
    """Three kinds, apart in the first two of six features; ten recordings."""
    rng = np.random.default_rng(seed)
    y = rng.choice(["alapanai", "kriti", "speech"], n, p=[0.45, 0.45, 0.1])
    centre = {"alapanai": (0, 0), "kriti": (3, 0), "speech": (0, 3)}
    x = rng.normal(0, noise, (n, 6))
    x[:, :2] += np.array([centre[name] for name in y.tolist()])
    return Rows(x, y, rng.integers(10, size=n), np.ones(n))


@pytest.fixture(scope="module")
def network() -> Network:
    return fit(rows(1500), [np.arange(6) == i for i in range(6)])


def test_it_tells_apart_what_is_apart(network):
    seen = rows(600, seed=1)
    p = network.probabilities(seen.x)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    told = np.array(network.classes)[p.argmax(axis=1)]
    assert (told == seen.y).mean() > 0.85


def test_arrays_give_back_the_same_network(network, tmp_path):
    np.savez(tmp_path / "n.npz", **network.arrays("a"))
    with np.load(tmp_path / "n.npz", allow_pickle=False) as arrays:
        back = Network.of_arrays(arrays, "a")
    seen = rows(50, seed=2).x
    np.testing.assert_allclose(back.probabilities(seen), network.probabilities(seen), atol=0.01)


def test_calibration_makes_confidence_mean_what_it_says(network):
    boastful = replace(network, temperature=0.15)
    vague = rows(3000, noise=2.0, seed=3)

    def error(found: Network) -> float:
        p = found.probabilities(vague.x)
        right = np.array(found.classes)[p.argmax(axis=1)] == vague.y
        return reliability(p.max(axis=1), right)

    assert error(calibrated(boastful, vague)) < 0.6 * error(boastful)


def test_what_lies_far_out_is_strange_and_no_stronger_a_reason(network):
    usual = rows(200, seed=4).x
    far = usual + 40
    assert network.strangeness(far).mean() > 10 * network.strangeness(usual).mean()
    farther = network.probabilities(usual + 4000)
    np.testing.assert_allclose(farther, network.probabilities(usual + 40_000))


def test_rare_kinds_are_lifted():
    y = np.array(["kriti"] * 90 + ["speech"] * 10)
    weight = balanced(y, np.ones(100), power=1.0)
    assert weight[y == "kriti"].sum() == pytest.approx(weight[y == "speech"].sum())


def test_the_shipped_model_is_small_plain_and_whole(model, tmp_path):
    from core.segmentation.model import SHIPPED

    assert SHIPPED.stat().st_size < 2_000_000
    with np.load(SHIPPED, allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)
    model.save(tmp_path / "again.npz")
    again = Model.load(tmp_path / "again.npz")
    assert again.section.classes == model.section.classes
    assert len(again.kept) == len(model.kept)
    np.testing.assert_allclose(again.kept.x, model.kept.x, atol=0.1 * model.section.scale.max())


def test_a_workspace_uses_its_own_model_and_a_damaged_one_is_named(workspace, model):
    assert current(workspace).about == model.about
    replace(model, about={"mine": True}).save(own(workspace))
    assert current(workspace).about == {"mine": True}
    own(workspace).write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match=r"segmentation\.npz"):
        current(workspace)


def test_new_members_join_the_first_ones_and_push_out_those_of_before(network):
    moved = rows(600, seed=5)
    moved = replace(moved, x=moved.x + np.array([0, 0, 4, 0, 0, 0]))  # as another hall has it
    seen = rows(600, seed=6)
    seen = replace(seen, x=seen.x + np.array([0, 0, 4, 0, 0, 0]))
    groups = [np.arange(6) == i for i in range(6)]
    joined = fit(Rows.joined([rows(300), moved]), groups, beside=network)
    again = fit(Rows.joined([rows(300), moved]), groups, beside=joined)
    n = len(network.hidden)
    assert len(joined.hidden) == len(again.hidden) == 2 * n
    np.testing.assert_array_equal(again.hidden[:n], network.hidden)

    def surprise(found: Network) -> float:
        true = [found.classes.index(name) for name in seen.y.tolist()]
        return -np.log(found.probabilities(seen.x)[np.arange(len(true)), true]).mean()

    assert surprise(joined) < surprise(network)
