"""Limits: data with units and ranges; what is not known is an error that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.limits import LimitSet
from lifecycle.policy.recheck import believed
from lifecycle.policy.server import ServerEngine
from tests.policy import server
from tests.policy.questions import NOBODY_DIGEST, good

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


CASES = """
cases:
  - {risk_tier: high, limits: {auc_least: {value: 0.8, from: 0.75}}}
  - {jurisdiction: DE, limits: {auc_least: {value: 0.75, to: 0.9}}}
  - {risk_tier: high, jurisdiction: DE, limits: {auc_least: {value: 0.85}}}
"""


@pytest.mark.parametrize(("tier", "place", "value"), [("low", "FR", 0.7), ("high", "FR", 0.8), ("low", "DE", 0.75), ("high", "DE", 0.85)])
def test_a_limit_goes_by_risk_tier_and_jurisdiction(tier: str, place: str, value: float) -> None:
    """A later case stands over an earlier one."""
    assert LimitSet.read("one", ONE + CASES).with_overrides({}, risk_tier=tier, jurisdiction=place) == {"auc_least": value}


@pytest.mark.parametrize(("tier", "place", "override"), [("high", "FR", 0.74), ("low", "DE", 0.95)])
def test_an_override_stays_within_the_range_of_its_case(tier: str, place: str, override: float) -> None:
    """What a case narrows, no declaration widens."""
    limits = LimitSet.read("one", ONE + CASES)
    assert limits.with_overrides({"auc_least": override})
    with pytest.raises(InvalidDeclaration, match="can't be overridden"):
        limits.with_overrides({"auc_least": override}, risk_tier=tier, jurisdiction=place)


@pytest.mark.parametrize(
    ("case", "named"),
    [
        ("{risk_tier: high, limits: {auc_most: {value: 0.8}}}", "no limit of this set"),
        ("{risk_tier: huge, limits: {auc_least: {value: 0.8}}}", "risk_tier"),
        ("{jurisdiction: Germany, limits: {auc_least: {value: 0.8}}}", "jurisdiction"),
        ("{limits: {auc_least: {value: 0.8}}}", "names a risk_tier, a jurisdiction or both"),
        ("{risk_tier: high, limits: {auc_least: {value: 0.4}}}", "not within"),
        ("{risk_tier: high, limits: {auc_least: {value: 0.8, from: 0.1}}}", "widens auc_least"),
        ("{risk_tier: high, limits: {auc_least: {value: 0.8, unit: rows}}}", "unit"),
        ("{risk_tier: high, limits: {}}", "limits"),
    ],
)
def test_a_case_that_is_none_is_named(case: str, named: str) -> None:
    """An unknown name, tier, place or unit, and a range that is wider than the limit's own."""
    with pytest.raises(InvalidDeclaration, match=named):
        LimitSet.read("one", f"{ONE}cases:\n  - {case}\n")


@pytest.mark.parametrize(
    ("freeze", "named"),
    [
        ("{from_us: 2, until_us: 1, reason: r}", "ends before it begins"),
        ("{from_us: 1, until_us: 2}", "reason"),
        ("{from_us: 2026-12-20, until_us: 2, reason: r}", "from_us"),
        ("{from_us: 1, until_us: 2, reason: r, on: mondays}", "on"),
    ],
)
def test_a_freeze_that_is_none_is_named(freeze: str, named: str) -> None:
    """Without its times, in the wrong order, or with words that mean nothing here."""
    with pytest.raises(InvalidDeclaration, match=named):
        LimitSet.read("one", f"{ONE}freezes:\n  - {freeze}\n")


def with_limits(bundle: Bundle, more: str) -> tuple[Bundle, GateKeeper]:
    """The bundle with more in its limits, and a keeper of it."""
    name = "limits/consumer_credit.yaml"
    plain = bundle.files[name].partition("\ncases:")[0] + "\n"
    changed = Bundle({**bundle.files, name: plain + more}).checked("a test")
    return changed, GateKeeper(EmbeddedEngine(changed), changed, people_digest=NOBODY_DIGEST, environment="local")


@pytest.mark.parametrize("engine", ["embedded", "opa"])
def test_the_engines_see_the_case_that_python_sees(bundle: Bundle, engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The value that denies is that of the case, in both engines and in what Python shows."""
    place = bundle.canaries["promotion"].target.jurisdiction
    case = f"cases:\n  - {{risk_tier: high, jurisdiction: {place}, limits: {{auc_least: {{value: 0.99}}}}}}\n"
    changed, keeper = with_limits(bundle, case)
    question = good(changed, "promotion", risk_tier="high")
    assert keeper.limits("consumer_credit", {}, risk_tier="high", jurisdiction=place)["auc_least"] == 0.99
    if engine == "opa":
        with server.running(request.getfixturevalue("tool")("opa"), changed, tmp_path) as url:
            answer = ServerEngine(url, server.TOKEN, changed).answer("promotion", question.as_json()).value
        result = believed(answer, question, changed.rules["promotion"])
    else:
        result = keeper.ask(question).result
    assert [(one.rule, one.limit) for one in result.violations] == [("APR-001", "1"), ("PRM-004", "0.99")]


def test_a_freeze_denies_a_deployment_and_no_rollback(bundle: Bundle) -> None:
    """DEP-005, in its time and place. The canary of the gate, whose time lies in the freeze, is asked after it."""
    begins = bundle.canaries["deployment"].now_us
    freeze = f"freezes:\n  - {{from_us: {begins}, until_us: {begins + 10}, reason: end of the year}}\n"
    changed, keeper = with_limits(bundle, freeze)
    for now_us, frozen in ((begins - 1, False), (begins, True), (begins + 9, True), (begins + 10, False)):
        result = keeper.ask(good(changed, "deployment").model_copy(update={"now_us": now_us})).result
        assert [(one.rule, one.subject) for one in result.violations] == ([("DEP-005", "end of the year")] if frozen else [])
        assert keeper.ask(good(changed, "rollback").model_copy(update={"now_us": now_us})).allowed


def test_every_limit_is_looked_at_by_a_rule(bundle: Bundle, governance: Path) -> None:
    """A limit that no rule reads would promise what nobody keeps."""
    rego = "\n".join(bundle.modules.values())
    unread = [name for limits in bundle.limit_sets.values() for name in limits.limits if f"limits.values.{name}" not in rego]
    assert unread == []
