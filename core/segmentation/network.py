"""The classifiers: small networks as plain arrays, with probabilities that mean what they say.

    X (n, n_features) --probabilities--> (n, n_classes)    each row sums to 1

A network is a committee of perceptrons with one hidden layer, fitted by scikit-learn on different
parts of the recordings. Its temperature is set on others it has not seen (Guo et al. 2017), and
what lies far outside everything it was fitted on makes it less sure: `strangeness`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_FARTHEST = 4.0  # standard deviations; what is farther out is no stronger a reason
_FAR = 3.0


@dataclass(frozen=True)
class Network:
    """A committee for some classes.

    mean, scale : np.ndarray [shape=(n_features,)]
    hidden : np.ndarray [shape=(n_members, n_features + 1, n_hidden)], the last row the bias
    output : np.ndarray [shape=(n_members, n_hidden + 1, n_classes)]
    usual : float, strangeness that 19 of 20 seconds of the lessons do not pass
    """

    classes: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    hidden: np.ndarray
    output: np.ndarray
    temperature: float = 1.0
    usual: float = 1.0

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """(n, n_classes), the members' mean."""
        z = self.standard(features)
        total = np.zeros((len(z), len(self.classes)))
        for hidden, output in zip(self.hidden, self.output, strict=True):
            active = np.maximum(0, z @ hidden[:-1] + hidden[-1])
            total += softmax((active @ output[:-1] + output[-1]) / self.temperature)
        return total / len(self.hidden)

    def standard(self, features: np.ndarray) -> np.ndarray:
        """Features in standard deviations, none farther out than 4."""
        z = (features - self.mean) / self.scale
        return np.clip(z, -_FARTHEST, _FARTHEST)

    def strangeness(self, features: np.ndarray) -> np.ndarray:
        """How far each row lies outside all that was learned from, (n,); 1 is the usual limit."""
        z = np.abs((features - self.mean) / self.scale)
        return np.minimum(np.maximum(z - _FAR, 0), 5).mean(axis=1) / max(self.usual, 1e-6)

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """Everything as arrays, for an npz file."""
        numbers = np.array([self.temperature, self.usual])
        found = {
            "classes": np.array(self.classes),
            "mean": self.mean.astype(np.float32),
            "scale": self.scale.astype(np.float32),
            "hidden": self.hidden.astype(np.float16),
            "output": self.output.astype(np.float32),
            "numbers": numbers,
        }
        return {f"{prefix}.{name}": value for name, value in found.items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], prefix: str) -> "Network":
        """The inverse of `arrays`."""
        kept = {name: arrays[f"{prefix}.{name}"] for name in ("mean", "scale", "hidden", "output")}
        temperature, usual = arrays[f"{prefix}.numbers"].tolist()
        classes = tuple(arrays[f"{prefix}.classes"].tolist())
        as_float = {name: value.astype(np.float64) for name, value in kept.items()}
        return cls(classes, **as_float, temperature=temperature, usual=usual)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
