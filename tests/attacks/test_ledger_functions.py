"""Attack: who owns a Postgres ledger puts other functions in the place of those that append."""

from __future__ import annotations

import pytest

from lifecycle.errors import LifecycleError, Tampered
from lifecycle.ledger.ledger import Ledger
from tests.ledger.happenings import ORIGIN, happening
from tests.ledger.places import POSTGRES_ONLY
from tests.ledger.victim import Victim, said

pytestmark = POSTGRES_ONLY

REPLACE = "ALTER FUNCTION ledger_append(bytea[]) RENAME TO genuine; CREATE FUNCTION ledger_append(entries bytea[]) RETURNS bytea "
#: What it writes, and what it says that it wrote.
WRITES_SOMETHING_ELSE = (
    REPLACE + "LANGUAGE sql AS $$ SELECT genuine(array_agg(attacker.edited(entry, 'lost', 'fine') ORDER BY place)) "
    "FROM unnest(entries) WITH ORDINALITY AS e(entry, place) $$"
)
WRITES_NOTHING = REPLACE + "LANGUAGE sql AS $$ SELECT frontier FROM head $$"
SAYS_ONE_THING_AND_WRITES_ANOTHER = (
    REPLACE + "LANGUAGE plpgsql AS $$ DECLARE said bytea; BEGIN said := genuine(entries); "
    "UPDATE events SET stored = attacker.edited(stored, 'lost', 'fine') WHERE leaf_index = (SELECT max(leaf_index) FROM events); "
    "RETURN said; END $$"
)


@pytest.mark.parametrize("script", [WRITES_SOMETHING_ELSE, WRITES_NOTHING])
def test_a_server_that_writes_something_else_is_found_at_once(victim: Victim, script: str) -> None:
    """The head that comes back is not over what was sent: the append is refused, and nothing of it stands."""
    victim.place.tamper(script)
    with Ledger.open(victim.url, origin=ORIGIN) as ledger, pytest.raises(Tampered, match="its functions were changed"):
        ledger.append(happening(99))
    assert victim.place.fetch("SELECT count(*) FROM events") == [(12,)]
    result = victim.verify()
    assert (result.ok, result.level) == (True, "L2"), said(result)


def test_a_server_that_says_one_thing_and_writes_another_is_found_by_verification_and_the_signer(victim: Victim) -> None:
    """What can't be seen at the append shows in the bytes: at L0, by record, and the signer signs nothing over them."""
    victim.place.tamper(SAYS_ONE_THING_AND_WRITES_ANOTHER)
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        receipt = ledger.append(happening(99))
        with pytest.raises(LifecycleError):
            ledger.stored(receipt.index)
    result = victim.verify()
    assert result.level == "none"
    assert [finding.index for finding in result.findings] == [receipt.index]
    with pytest.raises(Tampered, match="not what its records hash to"):
        victim.sign()
