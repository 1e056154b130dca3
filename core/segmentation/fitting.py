"""Fit the classifiers: scikit-learn, much regularised, and calibrated on recordings kept apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.segmentation.network import Network

_MEMBERS = 4
_HIDDEN = 24
_ALPHA = 0.3  # L2
_COPIES = 2
_SHAKEN = 0.25  # standard deviations of noise on each copy of the rows
_MOVED = 0.3  # standard deviations by which all rows of a recording are off, in each copy
_BLIND = 0.08  # the share of groups of features that a copy does not see


@dataclass(frozen=True)
class Rows:
    """What a classifier is fitted on.

    x : np.ndarray [shape=(n, n_features)]
    y : np.ndarray [shape=(n,), str]
    of : np.ndarray [shape=(n,), int], which recording each row is from
    weight : np.ndarray [shape=(n,)]
    """

    x: np.ndarray
    y: np.ndarray
    of: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, part: np.ndarray) -> "Rows":
        return Rows(self.x[part], self.y[part], self.of[part], self.weight[part])

    @classmethod
    def joined(cls, parts: Sequence["Rows"]) -> "Rows":
        """All of them; recordings keep their numbers apart."""
        numbered, first = [], 0
        for part in parts:
            numbered.append(part.of + first)
            first += int(part.of.max()) + 1 if len(part) else 0
        return cls(
            np.concatenate([part.x for part in parts]),
            np.concatenate([part.y for part in parts]),
            np.concatenate(numbered),
            np.concatenate([part.weight for part in parts]),
        )


def fit(
    rows: Rows,
    groups: Sequence[np.ndarray],
    seed: int = 0,
    alpha: float = _ALPHA,
    beside: Network | None = None,
) -> Network:
    """A committee, each member fitted on three quarters of the recordings.

    Parameters
    ----------
    groups : sequence of np.ndarray [shape=(n_features,), bool]
        Features that are hidden together now and then, so that none is relied on alone.
    beside : Network, optional
        A committee of the same classes, whose first members stay and are joined by the new ones.
    """
    rng = np.random.default_rng(seed)
    network = beside or _without_members(rows)
    classes = network.classes
    x = network.standard(rows.x).astype(np.float32)
    recordings = np.unique(rows.of)
    hidden, output = list(network.hidden[:_MEMBERS]), list(network.output[:_MEMBERS])
    for member in range(_MEMBERS):
        part = np.isin(rows.of, rng.permutation(recordings)[: -(-3 * len(recordings) // 4)])
        part |= ~np.isin(rows.y, np.unique(rows.y[part]))  # every class at least once
        layers = _member(x[part], rows[part], groups, (seed + member, alpha), classes)
        hidden.append(layers[0])
        output.append(layers[1])
    network = replace(network, hidden=np.stack(hidden), output=np.stack(output))
    usual = float(np.percentile(network.strangeness(rows.x), 95))
    return replace(network, usual=max(usual, 1e-4))


def _without_members(rows: Rows) -> Network:
    mean = np.average(rows.x, axis=0, weights=rows.weight)
    scale = np.sqrt(np.average(np.square(rows.x - mean), axis=0, weights=rows.weight))
    scale = np.maximum(scale, 1e-3 * np.abs(mean) + 1e-4)
    empty = np.zeros((0, 0, 0))
    return Network(tuple(sorted(set(rows.y.tolist()))), mean, scale, empty, empty)


def balanced(y: np.ndarray, weight: np.ndarray, power: float = 0.7) -> np.ndarray:
    """Weights that lift the rare classes, mean 1."""
    total = {name: weight[y == name].sum() for name in np.unique(y)}
    lifted = weight * np.array([total[name] ** -power for name in y.tolist()])
    return lifted / lifted.mean()


def calibrated(network: Network, rows: Rows) -> Network:
    """With the temperature at which rows of other recordings are least surprising."""
    known = np.isin(rows.y, network.classes)
    rows = rows[known]
    truth = np.array([network.classes.index(name) for name in rows.y.tolist()])
    weight = balanced(rows.y, rows.weight)
    costs = {}
    for temperature in np.geomspace(0.5, 6, 24):
        p = replace(network, temperature=float(temperature)).probabilities(rows.x)
        costs[temperature] = float(np.average(-np.log(p[np.arange(len(p)), truth] + 1e-9),
                                              weights=weight))  # fmt: skip
    return replace(network, temperature=float(min(costs, key=costs.get)))


def _member(x, rows: Rows, groups, how: tuple[int, float], classes: tuple[str, ...]):
    from sklearn.neural_network import MLPClassifier

    seed, alpha = how
    rng = np.random.default_rng(seed)
    copies = [_shaken(x, rows.of, groups, rng) for _ in range(_COPIES)]
    weight = balanced(rows.y, rows.weight)
    network = MLPClassifier(
        (_HIDDEN,), alpha=alpha, batch_size=128, max_iter=18, random_state=seed, tol=0.0,
        n_iter_no_change=100, learning_rate_init=2e-3,
    )  # fmt: skip
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped early on purpose
        network.fit(np.concatenate(copies), np.tile(rows.y, _COPIES), np.tile(weight, _COPIES))
    hidden = np.vstack([network.coefs_[0], network.intercepts_[0]])
    return hidden, _in_order(network, classes)


def _in_order(network, classes: tuple[str, ...]) -> np.ndarray:
    """Output weights with a column for every class; two classes have one logit in scikit-learn."""
    weights, bias = network.coefs_[1], network.intercepts_[1]
    if weights.shape[1] == 1:
        weights = np.hstack([np.zeros_like(weights), weights])
        bias = np.concatenate([[0.0], bias])
    full = np.zeros((len(weights) + 1, len(classes)))
    full[-1] = -30.0
    for column, name in enumerate(network.classes_):
        full[:, classes.index(name)] = [*weights[:, column], bias[column]]
    return full


def _shaken(x, of: np.ndarray, groups: Sequence[np.ndarray], rng: np.random.Generator):
    """A copy of standard rows as another hall and other players might have given them."""
    recordings, place = np.unique(of, return_inverse=True)
    moved = rng.normal(0, _MOVED, (len(recordings), x.shape[1])).astype(np.float32)
    shaken = x + rng.normal(0, _SHAKEN, x.shape).astype(np.float32) + moved[place]
    for group in groups:
        blind = rng.random(len(x)) < _BLIND
        shaken[np.ix_(blind, group)] = 0
    return shaken
