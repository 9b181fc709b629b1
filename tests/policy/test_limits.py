"""Limits: data with units and ranges; what is not known is an error that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.limits import LimitSet
from tests.policy.questions import good

ONE = "description: d\nlimits:\n  auc_least: {value: 0.7, from: 0.5, to: 1.0, unit: share, description: d}\n"


def test_an_override_within_the_range_replaces_the_value() -> None:
    """The declaration of a model may set a limit by its name."""
    assert LimitSet.read("one", ONE).with_overrides({"auc_least": 0.9}) == {"auc_least": 0.9}


@pytest.mark.parametrize(("overrides", "named"), [({"auc_most": 0.9}, "auc_most"), ({"auc_least": 0.4}, "0.5 to 1 share")])
def test_an_override_that_is_not_permitted_is_named(overrides: dict[str, float], named: str) -> None:
    """An unknown name and a value outside the range are errors that say what is allowed."""
    with pytest.raises(InvalidDeclaration, match=named):
        LimitSet.read("one", ONE).with_overrides(overrides)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("share", "percent", "unit"),
        ("value: 0.7", "value: 0.3", "not within"),
        ("to: 1.0", "to: 3.0", "share"),
        ("value: 0.7", "value: high", "value"),
        ("value: 0.7", "value: .nan", "value"),
        ("value: 0.7, ", "value: 0.7, value: 0.1, ", "stands twice"),
        ("description: d}", "description: d, extra: 1}", "extra"),
        ("unit: share", "unit: people", "number of people"),
        ("limits:", "limits: [", r"limits/one\.yaml:4"),
    ],
)
def test_a_limit_that_is_not_one_is_named(old: str, new: str, named: str) -> None:
    """A wrong unit, a wrong range, a key twice, YAML that is none: each by file and field."""
    with pytest.raises(InvalidDeclaration, match=named):
        LimitSet.read("one", ONE.replace(old, new))


@pytest.mark.parametrize("text", ["", "- 1\n", "limits: {}\ndescription: d\n"])
def test_a_file_without_limits_is_refused(text: str) -> None:
    """A set that limits nothing is not a set."""
    with pytest.raises(InvalidDeclaration):
        LimitSet.read("one", text)


def test_a_question_under_unknown_limits_is_denied(bundle: Bundle, keeper: GateKeeper) -> None:
    """A set, or a limit to override, that does not exist is a denial and no exception."""
    for subject in ({"limits": "elsewhere"}, {"limit_overrides": {"no_such_limit": 1.0}}, {"limit_overrides": {"auc_least": 0.0}}):
        result = keeper.ask(good(bundle, "promotion", **subject)).result
        assert (result.outcome, [violation.rule for violation in result.violations]) == ("deny", ["SYS-007"])


def test_every_limit_is_looked_at_by_a_rule(bundle: Bundle, governance: Path) -> None:
    """A limit that no rule reads would promise what nobody keeps."""
    rego = "\n".join(bundle.modules.values())
    unread = [name for limits in bundle.limit_sets.values() for name in limits.limits if f"limits.values.{name}" not in rego]
    assert unread == []
