"""DatasetSpec: what a team declares about its data. Plain values, but for the contract's schema.

Declaring a dataset opens no file and imports neither pandas nor pandera: the definitions are loaded by
every run and every step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator

from lifecycle.records.form import Form
from lifecycle.records.record import Name, Share

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

    SchemaFactory = Callable[[], DataFrameSchema]
else:
    SchemaFactory = Callable

#: The columns that ingestion adds; a source can't have columns of these names. `row_id` is the number of the row in its dataset
#: version and in its source, from 0: it says nothing of the row, and means nothing in another version.
ROW_ID, SPLIT, PROTECTED_PREFIX = "row_id", "split", "protected_"
#: The columns of what opens the commitments of rows: never in a dataset version, and never a source's either.
ROW_SALT, ROW_SUBJECT = "row_salt", "row_subject"
RESERVED = (ROW_ID, SPLIT, ROW_SALT, ROW_SUBJECT)
#: The group of a row whose protected attribute is missing.
UNKNOWN_GROUP = "unknown"
#: The splits, in the order in which the unit interval is dealt out to them.
SPLIT_NAMES = ("train", "validation", "test")

Classification = Literal["public", "internal", "confidential", "personal"]
Text = Annotated[str, StringConstraints(min_length=1)]


class Source(Form):
    """Where the rows come from: a CSV (UTF-8, comma, one header row) or a Parquet file, by path or fsspec URL."""

    #: What records call it. A location may hold the name of a machine or a bucket, so it stays out of them.
    name: Text
    location: Text
    format: Literal["csv", "parquet"]
    #: The texts that mean "missing" in a CSV. Nothing else does: `NA` and `None` are values like any other.
    missing: tuple[str, ...] = ("",)

    @classmethod
    def beside(cls, module_file: str, name: str) -> Self:
        """A file that lies in the folder of the module that declares it: `Source.beside(__file__, "rows.csv")`."""
        return cls(
            name=name, location=str(Path(module_file).resolve().with_name(name)), format="parquet" if name.endswith(".parquet") else "csv"
        )


class Contract(Form):
    """What every row must be: a pandera schema over the source's columns, under a name that a person can ask for.

    The schema is made when it is first needed. Numbers arrive in it as float64, everything else as text.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: Text
    schema_factory: SchemaFactory


class Band(Form):
    """Groups of a number: below `edge`, and from `edge` on. A missing number makes the group `unknown`."""

    column: Text
    edge: float
    below: Text
    from_edge_on: Text

    def group_of(self, number: float | None) -> str:
        """The group of one number; None for one that is missing."""
        return UNKNOWN_GROUP if number is None else self.below if number < self.edge else self.from_edge_on


class SplitShares(Form):
    """The share of the rows of each split. By hash of the row's identity, so shares are met about, not exactly."""

    train: Share = 0.60
    validation: Share = 0.15
    test: Share = 0.25

    @model_validator(mode="after")
    def _is_everything(self) -> SplitShares:
        shares = (self.train, self.validation, self.test)
        if abs(sum(shares) - 1.0) > 1e-9 or min(shares) <= 0.0:
            raise ValueError(f"the shares of train, validation and test are {shares}; each must be over 0 and together they must be 1")
        return self


class DatasetSpec(Form):
    """The declaration of one dataset.

    Raises InvalidDeclaration that names the dataset, the field and what is allowed.
    """

    called: ClassVar[str] = "The dataset"
    mend: ClassVar[str] = "Correct the named fields in its data.py."

    name: Name
    source: Source
    contract: Contract
    target: Text
    #: The outcome that the model gives a probability of, and the other one.
    positive: Text
    negative: Text
    #: The features, in the order in which a caller sends them.
    numbers: tuple[Text, ...]
    categories: tuple[Text, ...]
    #: Groups that must not be treated worse: a text column of the source, or a band of a number.
    protected: dict[Name, Band | Text]
    #: The columns that tell one row from another. Rows that agree in all of them fall into one split. What is no
    #: number elsewhere in the declaration is read as text.
    identity: tuple[Text, ...] = Field(min_length=1)
    #: The column that says whom a row is about, such as a customer's number: what `lifecycle ledger erase` finds rows by. It is read as
    #: text, lies beside the rows where it can be erased, and is never a feature. None where the source has no such column.
    subject: Text | None = None
    licence: Text
    classification: Classification
    contains_personal_data: bool
    #: Where the rows may be used, and what for.
    regions: tuple[Text, ...] = Field(min_length=1)
    purposes: tuple[Name, ...] = Field(min_length=1)
    #: A feature that ranks the outcomes better than this, all by itself, knows the answer.
    leakage_limit: float = Field(default=0.95, gt=0.5, le=1.0)
    shares: SplitShares = SplitShares()

    @field_validator("numbers", "categories", "identity")
    @classmethod
    def _names_each_column_once(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({column for column in columns if columns.count(column) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands there twice")
        return columns

    @model_validator(mode="after")
    def _keeps_the_parts_apart(self) -> DatasetSpec:
        if not self.features:
            raise ValueError("numbers, categories: a dataset needs at least one feature")
        both = sorted(set(self.numbers) & set(self.categories))
        if both:
            raise ValueError(f"numbers, categories: {', '.join(both)} can't be both")
        if self.target in self.features:
            raise ValueError(f"target: {self.target!r} is a feature as well, so the model would be told the answer")
        if self.target in self.identity:
            raise ValueError(f"identity: {self.target!r} is the target; one row with two outcomes must stay in one split")
        if self.subject in (*self.features, self.target):
            raise ValueError(f"subject: {self.subject!r} is a feature or the target; whom a row is about is nothing to learn from")
        if self.positive == self.negative:
            raise ValueError(f"positive, negative: both are {self.positive!r}")
        groups = {group for group in self.protected.values() if isinstance(group, str)}
        mixed = sorted(set(self.source_numbers) & {self.target, *self.categories, *groups, *self._subject})
        if mixed:
            raise ValueError(f"protected, categories, subject: {', '.join(mixed)} is used as a number and as a text")
        reserved = sorted(column for column in self.source_columns if column in RESERVED or column.startswith(PROTECTED_PREFIX))
        if reserved:
            raise ValueError(f"{', '.join(reserved)}: these names are kept for the columns that ingestion adds")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that a model may look at."""
        return self.numbers + self.categories

    def groups_of(self, values: Mapping[str, Any]) -> dict[Name, str]:
        """The protected groups that one row belongs to, by attribute, from the values that a caller sent: those that features tell."""
        found = {}
        for name, group in self.protected.items():
            column = group.column if isinstance(group, Band) else group
            if column in self.features:
                sent = values.get(column)
                found[name] = group.group_of(sent) if isinstance(group, Band) else sent or UNKNOWN_GROUP
        return found

    @property
    def source_numbers(self) -> tuple[str, ...]:
        """The columns of the source that must hold numbers."""
        bands = (group.column for group in self.protected.values() if isinstance(group, Band))
        return tuple(dict.fromkeys((*self.numbers, *bands)))

    @property
    def source_texts(self) -> tuple[str, ...]:
        """The columns of the source that are read as text."""
        groups = (group for group in self.protected.values() if isinstance(group, str))
        named = (self.target, *self.categories, *groups, *self.identity, *self._subject)
        return tuple(column for column in dict.fromkeys(named) if column not in self.source_numbers)

    @property
    def source_columns(self) -> tuple[str, ...]:
        """Every column that is read from the source, and no other is."""
        return self.source_numbers + self.source_texts

    @property
    def _subject(self) -> tuple[str, ...]:
        return () if self.subject is None else (self.subject,)
