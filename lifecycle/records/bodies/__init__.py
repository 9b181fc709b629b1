"""The bodies of events, one file per stage of the life of a model. A body's class name is its event's type."""

from __future__ import annotations

from lifecycle.records.bodies.access import AccessGranted, AccessRevoked, RefusalsSealed
from lifecycle.records.bodies.body import Body
from lifecycle.records.bodies.data import DatasetIngested, DatasetRejected
from lifecycle.records.bodies.decisions import (
    ApprovalBarred,
    ApprovalGiven,
    ApprovalRefused,
    ApprovalRequested,
    DecisionMade,
    VersionExpired,
    VersionRetired,
    WaiverSigned,
)
from lifecycle.records.bodies.governors import (
    GovernanceChanged,
    GovernanceProposed,
    GovernanceSigned,
    KeyEnrolled,
    PersonEnrolled,
    SignatureBarred,
    SignInRefused,
)
from lifecycle.records.bodies.keeping import (
    BodiesPruned,
    LedgerRestored,
    LegalHoldPlaced,
    LegalHoldReleased,
    LogKeyRotated,
    SubjectErased,
)
from lifecycle.records.bodies.recalls import DecisionsRecalled
from lifecycle.records.bodies.reviews import GlassBroken, ReviewGiven
from lifecycle.records.bodies.revocations import ApprovalRevoked, KeyRevoked, VersionRevoked
from lifecycle.records.bodies.serving import (
    MonitoringReported,
    PredictionsSealed,
    RollbackRequested,
    RolledBack,
    RolloutAborted,
    RolloutCompleted,
    RolloutRequested,
    RolloutStepReached,
)
from lifecycle.records.bodies.training import ModelEvaluated, ModelTrained, TrainingFailed, TrainingStarted

#: Every type of event there is.
BODIES: dict[str, type[Body]] = {
    body.__name__: body
    for body in (
        DatasetIngested,
        DatasetRejected,
        TrainingStarted,
        ModelTrained,
        TrainingFailed,
        ModelEvaluated,
        DecisionMade,
        ApprovalRequested,
        ApprovalGiven,
        ApprovalRefused,
        ApprovalBarred,
        ApprovalRevoked,
        WaiverSigned,
        GlassBroken,
        ReviewGiven,
        VersionRevoked,
        VersionExpired,
        VersionRetired,
        RolloutRequested,
        RolloutStepReached,
        RolloutCompleted,
        RolloutAborted,
        RollbackRequested,
        RolledBack,
        MonitoringReported,
        PredictionsSealed,
        DecisionsRecalled,
        AccessGranted,
        AccessRevoked,
        RefusalsSealed,
        PersonEnrolled,
        KeyEnrolled,
        KeyRevoked,
        SignatureBarred,
        SignInRefused,
        GovernanceProposed,
        GovernanceSigned,
        GovernanceChanged,
        LogKeyRotated,
        SubjectErased,
        BodiesPruned,
        LegalHoldPlaced,
        LegalHoldReleased,
        LedgerRestored,
    )
}

__all__ = [
    "BODIES",
    "AccessGranted",
    "AccessRevoked",
    "ApprovalBarred",
    "ApprovalGiven",
    "ApprovalRefused",
    "ApprovalRequested",
    "ApprovalRevoked",
    "BodiesPruned",
    "Body",
    "DatasetIngested",
    "DatasetRejected",
    "DecisionMade",
    "DecisionsRecalled",
    "GlassBroken",
    "GovernanceChanged",
    "GovernanceProposed",
    "GovernanceSigned",
    "KeyEnrolled",
    "KeyRevoked",
    "LedgerRestored",
    "LegalHoldPlaced",
    "LegalHoldReleased",
    "LogKeyRotated",
    "ModelEvaluated",
    "ModelTrained",
    "MonitoringReported",
    "PersonEnrolled",
    "PredictionsSealed",
    "RefusalsSealed",
    "ReviewGiven",
    "RollbackRequested",
    "RolledBack",
    "RolloutAborted",
    "RolloutCompleted",
    "RolloutRequested",
    "RolloutStepReached",
    "SignInRefused",
    "SignatureBarred",
    "SubjectErased",
    "TrainingFailed",
    "TrainingStarted",
    "VersionExpired",
    "VersionRetired",
    "VersionRevoked",
    "WaiverSigned",
]
