import pytest

from core.errors import AnnotationError, TheoryError
from core.synthesis import Item, plan, render


def test_a_plan_holds_only_the_ragas_and_talas_asked_for():
    items = plan(1, 30, ragas=["mohana", "Todi"], talas=["misra chapu"]).items
    assert {item.raga for item in items} == {"Mohanam", "Todi"}
    assert {item.tala for item in items} == {"Misra chapu"}


def test_a_long_plan_takes_another_raga_for_each_item():
    items = plan(1, 60).items
    assert len(items) == 12
    assert len({item.raga for item in items}) == 12


def test_the_same_seed_plans_the_same_concert():
    assert plan(4, 10) == plan(4, 10)
    assert plan(4, 10) != plan(5, 10)


def test_even_a_concert_of_half_a_minute_is_one_of_sections():
    chains = [plan(seed, 0.5).items[0].sections for seed in range(20)]
    assert max(map(len, chains)) == 2
    concert = render(3, 0.5)
    assert [s.section for s in concert.segments] == list(plan(3, 0.5).items[0].sections)


def test_a_section_nobody_can_render_is_refused():
    with pytest.raises(AnnotationError, match="speech"):
        Item("Mohanam", "Adi", ("alapanai", "speech"))


def test_an_unknown_raga_is_refused_with_suggestions():
    with pytest.raises(TheoryError, match="Mohanam"):
        plan(1, 1, ragas=["Mohanan"])
