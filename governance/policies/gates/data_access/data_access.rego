# METADATA
# title: Data access
# description: May a model be trained on exactly this dataset, for this purpose, under this jurisdiction?
package gov.data_access

import data.gov.lib.limits
import data.gov.lib.verdict

# METADATA
# entrypoint: true
# custom:
#   applies: [gov.data_access]
decision := verdict.answer("data_access", passed, found, [], [])

# METADATA
# title: The evidence is about exactly this dataset
# description: The evidence is about another dataset.
# custom:
#   rule: DAT-001
#   severity: critical
#   controls: [EU-AI-ACT-10, EU-AI-ACT-12]
#   fix: Ingest the dataset again.
passed contains "DAT-001" if {
	is_string(input.subject.digest)
	input.evidence.dataset_digest == input.subject.digest
}

found contains finding("DAT-001", "dataset", input.evidence.dataset_digest, input.subject.digest)

# METADATA
# title: The contract holds
# description: The data breaks its contract.
# custom:
#   rule: DAT-002
#   severity: critical
#   controls: [EU-AI-ACT-10]
#   fix: See the failing rows in the ledger, and correct them at the source.
passed contains "DAT-002" if input.evidence.contract_passed == true

# METADATA
# title: The data may be used for this purpose
# description: The data was not given for this purpose.
# custom:
#   rule: DAT-003
#   severity: critical
#   controls: [EU-AI-ACT-10]
#   fix: Have the data's owner permit the purpose in its declaration, or use other data.
passed contains "DAT-003" if {
	count(input.target.purpose) > 0
	input.target.purpose in input.evidence.purposes
}

found contains finding("DAT-003", "purpose", input.target.purpose, input.evidence.purposes)

# METADATA
# title: The data may be used in this jurisdiction
# description: The data may not be used in this jurisdiction.
# custom:
#   rule: DAT-004
#   severity: critical
#   controls: [EU-AI-ACT-10]
#   fix: Use data of the jurisdiction, or have its owner permit it in its declaration.
passed contains "DAT-004" if {
	count(input.target.jurisdiction) > 0
	input.target.jurisdiction in input.evidence.regions
}

found contains finding("DAT-004", "jurisdiction", input.target.jurisdiction, input.evidence.regions)

# METADATA
# title: The licence permits it
# description: The licence of the data is not one that is known to permit training.
# custom:
#   rule: DAT-005
#   severity: critical
#   controls: [EU-AI-ACT-10]
#   fix: Use data under a known licence, or have the licence read and added here.
passed contains "DAT-005" if input.evidence.licence in permitted_licences

found contains finding("DAT-005", "licence", input.evidence.licence, permitted_licences)

# SPDX identifiers, and `internal` for data that the organisation owns.
permitted_licences := {"MIT", "Apache-2.0", "BSD-3-Clause", "CC0-1.0", "CC-BY-4.0", "PDDL-1.0", "ODC-By-1.0", "internal"}

# METADATA
# title: Personal data is classified as such
# description: The data holds personal data and is classified as if it did not.
# custom:
#   rule: DAT-006
#   severity: critical
#   controls: [EU-AI-ACT-10]
#   fix: Classify the data as confidential or personal in its declaration.
passed contains "DAT-006" if {
	input.evidence.contains_personal_data == false
	input.evidence.classification in {"public", "internal", "confidential", "personal"}
}

passed contains "DAT-006" if {
	input.evidence.contains_personal_data == true
	input.evidence.classification in {"confidential", "personal"}
}

found contains finding("DAT-006", "classification", input.evidence.classification, ["confidential", "personal"])

# METADATA
# title: There are enough rows
# description: There are too few rows to learn from and to judge on.
# custom:
#   rule: DAT-007
#   severity: high
#   controls: [EU-AI-ACT-10]
#   fix: Collect more rows.
passed contains "DAT-007" if input.evidence.rows >= limits.values.dataset_rows_least

found contains finding("DAT-007", "rows", input.evidence.rows, limits.values.dataset_rows_least)

# METADATA
# title: No feature knows the answer
# description: A single feature tells the target almost by itself.
# custom:
#   rule: DAT-008
#   severity: critical
#   controls: [EU-AI-ACT-10]
#   fix: Find out when the named column is filled; drop it where that is after the outcome.
passed contains "DAT-008" if {
	count(input.evidence.leaking_columns) == 0
	input.evidence.largest_single_feature_auc >= 0
	input.evidence.largest_single_feature_auc <= limits.values.single_feature_auc_most
}

found contains finding("DAT-008", "single-feature AUC", input.evidence.largest_single_feature_auc, limits.values.single_feature_auc_most)

found contains finding("DAT-008", column, "leaks", "") if some column in input.evidence.leaking_columns

# METADATA
# title: Few rows stand twice
# description: Too many rows stand more than once.
# custom:
#   rule: DAT-009
#   severity: high
#   controls: [EU-AI-ACT-10]
#   fix: Find out why the source repeats rows.
passed contains "DAT-009" if {
	input.evidence.duplicate_share >= 0
	input.evidence.duplicate_share <= limits.values.duplicate_share_most
}

found contains finding("DAT-009", "share of rows", input.evidence.duplicate_share, limits.values.duplicate_share_most)

# METADATA
# title: Few labels look flipped
# description: Too many labels disagree with those of their neighbours, as they do where labels were poisoned.
# custom:
#   rule: DAT-010
#   severity: high
#   controls: [EU-AI-ACT-10, EU-AI-ACT-15]
#   fix: Compare the labels with the source's record of who changed them.
passed contains "DAT-010" if {
	input.evidence.label_flip_share >= 0
	input.evidence.label_flip_share <= limits.values.label_flip_share_most
}

found contains finding("DAT-010", "share of rows", input.evidence.label_flip_share, limits.values.label_flip_share_most)

finding(rule, subject, observed, limit) := {
	"rule": rule,
	"subject": subject,
	"observed": json.marshal(observed),
	"limit": json.marshal(limit),
}
