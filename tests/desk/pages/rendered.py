"""The desk's templates without the desk: what a page says to somebody, as HTML that a test can ask."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import lifecycle.desk
from lifecycle.desk.pages.filters import FILTERS

TEMPLATES = Path(lifecycle.desk.__file__).parent / "templates"
STATIC = TEMPLATES.parent / "static"
#: Elements that have no end.
VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


class Element:
    """One element of a page."""

    def __init__(self, tag: str, attributes: dict[str, str], above: Element | None) -> None:
        self.tag, self.attributes, self.above = tag, attributes, above
        self.inside: list[Element | str] = []

    @property
    def says(self) -> str:
        """The text in it, its blanks drawn together."""
        return " ".join("".join(part if isinstance(part, str) else f" {part.says} " for part in self.inside).split())

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """Every element below with this tag and these attributes (`class_` asks for one of the classes)."""
        return [
            one for one in self._below() if (not tag or one.tag == tag) and all(one.has(name, value) for name, value in attributes.items())
        ]

    def one(self, tag: str = "", **attributes: str) -> Element:
        """The one such element."""
        (found,) = self.all(tag, **attributes)
        return found

    def has(self, name: str, value: str) -> bool:
        found = self.attributes.get(name.rstrip("_").replace("_", "-"))
        return found is not None and (value in found.split() if name == "class_" else found == value)

    def _below(self) -> Iterator[Element]:
        for part in self.inside:
            if isinstance(part, Element):
                yield part
                yield from part._below()


class _Reader(HTMLParser):
    """Reads strictly: an element that is not ended, or ended twice, is a mistake in a template."""

    def __init__(self) -> None:
        super().__init__()
        self.page = self._open = Element("page", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of {tag} stands twice"
        found = Element(tag, {name: value or "" for name, value in attrs}, self._open)
        self._open.inside.append(found)
        if tag not in VOID:
            self._open = found

    def handle_endtag(self, tag: str) -> None:
        assert self._open.tag == tag, f"</{tag}> ends <{self._open.tag}>"
        assert self._open.above is not None
        self._open = self._open.above

    def handle_data(self, data: str) -> None:
        self._open.inside.append(data)


def read(html: str) -> Element:
    """A page from its HTML, which must be well formed."""
    reader = _Reader()
    reader.feed(html)
    assert reader._open is reader.page, f"<{reader._open.tag}> is not ended"
    return reader.page


def rendered(template: str, path: str, *, who: str = "rita", roles: tuple[str, ...] = ("risk",), **context: Any) -> Element:
    """A page as this person would be shown it."""
    return read(html_of(template, path, who=who, roles=roles, **context))


def html_of(template: str, path: str, *, who: str = "rita", roles: tuple[str, ...] = ("risk",), **context: Any) -> str:
    """The same as text."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FileSystemLoader(TEMPLATES)
    )
    environment.filters |= FILTERS
    return environment.get_template(template).render(
        visitor=SimpleNamespace(person=who, display_name="", roles=roles),
        environment="local",
        request=SimpleNamespace(url=SimpleNamespace(path=path)),
        csrf_field=Markup('<input type="hidden" name="csrf" value="token">'),
        static=lambda name: f"/static/{name}",
        **context,
    )
