"""The page of evidence that an approver reads: ours on top, in plain words and tables, and Evidently's report below it.

It is a view. What is signed names the evidence document and the report's canonical JSON; this page is made from them.
"""

from __future__ import annotations

from collections.abc import Iterable

from lifecycle.errors import MalformedRecord
from lifecycle.records.evidence import Evidence, Measurement

#: How the metrics are called, and which way is better.
NAMES = {
    "accuracy": ("Accuracy", "higher is better"),
    "auc": ("AUC", "higher is better"),
    "log_loss": ("Log loss", "lower is better"),
    "brier": ("Brier score", "lower is better"),
    "calibration_error": ("Calibration error", "lower is better"),
}

_PAGE = """
<section id="evidence">
<style>
#evidence { font: 15px/1.5 system-ui, sans-serif; color: #1d2733; background: #fff; max-width: 1080px; margin: 0 auto; padding: 32px 24px; }
#evidence h1 { font-size: 28px; margin: 0 0 4px; } #evidence h2 { font-size: 19px; margin: 32px 0 8px; }
#evidence table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
#evidence th, #evidence td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid #e3e8ee; font-weight: 400; }
#evidence thead th { color: #5b6b7c; font-size: 13px; } #evidence tbody th { font-weight: 600; }
#evidence small, #evidence .quiet { color: #5b6b7c; font-weight: 400; } #evidence code { font-size: 13px; }
#evidence svg { display: block; }
</style>
<h1>{{ e.model }}, version {{ e.version }}</h1>
<p class="quiet">Judged on {{ e.rows }} rows that it was not trained on, as the bytes that will serve.
It decides for the positive outcome from a probability of {{ e.threshold }} on. Brackets are 95 % intervals.</p>
<p><small>model <code>{{ e.model_digest }}</code><br>data <code>{{ e.dataset_digest }}</code></small></p>

<h2>How good it is</h2>
<table>
<thead><tr><th>Metric</th><th>This version</th><th></th><th>{{ e.baseline_name | replace("_", " ") }}, beside it</th>
{% if against %}<th>Minus version {{ against.champion_version }}, which serves</th>{% endif %}</tr></thead>
<tbody>{% for name, found in e.metrics.items() %}
<tr><th>{{ names[name][0] }}<br><small>{{ names[name][1] }}</small></th><td>{{ found | measured }}</td><td>{{ found | whisker }}</td>
<td>{{ e.baseline.get(name) | measured }}</td>
{% if against %}<td>{{ differences.get(name) | measured(signed=True) }}</td>{% endif %}</tr>{% endfor %}
</tbody></table>

<h2>What it does to people</h2>
{% for found in e.fairness %}
<p><b>{{ found.attribute | replace("_", " ") }}</b>:
{% if found.verdict == "measured" %}
selection rates differ by {{ found.demographic_parity_difference | measured }} (ratio {{ found.demographic_parity_ratio | measured }}),
error rates by {{ found.equalised_odds_difference | measured }} at most.
{% else %}not enough data: fewer than two groups have {{ found.minimum_n }} rows.{% endif %}</p>
<table>
<thead><tr><th>Group</th><th>Rows</th><th>Decided for</th><th>… when the outcome was positive</th><th>… when it was not</th></tr></thead>
<tbody>{% for group in found.groups %}<tr><th>{{ group.group }}</th><td>{{ group.n }}</td>
{% if group.enough_data %}<td>{{ group.selection_rate | share }}</td><td>{{ group.true_positive_rate | share }}</td>
<td>{{ group.false_positive_rate | share }}</td>{% else %}<td colspan="3" class="quiet">not enough data</td>{% endif %}</tr>{% endfor %}
</tbody></table>
{% endfor %}

<h2>Where it is weaker</h2>
<table><thead><tr><th>Group</th><th>Rows</th>{% for name in shown %}<th>{{ names[name][0] }}</th>{% endfor %}</tr></thead>
<tbody>{% for found in e.slices %}<tr><th>{{ found.column }}: {{ found.group }}</th><td>{{ found.n }}</td>
{% if found.enough_data %}{% for name in shown %}<td>{{ found.metrics.get(name) | measured }}</td>{% endfor %}
{% else %}<td colspan="{{ shown | length }}" class="quiet">not enough data</td>{% endif %}</tr>{% endfor %}
</tbody></table>

<h2>Whether this can be relied on</h2>
<p>On all {{ e.parity.rows }} rows, what serves answers within {{ "%.1e" | format(e.parity.largest_difference) }}
of the network that was trained.
{% if moved %}The feature that moved most from training to test rows is {{ moved.column }}, with a stability index of
{{ "%.3f" | format(moved.psi) }} (above 0.2 counts as moved).{% endif %}</p>
<p class="quiet">The record is the evidence document, whose digest is what an approval signs. Below is Evidently's report on the
same rows, <code>{{ e.report_json_digest }}</code>.</p>
</section>
"""


def evidence_page(evidence: Evidence, report: bytes) -> bytes:
    """Evidently's page with ours on top. Raises MalformedRecord where the report is not a page.

    The evidence may still lack the digest of this very page: it is not shown.
    """
    before, body, after = report.decode().partition("<body>")
    if not body:
        raise MalformedRecord("The Evidently report is not a page: it has no body.", "Use Snapshot.get_html_str(as_iframe=False).")
    return f"{before}{body}{_render(evidence)}{after}".encode()


def _render(evidence: Evidence) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"measured": _measured, "whisker": _whisker, "share": _share}
    against = evidence.against_champion
    return environment.from_string(_PAGE).render(
        e=evidence,
        names=NAMES,
        shown=[name for name in ("accuracy", "auc") if name in evidence.metrics],
        against=against,
        differences={found.metric: found.difference for found in against.comparisons} if against else {},
        moved=max(evidence.drift, key=lambda found: found.psi, default=None),
    )


def _measured(found: Measurement | None, *, signed: bool = False) -> str:
    """Value and interval to three digits, such as `0.857 [0.831, 0.879]`."""
    if found is None:
        return "not determined"
    value, low, high = ((f"{number:+.3f}" if signed else f"{number:.3f}") for number in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


def _share(rate: float | None) -> str:
    return "no such row" if rate is None else f"{rate:.1%}"


def _whisker(found: Measurement) -> str:
    """The interval drawn on a line from 0 to 1."""
    from markupsafe import Markup

    low, value, high = _on_line((found.low, found.value, found.high))
    return Markup(
        '<svg width="204" height="14" role="img" aria-hidden="true">'
        '<line x1="2" y1="7" x2="202" y2="7" stroke="#e3e8ee" stroke-width="2"/>'
        '<line x1="{}" y1="7" x2="{}" y2="7" stroke="#9cc3e6" stroke-width="8"/>'
        '<circle cx="{}" cy="7" r="3" fill="#1f5c99"/></svg>'
    ).format(low, high, value)


def _on_line(values: Iterable[float]) -> Iterable[float]:
    return (round(2.0 + 200.0 * min(max(value, 0.0), 1.0), 1) for value in values)
