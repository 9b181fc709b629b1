"""What every page keeps to, so that a keyboard and a screen reader reach all of it: the rules of WCAG 2.2 that a program can check."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle.desk.pages.access import AccessView, GrantRow, access_view
from lifecycle.desk.pages.governance import Change, Differences, GovernanceView, ProposalRow, governance_view
from lifecycle.desk.pages.inbox import inbox
from lifecycle.desk.pages.ledger import ledger_view
from lifecycle.desk.pages.people import KeyRow, NewKey, PeopleView, people_view
from lifecycle.desk.pages.recalled import RecalledRow
from lifecycle.desk.pages.serving import UnderWay, serving_view
from lifecycle.desk.pages.taken_back import TakenBack
from lifecycle.desk.pages.version import Answer, version_view
from lifecycle.desk.pages.waived import WaiverRow, WaiverSigner
from lifecycle.life.access.grants import Grant
from lifecycle.life.gates.governed import Governed
from lifecycle.life.people.reviewing import OpenReview
from lifecycle.life.rollback import Way
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.records.bodies.revocations import KeyRevoked
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.wiring import Departments
from tests.desk.pages.comparisons import comparison
from tests.desk.pages.judgements import approved_question, judged, rows_of
from tests.desk.pages.rendered import STATIC, Element, html_of, read
from tests.desk.pages.served import DIFFERS, RECALLED
from tests.policy.questions import challenging

PAGES = (
    "inbox",
    "version",
    "challenger",
    "ledger",
    "serving",
    "compared",
    "access",
    "people",
    "governance",
    "sign_in",
    "sign_in_through",
    "signed_in",
    "enrol",
    "error",
    "without_script",
)
CSS = (STATIC / "desk.css").read_text(encoding="utf-8") + (STATIC / "plots.css").read_text(encoding="utf-8")


def proposed(view: GovernanceView) -> GovernanceView:
    """The page with a proposal on it that changes something."""
    statement = SimpleNamespace(
        proposal_id="proposal",
        signer="ada",
        reason="The yearly review.",
        bundle_digest="sha256:" + "0" * 64,
        people_digest="sha256:" + "1" * 64,
        signed_at_us=1,
        expires_at_us=2,
    )
    proposal: Any = SimpleNamespace(statement=statement, recorded=SimpleNamespace(index=7), agreed_by=("olga",), missing=1)
    changes = Differences((Change("limit", "consumer_credit auc_least", "0.78", "0.7"),))
    return replace(
        view,
        needed=True,
        in_force=Governed(statement.bundle_digest, statement.people_digest),
        proposals=(ProposalRow(proposal, changes, True),),
        differences=changes,
    )


def granted(view: AccessView) -> AccessView:
    """The page with a grant that counts, and one that was taken back."""
    body: Any = SimpleNamespace(
        grant_id="one",
        principal="portal",
        kind="api_key",
        credential_digest="sha256:" + "1" * 64,
        certificate_name="",
        models=("credit",),
        purpose="credit_scoring",
        tier="standard",
        quota=view.tiers["standard"],
        expires_at_us=view.read_at_us + 1,
        labels="any",
        reason="Ours.",
    )
    ended: Any = SimpleNamespace(
        **vars(body) | {"grant_id": "two", "kind": "certificate", "certificate_name": "spiffe://example.com/portal"}
    )
    taken_back = TakenBack("command_line", False, "Replaced.", view.read_at_us, 9)
    rows = (
        GrantRow(Grant(body, 1, revoked=False), "rita", "in force", None, (), True),
        GrantRow(Grant(ended, 1, revoked=True), None, "revoked", taken_back, (), True),
    )
    return replace(view, rows=rows)


def with_revoked_keys(view: PeopleView) -> PeopleView:
    """The page with a key that was taken back."""
    body = KeyRevoked(person="rita", key_id="ed25519-1", reason="Stolen.")
    event = Event.happened(body, subject=Subject(kind="key", name="ed25519-1"), actor=Actor(id="rita", kind="human"), environment="local")
    key = KeyRow("ed25519-1", "ed25519", "", "revoked", None, Recorded(index=7, event=event), True, True)
    new = NewKey("passkey-1", "- id: passkey-1\n", view.read_at_us)
    return replace(view, people=tuple(replace(person, keys=(*person.keys, key), new=(new,)) for person in view.people))


@pytest.fixture(scope="module")
def html(looked_at: Departments, keeper: GateKeeper, bundle: Bundle) -> dict[str, str]:
    """Every page, with everything on it that may be."""
    version = version_view(looked_at, "credit", 1)
    question = challenging(approved_question(bundle), -0.2, -0.1)
    challenger = replace(version, measured=rows_of(keeper, question), judgement=judged(keeper, question))
    waiving = (WaiverRow("PRM-004", "RISK-7", (WaiverSigner("olga", "sha256:" + "7" * 64),), version.read_at_us + 1, "open"),)
    owed = OpenReview("event", "GlassBroken", "credit", 1, version.read_at_us, version.read_at_us + 1, ("olga",))
    taken_back = TakenBack("rita", True, "Its data were not ours.", version.read_at_us, 9)
    answers = (
        Answer("rita", True, "Read.", 1, 7, "sha256:" + "7" * 64, None),
        Answer("rob", True, "Read.", 1, 8, "sha256:" + "8" * 64, taken_back),
    )
    recall = RecalledRow(RECALLED, version.read_at_us, 70, (DIFFERS,))
    challenger = replace(challenger, answers=answers, taken_back=taken_back, recallable=True, recall=recall)
    version = replace(version, reviews=(owed,), answers=answers, waivers=waiving, waivable=(("PRM-009", "Every slice is good enough"),))
    serving = serving_view(looked_at)
    waits = UnderWay(2, True, "ada", frozenset({"ada"}))
    serving = replace(serving, models=tuple(replace(model, way=Way(2, 1), under_way=waits) for model in serving.models))
    governance = proposed(governance_view(looked_at, "rita"))
    box = inbox(looked_at, ("risk",))
    return {
        "inbox": html_of("inbox.html", "/", inbox=replace(box, overview=replace(box.overview, reviews=(owed,)))),
        "version": html_of("version.html", "/versions/credit/1", view=version),
        "challenger": html_of("version.html", "/versions/credit/1", view=challenger),
        "ledger": html_of("ledger.html", "/ledger", view=ledger_view(looked_at)),
        "serving": html_of("serving.html", "/serving", view=serving, asked_for=False),
        "compared": html_of("compared.html", "/models/credit/comparison", view=comparison()),
        "access": html_of("access.html", "/access", view=granted(access_view(looked_at, "rita", ("operator",)))),
        "people": html_of("people.html", "/people", view=with_revoked_keys(people_view(looked_at, "rita", ("governor",)))),
        "governance": html_of("governance.html", "/governance", view=governance),
        "sign_in": html_of("sign_in.html", "/sign-in", next="/", through=None),
        "sign_in_through": html_of("sign_in.html", "/sign-in", next="/", through="sign-on.example.com"),
        "signed_in": html_of("signed_in.html", "/sign-in/return", next="/"),
        "enrol": html_of("enrol.html", "/enrol"),
        "error": html_of("error.html", "/", what="It is not there.", next_step="Run `lifecycle status`.", rules=("STATE",)),
        "without_script": html_of("without_script.html", "/", commands=("lifecycle approve",), back="/"),
    }


@pytest.fixture(params=PAGES)
def page(html: dict[str, str], request: pytest.FixtureRequest) -> Element:
    """Each page in turn, read strictly: what is not well formed fails here."""
    return read(html[request.param])


def test_a_page_has_its_landmarks_and_its_language(page: Element) -> None:
    """One header, one main part, one footer, every navigation named, and first of all a way past them."""
    assert page.one("html").attributes["lang"] == "en"
    assert [len([one for one in page.all(tag) if one.above and one.above.tag == "body"]) for tag in ("header", "main", "footer")] == [
        1,
        1,
        1,
    ]
    assert all(one.attributes.get("aria-label") for one in page.all("nav"))
    first = page.one("body").all("a")[0]
    assert first.attributes["href"] == f"#{page.one('main').attributes['id']}"
    assert len(page.all("a", aria_current="page")) <= 1


def test_headings_go_down_step_by_step(page: Element) -> None:
    """One first heading, and none that skips a level."""
    levels = [int(one.tag[1]) for one in page.all() if re.fullmatch("h[1-6]", one.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_names_are_unique_and_lead_somewhere(page: Element) -> None:
    """Every id stands once, and whatever names one names one that there is."""
    ids = [one.attributes["id"] for one in page.all() if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for one in page.all():
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert set(one.attributes.get(name, "").split()) <= set(ids)
        if one.tag == "a" and one.attributes["href"].startswith("#"):
            assert one.attributes["href"][1:] in ids


def test_every_control_has_a_name(page: Element) -> None:
    """Links and buttons say something; what is filled in has a label."""
    for one in [*page.all("a"), *page.all("button"), *page.all("summary")]:
        assert one.says
    labelled = {one.attributes["for"] for one in page.all("label")}
    for one in [*page.all("textarea"), *page.all("select"), *page.all("input")]:
        assert one.attributes.get("type") == "hidden" or one.attributes["id"] in labelled


def test_every_picture_is_named_or_hidden(page: Element) -> None:
    """A picture is read out with a title, or the numbers beside it are."""
    for one in page.all("svg"):
        assert one.has("aria_hidden", "true") != one.has("role", "img")
    assert all(one.attributes.get("title") for one in page.all("iframe"))


def test_every_table_has_heads_for_its_rows_and_columns(page: Element) -> None:
    """Each head says what it is the head of, and each row has as many cells as the head."""
    for table in page.all("table"):
        assert all(one.attributes.get("scope") in ("col", "row") for one in table.all("th"))
        widths = {
            sum(int(cell.attributes.get("colspan", "1")) for cell in row.inside if isinstance(cell, Element)) for row in table.all("tr")
        }
        assert len(widths) == 1


def test_what_scrolls_can_be_reached_by_keyboard(page: Element) -> None:
    """A part that may be wider than the screen takes the focus and has a name."""
    for one in page.all(class_="scroll"):
        assert one.attributes["tabindex"] == "0"
        assert one.attributes["role"] == "region"
        assert one.attributes.get("aria-label") or one.attributes.get("aria-labelledby")
    assert {one.attributes.get("tabindex") for one in page.all()} <= {None, "0", "-1"}


def test_no_page_needs_what_the_security_policy_forbids(page: Element) -> None:
    """No style, script or handler stands in a page; nothing comes from elsewhere; every form carries the session's token."""
    for one in page.all():
        assert not [name for name in one.attributes if name == "style" or name.startswith("on")]
        assert one.tag != "style"
        for name in ("src", "href", "action"):
            assert one.attributes.get(name, "/").startswith(("/", "#"))
    assert all(one.attributes.get("src") for one in page.all("script"))
    for form in page.all("form"):
        assert form.attributes["method"] == "post"
        # Before somebody is signed in there is no session to have a token of.
        assert form.all("input", name="csrf") or "data-passkey" in form.attributes


