"""Two versions side by side, for whoever is about to promote one of them."""

from __future__ import annotations

from tests.desk.pages.comparisons import comparison
from tests.desk.pages.rendered import Element, rendered


def page_of(**told: object) -> Element:
    return rendered("compared.html", "/models/credit/comparison", view=comparison(**told))  # type: ignore[arg-type]  # as `comparison` takes them


def test_both_versions_stand_beside_each_other_with_what_fell_to_each() -> None:
    """Requests, answers, what is compared and what has a label, with the way to each version."""
    page = page_of()
    assert page.one("h1").says == "credit:2 beside credit:1"
    ours, theirs = page.all("tbody")[0].all("tr")
    assert ours.says.startswith("credit:2")
    assert theirs.says.startswith("credit:1")
    assert ours.says.count("60") == 4


def test_each_measure_has_everybody_first_and_then_each_group() -> None:
    """With the difference and its interval; a group that is too small says so and has none."""
    page = page_of()
    assert [heading.says for heading in page.all("h2")[1:]] == ["Told “good”", "Wrong, by the label", "“good” missed"]
    everybody, married, owner = page.all("tbody")[2].all("tr")
    assert everybody.says.startswith("Everybody")
    assert "33.3 % of 60" in everybody.says
    assert "50.0 % of 60" in everybody.says
    assert "−0.167" in everybody.says
    assert married.says.startswith("marital: married")
    assert owner.says.count("too few") == 2
    assert not owner.all("svg")


def test_a_shadow_says_how_often_it_would_have_decided_otherwise() -> None:
    """Of the requests that both answered."""
    page = page_of(strategy="shadow")
    assert page.all("tbody")[0].all("tr")[0].one("th").says == "credit:2 , its shadow"
    assert "Of 60 requests that both answered" in page.one("main").says


def test_without_labels_and_without_answers_the_page_says_so() -> None:
    """Nothing is guessed of what was right."""
    assert "No labels came" in page_of(labels=False).one("main").says
    assert "Neither has answered anything yet" in page_of(rows=0).one("main").says
