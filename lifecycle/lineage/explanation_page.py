"""An explanation as one page: it needs nothing else, reads by day and by night, and prints.

It is a view, and says so: what proves something is the proof in it, which is checked without this page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lifecycle.lineage.explaining.answering import ROUTES
from lifecycle.lineage.explanation import PARTS, Explanation
from lifecycle.lineage.outline import moment
from lifecycle.lineage.page_style import page
from lifecycle.lineage.step import Part, Step

if TYPE_CHECKING:
    from markupsafe import Markup

#: What facts are called on the page. Those that the line above says already have no name here, and are left to the JSON.
_NAMES = {
    "metrics": "metrics",
    "key": "key",
    "decision": "decision",
    "environment": "environment",
    "input": "shown to the gate",
    "engine": "engine",
    "approvals": "approvals",
    "violations": "violations",
    "waived": "waived",
    "warnings": "warnings",
    "rollout": "rollout",
    "roles": "roles",
    "champion_version": "compared with version",
    "evidence": "evidence document",
    "page": "page of it",
    "training": "training",
    "run": "run",
    "seed": "seed",
    "precision": "precision",
    "cost": "cost",
    "baseline": "baseline beside it",
    "commit": "commit",
    "contract": "contract",
    "regions": "regions",
    "stream": "stream",
    "origin": "log",
    "root": "root",
}
_MARKS = {"holds": "✓", "waiting": "…", "missing": "✕", "unreached": "–"}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|[0-9a-f]{40,64}|[0-9a-f]{8}-[0-9a-f-]{27}|[A-Za-z0-9+/]{43}=")

_RULES = """main { max-width: 880px; margin: 0 auto; padding: 40px 24px 56px; }
h1 { font-size: 30px; line-height: 1.2; margin: 4px 0 6px; font-weight: 650; }
h2 { font-size: 14px; margin: 0; padding: 14px 22px 12px; border-bottom: 1px solid var(--line); font-weight: 600; }
.said { color: var(--quiet); margin: 0; }
.verdict { margin: 22px 0 26px; padding: 14px 18px; border-radius: 10px; border: 1px solid; }
.verdict b { display: block; font-size: 17px; }
.verdict ul { margin: 8px 0 0; padding-left: 20px; }
.holds-all { color: var(--good); background: var(--good-soft); }
.is-missing { color: var(--bad); background: var(--bad-soft); }
.is-waiting { color: var(--waiting); background: var(--waiting-soft); }
.verdict span, .verdict li { color: var(--ink); }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; margin: 0 0 16px; }
ol { list-style: none; margin: 0; padding: 6px 0; }
ol > li { display: grid; grid-template-columns: 24px 1fr auto; gap: 2px 12px; padding: 9px 22px; break-inside: avoid; }
.mark { width: 22px; height: 22px; border-radius: 50%; margin-top: 1px; text-align: center; font-size: 12px; line-height: 22px;
  font-weight: 700; }
