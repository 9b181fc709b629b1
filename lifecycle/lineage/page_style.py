"""How pages look that need nothing but themselves: one palette by day, by night and on paper, and the frame around what they say.

A page loads nothing and runs nothing, which it tells the browser as well: whatever stands in the ledger, or was sent by a caller, is text.
"""

from __future__ import annotations

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
"""
_SCREEN = """:root { color-scheme: light dark; --ink: #18222d; --quiet: #5a6a7a; --line: #dde3ea; --paper: #fff; --ground: #f4f6f8;
  --link: #0b5cad; --good: #1a7f4b; --good-soft: #e7f5ed; --bad: #b3261e; --bad-soft: #fdecea;
  --waiting: #9a6700; --waiting-soft: #fdf4dc; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --quiet: #96a4b2; --line: #2c3742; --paper: #171e26; --ground: #0f141a;
  --link: #7db8f5; --good: #57c98b; --good-soft: #14291f; --bad: #ff8a80; --bad-soft: #33191a;
  --waiting: #e5b95b; --waiting-soft: #2c2413; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
.kicker { color: var(--quiet); margin: 0; font-size: 13px; letter-spacing: .02em; }
code { font: 12.5px/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
"""
_PAPER = """@media print { :root { color-scheme: light; --ink: #000; --quiet: #444; --line: #bbb; --paper: #fff; --ground: #fff;
  --link: #000; --good: #14653b; --good-soft: #fff; --bad: #9b1c15; --bad-soft: #fff; --waiting: #7a5200; --waiting-soft: #fff; }
  main { max-width: none; padding: 0; } h2 { break-after: avoid; } @page { margin: 16mm; } }
"""


def page(title: str, rules: str, body: str) -> str:
    """A template of a page: its title, the style rules of its own, and what stands in its `main`."""
    head = f"{_HEAD}<title>{title}</title>\n<style>\n{_SCREEN}{rules}{_PAPER}</style>\n</head>\n"
    return f"{head}<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
