"""Groups of verbs that are imported on use: what a verb needs is loaded when it is called and not before."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click


class Verb(NamedTuple):
    """One verb: the section of the help that it stands in, its module under `lifecycle.cli`, and what it does in one line."""

    section: str
    module: str
    summary: str


class VerbGroup(click.Group):
    """A group whose help is written from its table of verbs alone.

    A verb's module defines a click command or group that goes by the verb's own name, with underscores for hyphens.
    """

    def __init__(self, *arguments: Any, verbs: Mapping[str, Verb], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = self.verbs.get(cmd_name)
        if verb is None:
            return None
        command = getattr(importlib.import_module(f"lifecycle.cli.{verb.module}"), cmd_name.replace("-", "_"))
        if not isinstance(command, click.Command):
            raise TypeError(f"lifecycle.cli.{verb.module}.{cmd_name} must be a click command")
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that was called; a misspelt one gets the nearest as a hint."""
        if args and args[0] not in self.verbs and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.verbs, n=1)
            hint = f"Did you mean `{ctx.command_path} {near[0]}`?" if near else f"`{ctx.command_path} --help` lists the verbs."
            raise click.UsageError(f"There is no verb {args[0]!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in dict.fromkeys(verb.section for verb in self.verbs.values()):
            with formatter.section(section):
                formatter.write_dl([(name, verb.summary) for name, verb in self.verbs.items() if verb.section == section])
