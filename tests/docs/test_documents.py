"""What the documents say is so: links lead somewhere, lists are complete, commands exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from lifecycle.cli.main import VERBS
from lifecycle.declaration import GovernedModel
from lifecycle.records.bodies import BODIES
from lifecycle.records.rollout import Guardrail, GuardrailKind, RolloutPlan, Strategy
from lifecycle.records.states import TRANSITIONS, State

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(REPOSITORY)
    for pattern in ("*.md", "docs/**/*.md", "deployments/**/*.md", "assets/**/*.md", "bench/*.md")
    for path in REPOSITORY.glob(pattern)
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def text_of(page: str | Path) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def first_column(page: str) -> set[str]:
    """The code words in the first column of a page's tables."""
    return {word for row in re.findall(r"^\| (.*?) \|", text_of(page), re.MULTILINE) for word in re.findall(r"`([^`]+)`", row)}


def words_of_tables(page: str) -> set[str]:
    """Every code word of a page's tables."""
    return {word for row in re.findall(r"^\|.*\|$", text_of(page), re.MULTILINE) for word in re.findall(r"`([^`]+)`", row)}


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    """Files that are linked exist, and so do the headings."""
    broken = []
    for target in LINK.findall(FENCE.sub("", text_of(page))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (REPOSITORY / page.parent / name).resolve() if name else REPOSITORY / page
        if not found.exists() or (anchor and anchor not in anchors(found.relative_to(REPOSITORY))):
            broken.append(target)
    assert not broken


def test_every_page_of_the_book_is_in_its_contents() -> None:
    """No page can only be found by those who know that it is there."""
    listed = {(REPOSITORY / "docs" / target.partition("#")[0]).resolve() for target in LINK.findall(text_of("docs/README.md"))}
    pages = {
        path.resolve()
        for folder in ("tutorial", "how-to", "reference", "explanation")
        for path in (REPOSITORY / "docs" / folder).glob("*.md")
    }
    assert pages <= listed


def test_decisions_are_numbered_without_gaps_and_say_what_they_cost() -> None:
    """0001, 0002, …: each with the question, what was weighed, the decision and its costs, and each in the list."""
    decisions = sorted((REPOSITORY / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    contents = text_of("docs/adr/README.md")
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        for part in ("Status:", "## The question", "## What was weighed", "## Decision", "## What it costs"):
            assert part in text, f"{path.name} lacks {part}"
        assert path.name in contents


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md and pyproject.toml name the same packages."""
    project = tomllib.loads(text_of("pyproject.toml"))["project"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[\s\[<>=;~!]", requirement, maxsplit=1)[0].lower() for requirement in requirements}

    core, _, extras = text_of("docs/dependencies.md").partition("## Extras")
    told = set(re.findall(r"^\| ([a-z][a-z0-9-]*) \| ", core, re.MULTILINE)) - {"package"}
    assert told == names(project["dependencies"])
    told_extras = set(re.findall(r"^\| ([a-z]+) \| ([a-z][a-z0-9-]*) \| ", extras, re.MULTILINE)) - {("extra", "package")}
    assert told_extras == {(extra, name) for extra, wanted in project["optional-dependencies"].items() for name in names(wanted)}


def test_every_vendor_that_is_imported_is_asked_for() -> None:
    """What the library imports stands in pyproject.toml, and does not come along by chance."""
    import ast
    import sys
    from importlib.metadata import packages_distributions

    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    asked = [
        *project["dependencies"],
        *(name for extra in ("postgres", "kubernetes", "desk", "traces") for name in project["optional-dependencies"][extra]),
    ]
    wanted = {re.split(r"[\s\[<>=;~!]", requirement, maxsplit=1)[0].lower() for requirement in asked}
    imported = {
        name.partition(".")[0]
        for folder in ("lifecycle", "assets", "resources")
        for path in (REPOSITORY / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and node.level == 0
            else []
        )
    } - {"lifecycle", "assets", "resources"}
    distributions = packages_distributions()
    missing = {
        name
        for name in imported - sys.stdlib_module_names
        if not {found.lower().replace("_", "-") for found in distributions[name]} & wanted
    }
    assert not missing


def test_every_setting_is_documented() -> None:
    """Each LIFECYCLE_* variable that the code reads is in the reference, and nothing else is."""
    read = {
        name
        for folder in ("lifecycle", "resources", "assets", "tests/conftest.py", ".ci/run")
        for path in ([REPOSITORY / folder] if (REPOSITORY / folder).is_file() else (REPOSITORY / folder).rglob("*.py"))
        for name in re.findall(r"LIFECYCLE_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))
    }
    assert set(re.findall(r"LIFECYCLE_[A-Z_]*[A-Z]", text_of("docs/reference/settings.md"))) == read


def test_every_verb_is_documented() -> None:
    """The reference of the command line names each verb, and no other."""
    told = {entry.split()[0] for entry in first_column("docs/reference/command-line.md") if not entry.isdigit()}
    assert set(VERBS) <= told


def test_every_subcommand_is_documented() -> None:
    """Groups list all their commands in the reference."""
    import click

    from lifecycle.cli.main import lifecycle

    page = text_of("docs/reference/command-line.md")
    rows: dict[str, str] = {}
    for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE):
        verb = row.split("`")[1].split()[0]
        rows[verb] = f"{rows.get(verb, '')} {row}"
    for name in VERBS:
        command = lifecycle.get_command(click.Context(lifecycle), name)
        if isinstance(command, click.Group):
            assert set(command.list_commands(click.Context(command))) <= set(re.findall(r"[a-z-]+", rows[name])), name


def test_every_command_in_the_book_is_one_that_works() -> None:
    """Each `lifecycle …` that a page shows has a verb, commands and options that there are."""
    import shlex

    import click

    from lifecycle.cli.main import lifecycle

    wrong = []
    for page in PAGES:
        shown = re.findall(r"^ *(lifecycle [a-z].*)$|`(lifecycle [a-z][^`]*)`", text_of(page), re.MULTILINE)
        for line in (block or inline for block, inline in shown):
            words = shlex.split(line.replace("…", ""), comments=True)[1:]
            if words == ["VERB"] or not words:
                continue
            command: click.Command | None = lifecycle
            for word in words:
                if isinstance(command, click.Group) and not word.startswith("-"):
                    command = command.get_command(click.Context(command), word)
            known = {option for parameter in command.params for option in parameter.opts} if command else set()
            unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - known - {"--help"}
            if command is None or unknown:
                wrong.append((str(page), line, sorted(unknown)))
    assert not wrong


def test_the_readme_shows_the_declaration_as_it_is() -> None:
    """Every line of the form in the README stands in the credit model's declaration."""
    (shown,) = re.findall(r"```python\n(.*?)```", text_of("README.md"), re.DOTALL)
    declared = text_of("assets/credit/model.py").splitlines()
    assert [line for line in shown.splitlines() if "…" not in line and line not in declared] == []


def test_every_event_and_state_is_documented() -> None:
    """The reference of records lists each type of event and each state, and no other."""
    events, _, states = text_of("docs/reference/records.md").partition("## States")
    assert set(re.findall(r"^\| `([A-Za-z]+)` \|", events, re.MULTILINE)) == set(BODIES)
    assert set(re.findall(r"^\| `([a-z_]+)` \|", states, re.MULTILINE)) == set(get_args(State))


def test_the_ways_out_of_each_state_are_documented() -> None:
    """The reference of records names the events by which each state is left, and no other."""
    _, _, states = text_of("docs/reference/records.md").partition("## States")
    told = {row[0]: set(re.findall(r"`(\w+)`", row[1])) for row in re.findall(r"^\| `([a-z_]+)` \|[^|]*\|(.*)\|$", states, re.MULTILINE)}
    left = {
        state: {happened.partition(":")[0] for (before, happened), after in TRANSITIONS.items() if before == state != after}
        for state in told
    }
    assert told == left


def test_every_floor_of_the_house_is_told() -> None:
    """The page on the house names each layer that the contracts know, but for those that there need not be."""
    (layers,) = re.findall(r"^layers =\n((?: +.*\n)+)", text_of(".importlinter"), re.MULTILINE)
    floors = {floor for floor in re.findall(r"[a-z_()]+", layers) if not floor.startswith("(")}
    assert floors <= words_of_tables("docs/explanation/the-house.md")


def test_every_field_of_the_declaration_is_documented() -> None:
    """The form and its reference have the same fields, the rollout's, its strategies and its guardrails included."""
    of_model, _, rest = text_of("docs/reference/declaration.md").partition("## The rollout")
    of_rollout, _, of_guardrails = rest.partition("## The guardrails")
    assert set(re.findall(r"^\| `([a-z_]+)` \|", of_guardrails, re.MULTILINE)) == set(Guardrail.model_fields)
    assert set(re.findall(r"^\| `\"([a-z_]+)\"` \|", of_guardrails, re.MULTILINE)) == set(get_args(GuardrailKind))
    assert set(re.findall(r"^\| `([a-z_]+)` \|", of_model, re.MULTILINE)) == set(GovernedModel.model_fields)
    named = set(re.findall(r"^\| `([a-z_]+)` \|", of_rollout, re.MULTILINE))
    assert named == {*RolloutPlan.model_fields, *get_args(Strategy)}


def test_every_target_that_the_documents_name_exists() -> None:
    """`make X` in a document is a target of the Makefile, and each target explains itself."""
    makefile = text_of("Makefile")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    explained = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert targets == explained
    named = {target for page in PAGES for target in re.findall(r"`make ([a-z-]+)", text_of(page))}
    assert named <= targets


def test_make_alone_explains_every_target() -> None:
    """`make` runs nothing and lists each target with what it does."""
    import subprocess

    shown = subprocess.run(["make", "--no-print-directory"], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60).stdout
    targets = re.findall(r"^([a-z-]+):.*## (.*)$", text_of("Makefile"), re.MULTILINE)
    assert targets
    for target, what in targets:
        assert re.search(rf"^  {target} +{re.escape(what)}$", shown, re.MULTILINE)


def test_no_target_deletes_a_home() -> None:
    """What running made is never wiped by the way: no line that removes something names a home, or looks into one."""
    removing = [line for line in text_of("Makefile").splitlines() if re.search(r"\brm\b|-delete\b", line)]
    searching = [line for line in removing if "find ." in line]
    assert [line for line in removing if "LIFECYCLE_HOME" in line or (".lifecycle" in line and line not in searching)] == []
    assert [line for line in searching if "-not -path './.lifecycle/*'" not in line] == []
    assert searching


def test_every_bench_that_the_readme_quotes_exists() -> None:
    """`python -m bench.X` is a module of bench/."""
    quoted = re.findall(r"python -m bench\.([a-z_]+)", text_of("README.md"))
    assert quoted
    for name in quoted:
        assert (REPOSITORY / "bench" / f"{name}.py").is_file()


def test_the_declaration_of_the_credit_model_is_a_form() -> None:
    """At most sixty lines, which is what the README promises a team."""
    assert len(text_of("assets/credit/model.py").splitlines()) <= 60


def test_the_changelog_knows_every_schema_version() -> None:
    """Each schema version that a record writes is in the changelog."""
    written = {
        version
        for path in (REPOSITORY / "lifecycle" / "records").rglob("*.py")
        for version in re.findall(r'schema_version: Literal\["([^"]+)"\]', path.read_text(encoding="utf-8"))
    }
    assert written <= set(re.findall(r"`([a-z]+\.[a-z-]+/\d+)`", text_of("CHANGELOG.md")))
