"""The same as Dagster Components: governed models named in YAML, for projects that are laid out with `dg`.

```yaml
type: lifecycle.component.GovernedModelComponent
attributes:
  declaration: assets.credit.model:CREDIT
  runs_on: local
```

One of these for each model, and for a whole project one `lifecycle.component.AuditComponent` for the lineage exports.
"""

import importlib

import dagster as dg

from lifecycle.declaration import GovernedModel
from lifecycle.definitions import anchoring_definitions, audit_definitions, model_definitions, runs_on_named, where_runs_run
from lifecycle.errors import InvalidDeclaration
from lifecycle.wiring import Departments


class GovernedModelComponent(dg.Component, dg.Model, dg.Resolvable):
    """The assets, jobs, schedules and sensors of one declared model."""

    #: Where the declaration stands: `package.module:NAME`.
    declaration: str
    #: Which module of the project's `resources/` says where runs run.
    runs_on: str = "local"

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        runs_on = runs_on_named(self.runs_on)
        return dg.Definitions.merge(model_definitions(self.declared(), runs_on), where_runs_run(runs_on))

    def declared(self) -> GovernedModel:
        """The declaration itself. Raises InvalidDeclaration where the reference names none."""
        module, _, name = self.declaration.partition(":")
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError as error:
            raise InvalidDeclaration(f"There is no module {module!r} ({error}).", "Write package.module:NAME.") from error
        if not isinstance(found, GovernedModel):
            raise InvalidDeclaration(f"{self.declaration!r} is not a GovernedModel.", "Name one, such as assets.credit.model:CREDIT.")
        return found


class AuditComponent(dg.Component, dg.Model, dg.Resolvable):
    """The exports that are about the whole ledger: once in a project, however many models it has."""

    #: Which module of the project's `resources/` says where runs run.
    runs_on: str = "local"

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        runs_on = runs_on_named(self.runs_on)
        anchoring = anchoring_definitions(runs_on, Departments.here().anchors.schedule)
        return dg.Definitions.merge(audit_definitions(runs_on), anchoring, where_runs_run(runs_on))