def test_a_verdict_is_never_told_by_colour_alone(page: Element) -> None:
    """Every badge has a word, and a sign that is not read out."""
    for one in page.all(class_="badge"):
        sign = one.one("span", aria_hidden="true").says
        assert one.says.removeprefix(sign).strip()


def test_there_is_something_of_all_that_is_looked_at(html: dict[str, str]) -> None:
    """Pages that lost their badges, their tables or their names would pass everything above."""
    pages = [read(text) for text in html.values()]
    looked_at = ("nav", "a", "button", "summary", "label", "textarea", "select", "input", "svg", "iframe", "table", "form", "script")
    assert [tag for tag in looked_at if not any(page.all(tag) for page in pages)] == []
    assert [name for name in ("scroll", "badge") if not any(page.all(class_=name) for page in pages)] == []
    assert any(one.attributes.get("href", "").startswith("#") for page in pages for one in page.all("a"))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    digits = colour if len(colour) == 7 else "#" + "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def palettes() -> dict[str, dict[str, str]]:
    """The colours by name in each of the three palettes."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", block)) for block in blocks]
    return dict(zip(("light", "dark", "print"), found, strict=True))


@pytest.mark.parametrize("palette", ["light", "dark", "print"])
def test_text_stands_out_from_what_is_behind_it(palette: str) -> None:
    """4.5 to 1 for every text on every ground that it stands on, 3 to 1 for marks and edges (WCAG 1.4.3, 1.4.11)."""
    colours = palettes()["light"] | palettes()[palette]
    for ground in ("paper", "ground"):
        for ink in ("ink", "quiet", "accent", "good", "bad", "waiting"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        assert contrast(colours["edge"], colours[ground]) >= 3.0
    for tone in ("good", "bad", "waiting"):
        assert contrast(colours[tone], colours[f"{tone}-soft"]) >= 4.5, tone
        assert contrast(colours["ink"], colours[f"{tone}-soft"]) >= 4.5
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert contrast(colours["ink"], colours["accent-soft"]) >= 4.5
    assert contrast(colours["accent"], colours["accent-soft"]) >= 3.0
    assert contrast(colours["quiet"], colours["accent-soft"]) >= 4.5


def test_the_focus_can_be_seen() -> None:
    """No rule takes the outline of what has the focus away, but for the main part, which a link only leads to."""
    without = re.findall(r"([^{}]+)\{[^}]*outline: (?:none|0)", CSS)
    assert [selector.strip() for selector in without] == ["main:focus"]
    assert ":focus-visible { outline: 3px solid" in CSS


def test_whoever_wants_no_motion_gets_none() -> None:
    """Nothing moves but for whoever has not asked for less (WCAG 2.3.3)."""
    moving = re.findall(r"(?:transition|animation|scroll-behavior)", CSS)
    assert moving == ["scroll-behavior"]
    assert "@media (prefers-reduced-motion: no-preference) { html { scroll-behavior" in CSS
