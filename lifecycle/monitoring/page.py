"""The page on a window: the verdicts first, then quality, then what Evidently reports. It loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from lifecycle.monitoring.report import Report
from lifecycle.monitoring.traffic import Traffic
from lifecycle.records.bodies.serving import GuardrailVerdict
from lifecycle.records.counted import counted
from lifecycle.records.evidence import Measurement

_STYLE = """
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1c2330; }
  h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
  table { border-collapse: collapse; } th, td { padding: .3rem 1.2rem .3rem 0; text-align: left; border-bottom: 1px solid #dde2ea; }
  .holds { color: #14713d; } .breached { color: #b3261e; font-weight: 600; } .not_enough_data { color: #7a6200; }
  iframe { width: 100%; min-height: 60rem; border: 0; }
"""


def page(
    version: str,
    traffic: Traffic,
    verdicts: Sequence[GuardrailVerdict],
    psi: Mapping[str, float],
    quality: Mapping[str, Measurement],
    reports: Iterable[Report],
) -> bytes:
    """One HTML document in UTF-8. Every text that comes from data is escaped."""
    period = f"{_moment(traffic.from_us)} to {_moment(traffic.to_us)}"
    judged = _table(
        ("guardrail", "value", "limit", "verdict"),
        [
            (
                escape(one.guardrail),
                _number(one.value),
                _number(one.limit),
                f'<span class="{one.verdict}">{one.verdict.replace("_", " ")}</span>',
            )
            for one in verdicts
        ],
    )
    measured = _table(
        ("measure", "value", "95 % interval", "answers"),
        [(escape(name), _number(one.value), f"{one.low:.4g} to {one.high:.4g}", f"{one.n:,}") for name, one in quality.items()],
    )
    moved = _table(("input", "PSI"), [(escape(name), _number(value)) for name, value in sorted(psi.items(), key=lambda one: -one[1])])
    known = measured if quality else "<p>No outcome is known yet.</p>"
    sections = "".join(f"<h2>{escape(report.title)}</h2>{report.html or _values(report)}" for report in reports)
    requests, outcomes = counted(traffic.requests, "request"), counted(len(traffic.labelled()), "outcome")
    told = f"{requests}, {traffic.failed:,} of them not answered; {outcomes} known"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(version)}, watched</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(version)}, watched</h1><p>{period}: {told}.</p>"
        f"<h2>Guardrails</h2>{judged}<h2>Quality</h2>{known}<h2>Drift</h2>{moved}{sections}</body></html>"
    ).encode()


def _values(report: Report) -> str:
    """Evidently's single values; a name is cut where its settings begin."""
    plain = {name.partition("(")[0]: value for name, value in report.values.items() if isinstance(value, int | float)}
    return _table(("metric", "value"), [(escape(name), _number(value)) for name, value in plain.items()])


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
