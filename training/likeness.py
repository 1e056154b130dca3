"""Stage 8, likeness: how near drawn pictures are to real ones as a whole, how varied, how copied.

Descriptors are computed, not learned, so no model can have been trained to please them: of each row
its mean, its deviation and its movement, and how each register pulsates. They are standardised and
reduced to the principal components of the reference. Distances between two sets are Fréchet's
(Heusel et al. 2017, eq. 6) and the kernel distance (maximum mean discrepancy with a Gaussian kernel
of the median width, unbiased; as KAD, Chung et al. 2025), which is right for small sets too.

Pictures are (n, rows, columns), uint8.
"""

from dataclasses import dataclass

import numpy as np

POOLED_ROWS = 3  # a semitone of svara rows
REGISTERS = 8
PULSES = 24  # modulation bins of each register, up to about 2.4 a second in 10 s
N_COMPONENTS = 32
COPY_ROWS, COPY_COLUMNS = 64, 64  # pictures are compared as small as this
COPY_CHUNK = 64


def described(pictures: np.ndarray) -> np.ndarray:
    """Descriptors, [shape=(n, n_features), float32]."""
    return np.stack([_described(picture.astype(np.float32)) for picture in pictures])


def _described(picture: np.ndarray) -> np.ndarray:
    rows = len(picture) // POOLED_ROWS * POOLED_ROWS
    bands = picture[-rows:].reshape(-1, POOLED_ROWS, picture.shape[1]).mean(axis=1)
    moved = np.abs(np.diff(bands, axis=1)).mean(axis=1)
    registers = np.stack([each.mean(axis=0) for each in np.array_split(bands, REGISTERS)])
    registers -= registers.mean(axis=1, keepdims=True)
    pulses = np.abs(np.fft.rfft(registers, axis=1))[:, 1 : 1 + PULSES] / picture.shape[1]
    return np.concatenate([bands.mean(axis=1), bands.std(axis=1), moved, pulses.ravel()])


@dataclass(frozen=True)
class Space:
    """Where descriptors are compared: the principal components of a reference set."""

    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray  # (n_features, n_components)

    @classmethod
    def of(cls, descriptors: np.ndarray) -> "Space":
        """The space that a reference set spans; each axis has its deviation there."""
        mean, scale = descriptors.mean(axis=0), descriptors.std(axis=0) + 1e-3
        _, _, turned = np.linalg.svd((descriptors - mean) / scale, full_matrices=False)
        return cls(mean, scale, turned[:N_COMPONENTS].T)

    def place(self, pictures: np.ndarray) -> np.ndarray:
        """Where pictures lie, [shape=(n, n_components)]."""
        return (described(pictures) - self.mean) / self.scale @ self.axes


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of the Gaussians fitted to two sets of points (n, d)."""
    from scipy.linalg import sqrtm

    if min(len(a), len(b)) < 2:
        return float("nan")
    of_a, of_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(sqrtm(of_a @ of_b + 1e-9 * np.eye(len(of_a))))
    apart = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return float(max(0.0, apart + np.trace(of_a + of_b - 2 * root)))


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy, times 1000; about 0 for sets of one kind."""
    if min(len(a), len(b)) < 2:
        return float("nan")
    width = np.median(_squares(b, b)[np.triu_indices(len(b), 1)])

    def within(x: np.ndarray) -> float:
        kernel = np.exp(-_squares(x, x) / width)
        return (kernel.sum() - len(x)) / (len(x) * (len(x) - 1))

    return float(1000 * (within(a) + within(b) - 2 * np.exp(-_squares(a, b) / width).mean()))


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T


def diversity(points: np.ndarray, groups: list) -> float:
    """Mean distance between points of one group (what was asked for alike); NaN without pairs."""
    found = []
    for group in dict.fromkeys(groups):
        of_group = points[[each == group for each in groups]]
        pairs = np.triu_indices(len(of_group), 1)
        found += np.sqrt(np.maximum(_squares(of_group, of_group)[pairs], 0)).tolist()
    return float(np.mean(found)) if found else float("nan")


def nearest_copies(pictures: np.ndarray, learned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How like each picture is to the training picture it is most like, at any shift in time.

    What is compared is what moves: each row without its mean, so that a common drone is no
    likeness. 1 is the same picture, or a part of the same recording.

    Returns
    -------
    likeness : np.ndarray [shape=(n,), -1..1]
    which : np.ndarray [shape=(n,), int]
        The training picture.
    """
    best, which = np.full(len(pictures), -1.0), np.zeros(len(pictures), int)
    if not len(learned):
        return best, which
    ours = _moving(pictures)
    for start in range(0, len(learned), COPY_CHUNK):
        theirs = _moving(learned[start : start + COPY_CHUNK])
        crossed = ours.transpose(2, 0, 1) @ theirs.conj().transpose(2, 1, 0)  # (f, ours, theirs)
        likeness = np.fft.irfft(crossed, axis=0).max(axis=0)
        chosen = likeness.argmax(axis=1)
        found = likeness[np.arange(len(ours)), chosen]
        which = np.where(found > best, start + chosen, which)
        best = np.maximum(best, found)
    return best, which


def _moving(pictures: np.ndarray) -> np.ndarray:
    """Spectra along time of small pictures of unit length, [shape=(n, rows, n_frequencies)]."""
    n, rows, columns = pictures.shape
    step = max(1, rows // COPY_ROWS), max(1, columns // COPY_COLUMNS)
    cut = pictures[:, : rows // step[0] * step[0], : columns // step[1] * step[1]]
    small = cut.reshape(n, cut.shape[1] // step[0], step[0], -1, step[1]).mean(axis=(2, 4))
    small = small.astype(np.float32) - small.mean(axis=2, keepdims=True)
    length = np.sqrt(np.square(small).sum(axis=(1, 2), keepdims=True)) + 1e-6
    return np.fft.rfft(small / length, n=2 * small.shape[2], axis=2).astype(np.complex64)
