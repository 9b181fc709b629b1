"""The Component: the same definitions, named in YAML."""

from __future__ import annotations

import dagster as dg
import pytest

from assets.credit.model import CREDIT
from lifecycle.component import AuditComponent, GovernedModelComponent
from lifecycle.errors import InvalidDeclaration

#: Another model of the same project.
LOANS = CREDIT.model_copy(update={"name": "loans"})


def test_a_model_named_in_yaml_gives_the_same_assets_as_its_declaration() -> None:
    """The component's assets are those of the project's definitions for that model."""
    component = GovernedModelComponent.resolve_from_yaml("declaration: assets.credit.model:CREDIT\n")
    definitions = dg.build_defs_for_component(component)
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert {"credit/dataset", "credit/deployment", "credit/rollback"} <= keys


def test_a_project_of_two_models_has_one_audit() -> None:
    """Two models and the audit exports, each a component, load together, run on one thing, and clash in nothing."""
    components = (
        GovernedModelComponent(declaration="assets.credit.model:CREDIT"),
        GovernedModelComponent(declaration=f"{__name__}:LOANS"),
        AuditComponent(),
    )
    together = dg.Definitions.merge(*(dg.build_defs_for_component(component) for component in components))
    dg.Definitions.validate_loadable(together)
    keys = {key.to_user_string() for key in together.resolve_asset_graph().get_all_asset_keys()}
    assert {"credit/dataset", "loans/dataset", "audit/lineage_export"} <= keys
    assert together.resolve_job_def("loans_deploy").executor_def is dg.in_process_executor


@pytest.mark.parametrize("reference", ["assets.credit.model:NOTHING", "assets.nothing:CREDIT", "assets.credit.data:APPLICATIONS"])
def test_a_reference_that_names_no_model_says_what_to_write(reference: str) -> None:
    """A wrong reference is an error in our words."""
    with pytest.raises(InvalidDeclaration):
        GovernedModelComponent(declaration=reference).declared()