.holds .mark { color: var(--good); background: var(--good-soft); }
.missing .mark { color: var(--bad); background: var(--bad-soft); }
.waiting .mark { color: var(--waiting); background: var(--waiting-soft); }
.unreached .mark { color: var(--quiet); background: var(--ground); }
.what { font-weight: 600; }
.missing .what, .why { color: var(--bad); }
.waiting .why { color: var(--waiting); }
.unreached .what, .unreached .why { color: var(--quiet); font-weight: 400; }
.edge, .record { color: var(--quiet); font-size: 13px; font-weight: 400; }
.record { white-space: nowrap; font-variant-numeric: tabular-nums; }
.body { min-width: 0; } .body p { margin: 0; }
dl { display: grid; grid-template-columns: 148px 1fr; gap: 1px 14px; margin: 5px 0 2px; font-size: 13px; }
dt { color: var(--quiet); } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; } dd code { font-size: 11.5px; }
details { padding: 10px 22px 16px; } summary { cursor: pointer; color: var(--quiet); font-size: 13px; }
pre { margin: 10px 0 0; padding: 14px; background: var(--ground); border-radius: 8px; overflow-x: auto; white-space: pre-wrap;
  overflow-wrap: anywhere; font: 11.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
table { width: 100%; border-collapse: collapse; font-size: 13px; margin-bottom: 8px; }
td { padding: 5px 22px; border-top: 1px solid var(--line); } tr:first-child td { border-top: 0; }
td:first-child { color: var(--quiet); width: 34%; }
footer { color: var(--quiet); font-size: 13px; margin-top: 24px; } footer p { margin: 0 0 8px; }
@media (max-width: 560px) { main { padding: 24px 14px; } ol > li { grid-template-columns: 24px 1fr; padding: 9px 14px; }
  .record { grid-column: 2; } h2 { padding-inline: 14px; } }
@media print { body { font-size: 10.5pt; } section { border-radius: 0; } details { display: none; }
  .mark { border: 1px solid; line-height: 20px; } }
"""
_BODY = """<header>
<p class="kicker">Why one prediction is what it is</p>
<h1>{{ headline }}</h1>
<p class="said">{{ subline }}</p>
<p class="said"><code>{{ row.id }}</code></p>
</header>
{% if missing %}<div class="verdict is-missing"><b>{{ lacking }} missing</b>
<span>This prediction is not explained.</span>
<ul>{% for step in missing %}<li>{{ step.edge }}: {{ step.why | prose }}</li>{% endfor %}</ul></div>
{% elif waiting %}<div class="verdict is-waiting"><b>Every edge holds so far</b><span>Not everything is proven yet.</span>
<ul>{% for step in waiting %}<li>{{ step.edge }}: {{ step.why | prose }}</li>{% endfor %}</ul>
</div>
{% else %}<div class="verdict holds-all"><b>Every edge holds</b>
<span>{{ followed }} edges were followed to {{ records }} records, each under the ledger's signature.</span></div>{% endif %}
{% for title, steps in parts %}<section>
<h2>{{ title }}</h2>
<ol>{% for step in steps %}
<li class="{{ step.standing }}"><span class="mark" aria-label="{{ step.standing }}">{{ marks[step.standing] }}</span>
<div class="body"><p><span class="what">{{ step.what }}</span>
{% if step.what != step.edge %} <span class="edge">{{ step.edge }}</span>{% endif %}</p>
{% if step.detail %}<p>{{ step.detail }}</p>{% endif %}
{% if step.why %}<p class="why">{{ step.why | prose }}</p>{% endif %}
{% if step.digest %}<p><code>{{ step.digest }}</code></p>{% endif %}
{% if step.facts %}<dl>{% for name, values in step.facts %}<dt>{{ name }}</dt>
<dd>{% for value in values %}{% if value.is_code %}<code>{{ value.text }}</code>{% else %}{{ value.text }}{% endif %}
{% if not loop.last %}<br>{% endif %}{% endfor %}</dd>{% endfor %}</dl>{% endif %}</div>
<span class="record">{% if step.index is not none %}record {{ step.index }}{% endif %}</span></li>{% endfor %}
</ol>{% if loop.last and proof %}
<details><summary>The proof of the row, as it is checked offline</summary><pre>{{ proof }}</pre></details>{% endif %}
</section>
{% endfor %}
{% if asked %}<section><h2>What was asked</h2>
<table>{% for name, value in asked %}<tr><td>{{ name }}</td><td>{{ value }}</td></tr>{% endfor %}</table></section>{% endif %}
<footer>
<p>A record is one leaf of the ledger; <i>record 12</i> is what <code>lifecycle ledger show 12</code> prints. A digest names bytes:
whoever has them can hash them. Times are UTC.</p>
<p>This page is a view. What it says of the ledger is as good as the ledger checkpoint that it names: signed by the log alone, that proves
nothing against whoever holds the log's key. Hold it against a ledger checkpoint that you kept, or that a time-stamp authority or a
witness signed.</p>
</footer>
"""


class _Value(NamedTuple):
    text: str
    is_code: bool


@dataclass(frozen=True)
class _Shown:
    """A step as the page has it."""

    edge: str
    what: str
    detail: str
    digest: str | None
    index: int | None
    standing: str
    why: str
    facts: list[tuple[str, list[_Value]]]


def page_of(explanation: Explanation) -> str:
    """The page. Whatever stands in the ledger or was sent by a caller is shown as text."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["prose"] = _prose
    row = explanation.row
    asked = row.get("values")
    return environment.from_string(page("Prediction {{ row.id }}", _RULES, _BODY)).render(
        row=row,
        headline=_headline(row),
        subline=" · ".join(_subline(row)),
        missing=explanation.missing,
        lacking="One edge is" if len(explanation.missing) == 1 else f"{len(explanation.missing)} edges are",
        waiting=explanation.waiting,
        followed=sum(step.standing == "holds" for step in explanation.steps),
        records=len(explanation.indexes),
        parts=[(title, shown) for part, title in PARTS.items() if (shown := [_shown(step) for step in _below(explanation, part)])],
        marks=_MARKS,
        proof=None if explanation.proof is None else json.dumps(explanation.proof, indent=2),
        asked=None if asked is None else [("the caller's id", row["request_id"]), *sorted(asked.items())],
    )


def _below(explanation: Explanation, part: Part) -> tuple[Step, ...]:
    """The edges of a part, but for the prediction itself: it stands above them all."""
    return tuple(step for step in explanation.of_part(part) if step.edge != "prediction")


def _headline(row: Mapping[str, Any]) -> str:
    output: Mapping[str, Any] = row.get("output") or {}
    return f"{_version(row)} answered: {output.get('decision') or row['outcome']}"


def _subline(row: Mapping[str, Any]) -> Iterator[str]:
    probability = (row.get("output") or {}).get("probability")
    if probability is not None:
        yield f"probability of the positive outcome {probability:.3f}"
    yield ROUTES[row["arm"]]
    if row.get("fallback_from") is not None:
        yield f"in the place of version {row['fallback_from']}"
    yield f"{moment(row['at_us'])} UTC"
    yield f"{row['latency_us'] / 1_000:.2f} ms"


def _version(row: Mapping[str, Any]) -> str:
    return str(row["model"]) if row.get("version") is None else f"{row['model']}:{row['version']}"


def _prose(text: str) -> Markup:
    """Text in which `commands` are set as such."""
    from markupsafe import Markup, escape

    parts = (Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(text.split("`")))
    return Markup("").join(parts)


def _shown(step: Step) -> _Shown:
    facts = [(name, list(_values(step.facts[key]))) for key, name in _NAMES.items() if step.facts.get(key) not in (None, "", [], {})]
    return _Shown(step.edge, step.what, step.detail.replace("  ", " · "), step.digest, step.index, step.standing, step.why, facts)


def _values(fact: Any) -> Iterator[_Value]:
    if isinstance(fact, Mapping):
        yield from (_Value(f"{name.replace('_', ' ')} {value}", is_code=False) for name, value in fact.items())
    elif isinstance(fact, list | tuple):
        yield from (_Value(str(value), is_code=False) for value in fact)
    else:
        yield _Value(str(fact), is_code=_DIGEST.fullmatch(str(fact)) is not None)
