"""Walking along a raga: which svaras follow which, never against its arohana and avarohana."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.synthesis.character import Character

_MOTIF_SHARE = 0.4
VOWELS = ("a", "i", "u", "e", "o")
_VOWEL_SHARES = (0.45, 0.2, 0.15, 0.1, 0.1)
_CONSONANTS = ("t", "d", "n", "m", "r", "k", "g", "p", "b", "v", "l", "y", "s", "j")
SOLFA = {0: "sa", 1: "ri", 2: "ga", 3: "ma", 4: "pa", 5: "da", 6: "ni"}


@dataclass(frozen=True)
class Register:
    """Where a phrase moves: its middle and how far it may stray, in cents."""

    centre: float
    reach: float = 500.0


def walk(
    rng: np.random.Generator, character: Character, register: Register, n_notes: int
) -> list[int]:
    """Step along the raga for about `n_notes` svaras and come to rest."""
    pitches = _opening(rng, character, register)
    pitch = pitches[-1]
    direction = 1 if pitch <= register.centre else -1
    direction = _possible(character, pitch, direction)
    place = _index(rng, character.line(direction), pitch)
    while len(pitches) < n_notes + 7:
        if len(pitches) >= n_notes and character.is_rest(pitches[-1]):
            break
        if _turns(rng, character, register, (pitches[-1], direction, place)):
            direction = -direction
            place = _index(rng, character.line(direction), pitches[-1])
        elif place + 1 >= len(character.line(direction)):
            break  # this scale ends on a note from which its other half does not start
        place += 1
        pitches.append(character.line(direction)[place])
    return pitches


def _opening(rng, character: Character, register: Register) -> list[int]:
    """One of the raga's own turns of phrase, or any note to rest on."""
    near = [
        motif
        for motif in character.motifs
        if abs(np.mean(motif) - register.centre) < register.reach and _goes_on(character, motif[-1])
    ]
    if near and rng.random() < _MOTIF_SHARE:
        return list(near[rng.integers(len(near))])
    return [_start(rng, character, register)]


def _start(rng, character: Character, register: Register) -> int:
    rests = [c for c in character.pool if character.is_rest(c) and _goes_on(character, c)]
    weights = np.exp(-np.abs(np.array(rests) - register.centre) / 250)
    return int(rng.choice(rests, p=weights / weights.sum()))


def _goes_on(character: Character, pitch: int) -> bool:
    return any(pitch in character.line(d)[:-1] for d in (1, -1))


def _possible(character: Character, pitch: int, direction: int) -> int:
    return direction if pitch in character.line(direction)[:-1] else -direction


def _index(rng, line: Sequence[int], pitch: int) -> int:
    """Where in `line` the pitch is, not at its very end; a vakra line may pass it twice."""
    return int(rng.choice([i for i, c in enumerate(line[:-1]) if c == pitch]))


def _turns(rng, character: Character, register: Register, now: tuple[int, int, int]) -> bool:
    pitch, direction, place = now
    if pitch not in character.line(-direction)[:-1]:
        return False
    if place + 1 >= len(character.line(direction)):
        return True
    beyond = direction * (pitch - register.centre) / register.reach
    return rng.random() < 0.12 + 0.8 * max(0.0, beyond) ** 2


def lyric(rng: np.random.Generator, n: int) -> list[str]:
    """`n` invented syllables."""
    return [f"{rng.choice(_CONSONANTS)}{rng.choice(VOWELS, p=_VOWEL_SHARES)}" for _ in range(n)]


def solfa(cents: int) -> str:
    """What a svara is called when sung.

    >>> solfa(1400), solfa(-500)
    ('ri', 'pa')
    """
    degree = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)[cents // 100 % 12]
    return SOLFA[degree]


def split(rng: np.random.Generator, total: int, cells: Sequence[int], p=None) -> list[int]:
    """Cut `total` pulses into cells; what is left over becomes the last cell."""
    parts: list[int] = []
    while total > 0:
        cell = min(int(rng.choice(cells, p=p)), total)
        parts.append(cell)
        total -= cell
    return parts
