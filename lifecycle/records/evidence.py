"""What an evaluation found out about one version: the one document that gates, approvers and auditors read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lifecycle.records.record import Count, Digest, JsonObject, Name, Record, Share, Version, is_none

#: What is done to a row: its numbers move a little; some of its categories are others.
Disturbance = Literal["noise", "categories"]


class Measurement(Record):
    """A value with the interval that it lies in (95 %, bootstrap) and the number of rows behind it."""

    value: float
    low: float
    high: float
    n: Count


class SliceMetrics(Record):
    """The metrics of one group of rows. Below the declared minimum n they are absent, never a guess."""

    column: str
    group: str
    n: Count
    enough_data: bool
    metrics: dict[Name, Measurement]


class GroupRates(Record):
    """What one protected group experiences. A group that is too small has no rates and is never gated on."""

    group: str
    n: Count
    enough_data: bool
    selection_rate: Share | None
    true_positive_rate: Share | None
    false_positive_rate: Share | None


class Fairness(Record):
    """One protected attribute. `not_enough_data` means fewer than two groups reach the minimum n."""

    attribute: str
    minimum_n: Count
    verdict: Literal["measured", "not_enough_data"]
    groups: tuple[GroupRates, ...]
    demographic_parity_difference: Measurement | None
    demographic_parity_ratio: Measurement | None
    equalised_odds_difference: Measurement | None


class Parity(Record):
    """How far the bytes that serve are from the network that was trained, over these rows."""

    rows: Count
    largest_difference: float


class Comparison(Record):
    """One metric of candidate and champion on the same rows; `difference` is candidate minus champion, paired."""

    metric: Name
    candidate: Measurement
    champion: Measurement
    difference: Measurement


class SliceComparison(Record):
    column: str
    group: str
    n: Count
    enough_data: bool
    comparisons: tuple[Comparison, ...]


class AgainstChampion(Record):
    champion_version: Version
    champion_digest: Digest
    comparisons: tuple[Comparison, ...]
    slices: tuple[SliceComparison, ...] = ()


class ColumnDrift(Record):
    """PSI of one column, training rows against test rows."""

    column: str
    psi: float


class Disturbed(Record):
    """What one disturbance of the test rows does: the AUC on them less that on the rows as they are, paired.

    `strength`: of noise, in standard deviations of the training rows; of categories, the share of values that are drawn anew.
    """

    disturbance: Disturbance
    strength: Share
    auc_difference: Measurement
    decisions_changed: Share


class Evidence(Record):
    """The evidence document. Stored by digest; a decision and an approval name that digest."""

    schema_version: Literal["lifecycle.evidence/1"] = "lifecycle.evidence/1"
    model: Name
    version: Version
    model_digest: Digest
    dataset_digest: Digest
    rows: Count
    threshold: Share
    metrics: dict[Name, Measurement]
    baseline: dict[Name, Measurement]
    baseline_name: str
    slices: tuple[SliceMetrics, ...]
    fairness: tuple[Fairness, ...]
    parity: Parity
    drift: tuple[ColumnDrift, ...]
    against_champion: AgainstChampion | None
    #: None in evidence from before it was measured.
    robustness: tuple[Disturbed, ...] | None = Field(default=None, exclude_if=is_none)
    #: The Evidently report, as canonical JSON (the record) and as HTML (a view of it).
    report_json_digest: Digest
    report_html_digest: Digest
    #: The versions of the libraries and the method that the numbers come from.
    computed_with: JsonObject
