"""The tiers of access: how much one application may ask, declared in governance/access.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from lifecycle.errors import InvalidDeclaration, UnknownName
from lifecycle.records.access import Quota
from lifecycle.records.documents import parse_yaml
from lifecycle.records.record import Name, Record, describe


class AccessTiers(Record):
    """Quotas by the name of their tier."""

    schema_version: Literal["lifecycle.access-tiers/1"]
    tiers: dict[Name, Quota] = Field(min_length=1)

    @classmethod
    def load(cls, path: Path) -> AccessTiers:
        """The tiers in a YAML file. Raises InvalidDeclaration that names the file, the field and what is allowed."""
        fix = (
            f"Write {path.name} with its `schema_version` (lifecycle.access-tiers/1) and `tiers:`, "
            "each with its `requests_per_minute`, `rows_per_day` and `concurrent`."
        )
        try:
            return cls.model_validate_json(json.dumps(parse_yaml(path.read_text(encoding="utf-8"), str(path))))
        except OSError as error:
            raise InvalidDeclaration(f"The tiers of access can't be read from {path}: {error.strerror}.", fix) from error
        except UnicodeDecodeError as error:
            raise InvalidDeclaration(f"The tiers of access can't be read from {path}: it is not UTF-8.", fix) from error
        except ValidationError as error:
            raise InvalidDeclaration(f"The tiers of access in {path} are not declared well: {describe(error)}.", fix) from error

    @classmethod
    def of_project(cls, project: Path) -> AccessTiers:
        """The tiers that a project declares; raises like `load`."""
        return cls.load(project / "governance" / "access.yaml")

    def quota(self, tier: str) -> Quota:
        """Raises UnknownName that lists the tiers that there are."""
        if tier not in self.tiers:
            raise UnknownName(f"There is no tier {tier!r}.", f"governance/access.yaml has {', '.join(sorted(self.tiers))}.")
        return self.tiers[tier]
