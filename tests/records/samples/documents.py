"""One document of each kind."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from lifecycle.approvals.people import Delegation, Group, Key, Person, Registry
from lifecycle.features import Preprocessor
from lifecycle.features.columns import CategoryColumn, NumberColumn
from lifecycle.policy.bundle import BundleDocument
from lifecycle.records import manifest, rollout
from lifecycle.records.identity import derived_id
from lifecycle.records.prediction import PredictedOutput, Prediction
from lifecycle.records.recall import DifferingDecision, RecallList
from lifecycle.records.record import Record
from tests.records.samples.judging import EVIDENCE, PROMOTION, STATEMENT, decision
from tests.records.samples.parts import AT_US, DAY_US, DECLARED, PASSKEY, PASSKEY_PUBLIC, PLAN, RUN, of

#: A public key of Ed25519: the first test vector of RFC 8032.
PUBLIC = base64.b64encode(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")).decode()


def documents() -> Iterator[Record]:
    """What stands beside the ledger under its digest, or lies beside a gateway."""
    yield EVIDENCE
    yield STATEMENT
    yield decision("promotion", PROMOTION)
    yield DECLARED
    yield manifest.ModelManifest(
        model="credit",
        dataset_digest=of("dataset"),
        files=tuple(manifest.ManifestFile(part=part, path=path, digest=of(path), size=1_024) for part, path in manifest.FILE_NAMES.items()),
    )
    yield manifest.ModelSchemas(
        inputs=(
            manifest.InputColumn(name="income", kind="number", nullable=True),
            manifest.InputColumn(name="home", kind="category", nullable=False, categories=("owner", "rent")),
        ),
        positive="good",
        negative="bad",
        threshold=0.5,
    )
    yield manifest.TrainingRecipe(
        function="assets.credit.network:train_credit_network",
        options={"hidden": [64, 32]},
        seed=7,
        deterministic=True,
        device="cpu",
        precision="float32",
        epochs=30,
        dataset_digest=of("dataset"),
        code_commit="5b728f5",
        packages={"torch": "2.8.0"},
    )
    yield manifest.ModelSchemas(
        inputs=(
            manifest.InputColumn(name="income", kind="number", nullable=True, bounds=manifest.Bounds(least=0.0, most=10_000.0)),
            manifest.InputColumn(name="years", kind="number", nullable=False, bounds=manifest.Bounds(most=60.0)),
        ),
        positive="good",
        negative="bad",
        threshold=0.5,
    )
    yield Preprocessor(
        columns=(
            NumberColumn(name="income", median=125.0, mean=131.5, scale=80.25, clip=10.0, nullable=True, flags_missing=True),
            CategoryColumn(name="home", vocabulary=("owner", "rent"), nullable=False, unknown="bucket"),
        )
    )
    bounds = manifest.Bounds(least=0.0)
    yield Preprocessor(
        columns=(NumberColumn(name="income", median=1.0, mean=2.0, scale=3.0, nullable=False, flags_missing=False, bounds=bounds),)
    )
    yield BundleDocument(files={"policies/gates/promotion.rego": "package gov.promotion\n"})
    yield Registry(
        people={
            "rita": Person(
                id="rita",
                roles=("risk",),
                teams=("risk_office",),
                keys=(Key(id="rita-1", public=PUBLIC, from_us=AT_US, until_us=AT_US + DAY_US),),
            ),
            "sam": Person(id="sam"),
        },
        origin={"rita": "project", "sam": "home"},
        groups=(Group(id="officers", members=("rita",)),),
        delegations=(Delegation.model_validate({"from": "rita", "to": "sam", "from_us": AT_US}),),
    )
    passkey = Key(id="passkey-1", public=PASSKEY_PUBLIC, passkey=PASSKEY)
    yield Registry(people={"rita": Person(id="rita", keys=(passkey,))}, origin={"rita": "home"}, groups=(), delegations=())
    yield rollout.RolloutOrder(
        rollout_id=derived_id("rollout"),
        model="credit",
        version=2,
        digest=of("model 2"),
        environment="local",
        plan=PLAN,
        decision_id=derived_id("decision", "deployment"),
        proof=rollout.LedgerProof(
            index=5, leaf="e30=", path=("AAAA",), checkpoint="example.org/ledger\n6\nAAAA\n\n— example.org/ledger AAAA\n"
        ),
        signature_digest=of("signature"),
        run_id=RUN,
        ordered_at_us=AT_US,
        actor="ada",
    )
    answered = Prediction(
        id=derived_id("prediction"),
        at_us=AT_US,
        model="credit",
        version=1,
        model_digest=of("model 1"),
        decision_id=derived_id("decision", "deployment"),
        bundle_digest=of("bundle"),
        arm="champion",
        epoch=1_800_000_000_001,
        latency_us=412,
        outcome="answered",
        output=PredictedOutput(probability=0.8125, decision="good"),
        fallback_from=2,
        input_commitment=of("commitment"),
    )
    yield answered
    yield answered.model_copy(update={"arm": "shadow", "shadow_of": derived_id("prediction"), "fallback_from": None})
    yield answered.model_copy(update={"arm": "backup", "asked_model": "credit_large", "cached": True})
    told, now = PredictedOutput(probability=0.8125, decision="good"), PredictedOutput(probability=0.25, decision="bad")
    differing = DifferingDecision(prediction_id=answered.id, at_us=AT_US, told=told, now=now)
    yield RecallList(model="credit", version=2, digest=of("model 2"), by_version=6, by_digest=of("champion"), differing=(differing,))
