"""The marks that the plots are made of: SVG elements with escaped attributes, styled by class and never inline."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape


def element(tag: str, *inside: str, **attributes: str | float | None) -> Markup:
    """One element. `class_` writes class, an underscore in a name writes a hyphen, and None leaves the attribute out."""
    told = "".join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _written(value))
        for name, value in attributes.items()
        if value is not None
    )
    content = "".join(escape(part) for part in inside)
    return Markup(f"<{tag}{told}>{content}</{tag}>")


def drawing(
    width: float, height: float, parts: Iterable[str], *, class_: str, title: str = "", says: str = "", key: str = "", sized: bool = False
) -> Markup:
    """A whole picture that fills its place; one that is `sized` is never larger than it was drawn.

    With a title it is read out as one picture, `says` being its description; `key` keeps their ids apart on a page. Without a title it
    is hidden from screen readers: then the numbers stand beside it.
    """
    described: tuple[str, ...] = ()
    names: dict[str, str | float | None] = {"aria_hidden": "true"}
    if title:
        described = (element("title", title, id=f"{key}-title"), element("desc", says, id=f"{key}-desc"))
        names = {"role": "img", "aria_labelledby": f"{key}-title {key}-desc"}
    return element(
        "svg",
        *described,
        *parts,
        class_=f"plot {class_}",
        width=width if sized else None,
        height=height if sized else None,
        viewBox=f"0 0 {_written(width)} {_written(height)}",
        focusable="false",
        **names,
    )


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def text(x: float, y: float, said: str, class_: str, anchor: str = "middle") -> Markup:
    """A line of text that starts, ends or is centred at x."""
    return element("text", said, x=x, y=y, class_=class_, text_anchor=anchor)


def _written(value: str | float) -> str:
    """A number to a tenth of a unit: more is not seen, and less text is sent."""
    if isinstance(value, str):
        return value
    return f"{value:.1f}".removesuffix(".0")
