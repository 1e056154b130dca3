"""Stage 1, how often each raga, composer and section is heard in all concerts of the catalogue.

`concert.json` lists the programme of every concert, {video: [{"S", "R", "C", "D"}, ...]}; it is the
largest page there is (3.3 MB). It names no artist and no times, so it is counted and not searched.
"""

from collections import Counter

from core import theory
from core.catalog_names import Names, resolved
from core.catalog_pages import section_of
from core.errors import CatalogError

PAGE = "concert"


def totals(content: object, names: Names) -> dict[str, Counter]:
    """For each facet its values and how many items of a programme have them.

    Raises
    ------
    CatalogError
        If this is no list of programmes.
    """
    if not isinstance(content, dict):
        raise CatalogError("concert.json lists no programmes. Fetch or copy it again.")
    numbers: dict[str, Counter] = {"S": Counter(), "R": Counter(), "C": Counter()}
    for programme in content.values():
        for item in programme if isinstance(programme, list) else ():
            for key, counted in numbers.items():
                number = item.get(key) if isinstance(item, dict) else None
                if isinstance(number, int):
                    counted[number] += 1
    found: dict[str, Counter] = {"raga": Counter(), "composer": Counter(), "section": Counter()}
    for number, n in numbers["R"].items():
        if name := names.of("raga", number):
            found["raga"][resolved(theory.raga, name) or name] += n
    for number, n in numbers["C"].items():
        if name := names.of("composer", number):
            found["composer"][name] += n
    for number, n in numbers["S"].items():
        is_one = names.is_composition(number)
        found["section"][
            section_of(None if is_one else names.of("song", number), None, is_one)
        ] += n
    return found
