"""A raga in a line: where it belongs, how many svaras it rises and falls by, what sets it apart."""

from core import theory
from core.theory import Raga

COUNTED = {5: "audava", 6: "shadava", 7: "sampurna"}
_FEW = 3  # of the ragas with the same notes, how many are named


def in_a_line(raga: Raga) -> str:
    """What one would say of a raga to somebody who does not know it.

    >>> in_a_line(theory.raga("Mohanam"))
    'Janya of Harikambhoji (28): five svaras up and down (audava).'
    """
    if raga.is_melakarta:
        family = f"Melakarta {raga.melakarta}"
    else:
        family = f"Janya of {raga.parent} ({raga.melakarta})"
    said = [f"{family}: {_compass(raga)}."]
    if _is_crooked(raga):
        said.append("Vakra: its scale turns back on itself.")
    if foreign := _foreign(raga):
        said.append(f"Bhashanga: {' '.join(foreign)} {_be(foreign)} not its parent's.")
    if same := [other.name for other in theory.twins(raga) if other.is_common][:_FEW]:
        said.append(f"The same notes as {', '.join(same)}.")
    return " ".join(said)


def _compass(raga: Raga) -> str:
    up, down = (_count(scale) for scale in (raga.arohana, raga.avarohana))
    kinds = [COUNTED.get(n, f"{n} svaras") for n in (up, down)]
    if up == down:
        return f"{_number(up)} svaras up and down ({kinds[0]})"
    return f"{_number(up)} svaras up, {_number(down)} down ({'-'.join(kinds)})"


def _count(scale: tuple[str, ...]) -> int:
    return len({svara.rstrip("^_")[0] for svara in scale})


def _number(n: int) -> str:
    return {4: "four", 5: "five", 6: "six", 7: "seven"}.get(n, str(n))


def _is_crooked(raga: Raga) -> bool:
    up, down = list(raga.arohana_cents), list(raga.avarohana_cents)
    return up != sorted(up) or down != sorted(down, reverse=True)


def _foreign(raga: Raga) -> list[str]:
    own = {theory.SVARAS[svara] for svara in theory.melakarta_svaras(raga.melakarta)}
    return [svara for svara in raga.svaras if theory.SVARAS[svara] not in own]


def _be(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
