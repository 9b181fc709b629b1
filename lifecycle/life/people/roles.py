"""The roles that something here goes by: one that is misspelt gives nobody anything, and nobody would know."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from lifecycle.errors import InvalidDeclaration
from lifecycle.life import revocation
from lifecycle.life.access import signed_access
from lifecycle.life.gates import waivers
from lifecycle.life.people import governing, known_reviews
from lifecycle.records.record import Name
from lifecycle.wiring import Departments

#: Whoever holds one of these may do something whatever the policies say: sign a waiver, review, take back, grant access, govern.
ALWAYS: frozenset[Name] = frozenset(
    (
        waivers.ROLE,
        governing.ROLE,
        *signed_access.ROLES,
        *(role for roles in known_reviews.ROLES.values() for role in roles),
        *(role for roles in revocation.ROLES.values() for role in roles),
    )
)
#: A word that a policy compares with something.
_QUOTED = re.compile(r'"([a-z][a-z0-9_]*)"')


def require_meant(departments: Departments, roles: Iterable[str]) -> None:
    """Raises InvalidDeclaration, with the nearest that does, where a role is one that nothing here goes by: neither the steps of a life
    nor a word of any policy in governance/."""
    strangers = [role for role in roles if role not in ALWAYS]
    if not strangers:
        return
    known = ALWAYS | _words_of_policies(departments)
    for role in strangers:
        if role not in known:
            near = difflib.get_close_matches(role, sorted(ALWAYS), n=1) or difflib.get_close_matches(role, sorted(known), n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise InvalidDeclaration(
                f"Nothing here goes by the role {role!r}.",
                f"{hint}The roles are {', '.join(sorted(ALWAYS))}, and any that a rule in governance/policies names.",
            )


def _words_of_policies(departments: Departments) -> frozenset[str]:
    from lifecycle.policy.bundle import Bundle

    modules = Bundle.load(departments.settings.project / "governance").modules
    return frozenset(word for text in modules.values() for word in _QUOTED.findall(text))
