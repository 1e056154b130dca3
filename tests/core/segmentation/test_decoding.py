"""The decoder against every possible cut, and the measured statistics it uses."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.records import SECTIONS
from core.segmentation import decoding
from core.segmentation.decoding import at_least, decode, joined, worth
from core.segmentation.statistics import LONGEST_S, Statistics, measured


def every_cut(n: int, longest: int, n_sections: int):
    """All sequences of spans that fill `n` seconds."""
    for n_cuts in range(n):
        for cuts in itertools.combinations(range(1, n), n_cuts):
            edges = [0, *cuts, n]
            if max(np.diff(edges)) <= longest:
                for names in itertools.product(range(n_sections), repeat=n_cuts + 1):
                    yield list(zip(edges[:-1], edges[1:], names, strict=True))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(2, 5))
def test_it_finds_the_best_of_all_cuts(seed, n, longest):
    rng = np.random.default_rng(seed)
    statistics = Statistics(
        np.log(rng.dirichlet(np.ones(longest), 3)),
        np.log(rng.dirichlet(np.ones(3), 3)),
        np.log(rng.dirichlet(np.ones(3))),
        np.zeros(3),
    )
    evidence = rng.normal(0, 1.5, (n, 3))
    cuts = every_cut(n, longest, 3)
    best = max(worth(spans, evidence, statistics) for spans in cuts)
    with pytest.MonkeyPatch.context() as patch:  # neighbours of one kind are told apart here
        patch.setattr(decoding, "joined", list)
        found = decode(evidence, statistics)
    assert worth(found, evidence, statistics) == pytest.approx(best, abs=1e-9)


def test_clear_evidence_is_cut_where_it_changes():
    evidence = np.full((300, len(SECTIONS)), -3.0)
    for start, end, name in ((0, 120, "alapanai"), (120, 200, "violin"), (200, 300, "kriti")):
        evidence[start:end, SECTIONS.index(name)] = 0
    found = [(a, b, SECTIONS[k]) for a, b, k in decode(evidence, measured())]
    assert found == [(0, 120, "alapanai"), (120, 200, "violin"), (200, 300, "kriti")]


def test_a_second_that_says_otherwise_does_not_cut():
    evidence = np.full((200, len(SECTIONS)), -0.3)
    evidence[:, SECTIONS.index("kriti")] = 0
    evidence[90:94] = -0.3
    evidence[90:94, SECTIONS.index("speech")] = 0
    assert [SECTIONS[k] for _, _, k in decode(evidence, measured())] == ["kriti"]


def test_what_lasts_longer_than_any_duration_is_joined():
    evidence = np.full((LONGEST_S + 700, len(SECTIONS)), -1.0)
    evidence[:, SECTIONS.index("kriti")] = 0
    assert decode(evidence, measured()) == [(0, LONGEST_S + 700, SECTIONS.index("kriti"))]
    assert joined([(0, 3, 1), (3, 5, 1), (5, 6, 2)]) == [(0, 5, 1), (5, 6, 2)]


def test_statistics_are_probabilities_with_the_measured_medians():
    found = measured()
    np.testing.assert_allclose(np.exp(found.durations).sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(found.transitions).sum(axis=1), 1)
    assert np.exp(found.first).sum() == pytest.approx(1)
    for name, low, high in (("kriti", 180, 290), ("tani avartanam", 250, 480)):
        row = np.exp(found.durations[SECTIONS.index(name)]).cumsum()
        assert low < np.searchsorted(row, 0.5) < high, name
    after = found.transitions[SECTIONS.index("kalpanaswaram")]
    assert after[SECTIONS.index("tani avartanam")] > after[SECTIONS.index("neraval")] + 2


def test_lasting_at_least_so_long_never_grows():
    longer = at_least(measured().durations)
    assert (np.diff(longer, axis=1) <= 1e-9).all()
    np.testing.assert_allclose(longer[:, 0], 0, atol=1e-9)
