"""Model cards and dataset descriptions: what the field's own readers make of them, and that they say what the ledger says."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import UnknownName
from lifecycle.lineage.cards.croissant import croissant, rows_of
from lifecycle.lineage.cards.markdown import code, text
from lifecycle.lineage.cards.model_card import model_card
from lifecycle.records.bodies.keeping import ErasedRows, SubjectErased
from lifecycle.records.events import Subject
from lifecycle.records.record import Digest
from tests.lineage import in_memory, lives


@dataclass
class Artifacts:
    """Bytes by digest."""

    held: dict[Digest, bytes] = field(default_factory=dict)

    def read(self, digest: Digest, /) -> bytes:
        if digest not in self.held:
            raise UnknownName(f"There is no {digest}.", "Nothing.")
        return self.held[digest]


def card(version: int = 1, **chosen: Any) -> str:
    return model_card(lives.whole_life(), Artifacts(), "credit", version, **chosen).decode()


def test_hugging_face_reads_the_card() -> None:
    """Its library finds the metadata, and each metric with its value as a result on the test split."""
    from huggingface_hub import ModelCard

    read = ModelCard(card())
    data: Any = read.data
    assert data.library_name == "onnx"
    (result,) = data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_split) == ("roc_auc", 0.83, "test")
    assert result.metric_args["low"] == 0.80
    assert "## Intended use" in read.text


def test_a_card_is_written_from_the_records_alone() -> None:
    """The same ledger gives the same card, byte for byte."""
    assert card() == card()


@pytest.mark.parametrize(
    "said",
    [
        "State: **serving** in `local`.",
        "0.830 [0.800, 0.860]",
        "`credit_scoring`",
        "| `rita` | **approve** |",
        "**allow**",
        "rollout complete",
        in_memory.CHECKPOINT.splitlines()[2],
    ],
)
def test_a_card_says_what_the_ledger_says(said: str) -> None:
    """State, metrics with intervals, purpose, decisions, approvals, serving and the checkpoint."""
    assert said in card()


def test_a_denied_version_s_card_says_what_is_wrong_with_it() -> None:
    """The rules that it broke are its limitations."""
    limits = card(2).partition("## Bias, risks and limitations")[2].partition("\n## ")[0]
    assert "PRM-006 (high): the difference is too large" in limits


def test_a_card_tells_its_one_sentence_that_is_not_from_the_ledger() -> None:
    """The description is marked as the project's own words."""
    assert "A model. *(The project's words; the ledger does not hold them.)*" in card(description="A model.")


def test_a_version_that_there_is_not_has_no_card() -> None:
    """UnknownName, and not an empty card."""
    with pytest.raises(UnknownName, match="no credit:9"):
        card(9)


@given(st.text())
def test_no_word_of_a_record_is_markup(said: str) -> None:
    """Whatever a person wrote as a reason stays on its line, in its cell, and is no tag, link or code."""
    for drawn in (text(said), code(said)):
        assert "\n" not in drawn
        assert "|" not in drawn.replace("\\|", "")
    assert "<" not in text(said)
    assert "`" not in code(said)[1:-1]


def erased(ledger: in_memory.Ledger, left: Digest) -> None:
    rows = ErasedRows(dataset_digest=in_memory.DATASET, rows=(3,), remaining_digest=left)
    body = SubjectErased(erasure_id="erasure-1", reason="Asked to be forgotten.", openings=(), predictions=(), datasets=(rows,))
    ledger.add(body, Subject(kind="ledger", name="ledger"), event_id="erased-1")


def test_a_number_that_makes_no_list_stands_as_it_is() -> None:
    """A version above all: whoever copies it copies no backslash. What would begin a list is kept from it."""
    assert (text("2.4.6"), text("0.83"), text("2. one"), text("- one")) == ("2.4.6", "0.83", "2\\. one", "\\- one")


#: mlcroissant is asked in a process of its own: what it logs with takes hold of the streams of the process that imports it, and
#: closes them when logging is set up anew.
JUDGE = """
import json, logging, sys
told = []
class Told(logging.Handler):
    def emit(self, record):
        told.append(record.getMessage())
import mlcroissant
logging.getLogger().addHandler(Told(level=logging.WARNING))
dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
(records,) = dataset.metadata.record_sets
print(json.dumps({
    "told": told,
    "fields": [column.name for column in records.fields],
    "sha256": dataset.metadata.distribution[0].sha256,
    "ages": [row["row/age"] for row in dataset.records("row")] if sys.argv[2:] else None,
}))
"""


def judged(described: Path, *options: str) -> dict[str, Any]:
    """What mlcroissant makes of a description; `rows` has it load them as well."""
    ended = subprocess.run(
        [sys.executable, "-c", JUDGE, str(described), *options], capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def test_croissant_s_validator_takes_the_description(tmp_path: Path) -> None:
    """mlcroissant parses it without an error or a warning, and knows the columns."""
    described = tmp_path / "croissant.json"
    described.write_bytes(croissant(lives.whole_life(), None, "credit"))
    found = judged(described)
    assert found["told"] == []
    assert found["fields"] == ["age"]
    assert found["sha256"] == in_memory.DATASET.removeprefix("sha256:")


def test_croissant_s_reader_loads_the_rows_that_it_describes(tmp_path: Path) -> None:
    """After an erasure too: they come from the file that it names, in which neither salts nor subjects are."""
    import pandas as pd

    from lifecycle.data.columnar import parquet_bytes

    left = pd.DataFrame({"age": [41.0, 42.0], "row_salt": ["aa", "bb"], "row_subject": ["anna", "bert"]})
    content = parquet_bytes(left)
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    ledger, store = lives.whole_life(), Artifacts({digest: content})
    erased(ledger, digest)
    (tmp_path / "croissant.json").write_bytes(croissant(ledger, store, "credit"))
    (tmp_path / "dataset.parquet").write_bytes(rows_of(ledger, store, "credit"))
    assert list(pd.read_parquet(tmp_path / "dataset.parquet").columns) == ["age"]
    assert judged(tmp_path / "croissant.json", "rows")["ages"] == [41.0, 42.0]


def test_a_dataset_without_the_rows_of_somebody_says_so() -> None:
    """After an erasure the file described is what is left, and the record that erased is named."""
    ledger = lives.whole_life()
    left = in_memory.digest("what is left")
    erased(ledger, left)
    described = json.loads(croissant(ledger, None, "credit"))
    assert described["distribution"][0]["sha256"] == left.removeprefix("sha256:")
    assert f"by record {len(ledger.recorded) - 1} of the ledger" in described["description"]


def test_a_dataset_that_there_is_not_lists_those_that_there_are() -> None:
    """By digest, and by model."""
    with pytest.raises(UnknownName) as raised:
        croissant(lives.whole_life(), None, "credit", in_memory.digest("other"))
    assert in_memory.DATASET in raised.value.next_step
    with pytest.raises(UnknownName):
        croissant(lives.whole_life(), None, "churn")
