"""YAML that people write by hand, read as strictly as JSON.

Plain YAML takes the last of two equal keys, and reads 2026-01-01 as a date and `no` as false. Here a key that stands twice
is an error, dates stay text, and only `true` and `false` are booleans.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from lifecycle.errors import InvalidDeclaration

if TYPE_CHECKING:
    import yaml


def parse_yaml(text: str, source: str) -> JsonValue:
    """The JSON value that this YAML says. Raises InvalidDeclaration that names the source and the line."""
    import yaml

    try:
        value: JsonValue = yaml.load(text, _strict_loader())  # noqa: S506  # the loader is a SafeLoader that takes less
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}:{mark.line + 1}" if mark is not None else source
        raise InvalidDeclaration(f"{place} is not YAML that can be read: {error.problem}.", "Correct that line.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidDeclaration(f"{source} is not YAML that can be read: {error}.", "Correct the file.") from error
    return value


@cache
def _strict_loader() -> type[yaml.SafeLoader]:
    import re

    import yaml

    class StrictLoader(yaml.SafeLoader):
        """A SafeLoader without dates, aliases, merges, the other words for true and false, and keys that stand twice."""

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                place = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it untyped
                raise yaml.composer.ComposerError(None, None, "an alias stands for what is written elsewhere", place)
            return super().compose_node(parent, index)

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen: set[str] = set()
            for key, _ in node.value:
                if key.tag != "tag:yaml.org,2002:str":
                    raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} is not a text", key.start_mark)
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands twice", key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    json_tags = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map")}
    StrictLoader.yaml_constructors = {
        tag: construct for tag, construct in yaml.SafeLoader.yaml_constructors.items() if tag is None or tag in json_tags
    }
    kept = json_tags - {"tag:yaml.org,2002:bool"}
    StrictLoader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in kept]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
    return StrictLoader
