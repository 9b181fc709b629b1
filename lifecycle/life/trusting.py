"""The trust file of today: what an auditor carries off, to hold the ledger against it later."""

from __future__ import annotations

from lifecycle.life.anchoring import cosignature_lines, receipts
from lifecycle.life.signing import signed_now
from lifecycle.proofs.signature_lines import with_signatures
from lifecycle.proofs.trust import TrustedKey, TrustFile
from lifecycle.proofs.witness_policy import WitnessPolicy
from lifecycle.wiring import Departments


def trust_file(departments: Departments) -> TrustFile:
    """The log's keys and their sizes, the declared witnesses and authorities, and the ledger checkpoint of now.

    It is worth what it is worth when it is carried off: whoever gets it later from the same hands trusts those hands.
    """
    declared, note = departments.anchors, signed_now(departments)
    cosigned = with_signatures(note, cosignature_lines(receipts(departments), note, declared.policy.keys))
    keys = (TrustedKey(key=str(key), from_size=key.from_size, until_size=key.until_size) for key in departments.ledger_keys)
    policy = WitnessPolicy(witnesses=declared.policy.witnesses, groups=declared.policy.groups, quorum=declared.policy.quorum)
    return TrustFile(
        origin=departments.settings.origin,
        log_keys=tuple(keys),
        policy=str(policy),
        tsa_certificates=declared.certificates,
        checkpoints=(cosigned,),
    )
