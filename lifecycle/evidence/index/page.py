"""An index as one HTML page: it needs nothing else, reads by day and by night, and prints."""

from __future__ import annotations

from lifecycle.evidence.index.document import Commands, Document, Facts, Paragraph, Table, cells
from lifecycle.lineage.page_style import page

_RULES = r"""main { max-width: 1040px; margin: 0 auto; padding: 44px 24px 64px; }
h1 { font-size: 34px; line-height: 1.2; margin: 4px 0 8px; font-weight: 650; letter-spacing: -.01em; }
.lead { color: var(--quiet); margin: 0; max-width: 68ch; }
.marks { display: flex; flex-wrap: wrap; gap: 8px; list-style: none; margin: 20px 0 30px; padding: 0; }
.marks li { padding: 4px 12px; border-radius: 999px; border: 1px solid var(--line); background: var(--paper); font-size: 13.5px; }
.marks .good { color: var(--good); background: var(--good-soft); border-color: transparent; }
.marks .bad { color: var(--bad); background: var(--bad-soft); border-color: transparent; }
.marks .waiting { color: var(--waiting); background: var(--waiting-soft); border-color: transparent; }
nav { font-size: 13.5px; margin: 0 0 26px; color: var(--quiet); } nav a { margin-right: 16px; white-space: nowrap; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 12px; margin: 0 0 18px; padding: 18px 24px 20px; }
h2 { font-size: 18px; margin: 0 0 10px; font-weight: 620; letter-spacing: -.005em; }
p { margin: 0 0 10px; max-width: 92ch; } section > :last-child { margin-bottom: 0; }
pre { margin: 0 0 10px; padding: 12px 16px; background: var(--ground); border-radius: 8px; overflow-x: auto;
  font: 12.5px/1.7 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; }
.good { color: var(--good); } .bad { color: var(--bad); } .waiting { color: var(--waiting); } .quiet { color: var(--quiet); }
dl { display: grid; grid-template-columns: 190px 1fr; gap: 5px 20px; margin: 0 0 10px; }
dt { color: var(--quiet); } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
dd > * + *::before { content: "\00b7"; color: var(--quiet); display: inline-block; margin: 0 8px; }
.wide { overflow-x: auto; margin: 0 0 12px; }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--quiet); font-weight: 500; font-size: 12.5px; padding: 4px 14px 6px 0; white-space: nowrap; }
td { padding: 6px 14px 6px 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
footer { color: var(--quiet); font-size: 13px; margin-top: 26px; }
@media (max-width: 640px) { main { padding: 26px 14px; } section { padding: 14px; } dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; } table { min-width: 620px; } }
@media print { body { font-size: 10pt; } nav { display: none; } section { border: 0; padding: 0 0 10px; }
  .marks li { border: 1px solid !important; } tr { break-inside: avoid; } thead { display: table-header-group; } }
"""
_BODY = r"""<header>
<p class="kicker">{{ index.kicker }}</p>
<h1>{{ index.title }}</h1>
<p class="lead">{{ index.lead }}</p>
<ul class="marks">{% for mark in index.marks %}<li class="{{ mark.tone }}">{{ mark.text }}</li>{% endfor %}</ul>
</header>
<nav aria-label="Contents">{% for section in index.sections %}<a href="#{{ section.title | anchor }}">{{ section.title }}</a>
{% endfor %}</nav>
{% macro drawn(one) %}{% set said %}{% if one.code %}<code>{{ one.text }}</code>{% else %}{{ one.text }}{% endif
%}{% endset %}{% if one.link %}<a href="{{ one.link }}" class="{{ one.tone }}">{{ said }}</a>{% elif one.tone == "plain" and not one.code
%}<span>{{ said }}</span>{% else %}<span class="{{ one.tone }}">{{ said }}</span>{% endif %}{% endmacro %}
{% macro piece(text) %}{% for one in cells(text) %}{{ drawn(one) }}{% endfor %}{% endmacro %}
{% for section in index.sections %}
<section id="{{ section.title | anchor }}">
<h2>{{ section.title }}</h2>
{% for block in section.blocks %}{% if block is paragraph %}
<p{% if block.tone != "plain" %} class="{{ block.tone }}"{% endif %}>{{ block.text }}</p>
{% elif block is commands %}
<pre>{{ block.lines | join("\n") }}</pre>
{% elif block is facts %}
<dl>{% for name, pieces in block.rows %}<dt>{{ name }}</dt><dd>{% for one in pieces %}<span>{{ piece(one) }}</span>{% endfor %}</dd>
{% endfor %}</dl>
{% else %}
<div class="wide"><table>
<colgroup>{% for width in block.widths %}<col style="width: {{ width * 100 // (block.widths | sum) }}%">{% endfor %}</colgroup>
<thead><tr>{% for column in block.columns %}<th scope="col">{{ column }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in block.rows %}<tr>{% for one in row %}<td>{{ piece(one) }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endif %}{% endfor %}</section>
{% endfor %}
<footer><p>{{ index.footer }}</p></footer>
"""


def page_of(index: Document) -> bytes:
    """The page, in UTF-8. The same index gives the same bytes."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["anchor"] = lambda title: title.lower().replace(" ", "-")
    environment.globals["cells"] = cells
    for name, kind in (("paragraph", Paragraph), ("facts", Facts), ("commands", Commands), ("table", Table)):
        environment.tests[name] = lambda block, kind=kind: isinstance(block, kind)
    return environment.from_string(page("{{ index.title }}: evidence", _RULES, _BODY)).render(index=index).encode()
