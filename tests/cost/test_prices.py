"""The price table: what an hour of a device costs, and what has no price."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.cost.prices import DevicePrice, PriceTable
from lifecycle.errors import InvalidDeclaration

PROJECT = Path(__file__).parents[2]

TABLE = PriceTable(
    currency="EUR",
    devices={
        "cpu": DevicePrice(per_hour=0.2),
        "cuda": DevicePrice(per_hour=2.5),
        "cuda:NVIDIA H100": DevicePrice(per_hour=3.2),
    },
)


def written(folder: Path, text: str) -> Path:
    path = folder / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_table_of_this_project_prices_every_kind_of_device() -> None:
    """cpu, mps and a CUDA card by its full name each have a price in governance/prices.yaml."""
    table = PriceTable.load(PROJECT / "governance" / "prices.yaml")
    assert all(table.price(device).per_hour > 0.0 for device in ("cpu", "mps", "cuda:NVIDIA H100 80GB HBM3"))


def test_the_longest_entry_wins() -> None:
    """A card with an entry of its own has that price, any other card has the price of `cuda`."""
    assert TABLE.price("cuda:NVIDIA H100 80GB HBM3").per_hour == 3.2
    assert TABLE.price("cuda:NVIDIA L4").per_hour == 2.5
    assert TABLE.price("cuda").per_hour == 2.5


def test_an_entry_ends_where_a_word_ends() -> None:
    """`cuda:NVIDIA H100` does not price an H1000, and case does not count."""
    assert TABLE.price("cuda:NVIDIA H1000").per_hour == 2.5
    assert TABLE.price("CUDA:nvidia h100").per_hour == 3.2


def test_a_device_without_an_entry_has_no_price() -> None:
    """An unlisted device is an error that lists what is priced, never free."""
    with pytest.raises(InvalidDeclaration, match="'tpu' has no price") as raised:
        TABLE.cost("tpu", 60.0)
    assert "cpu, cuda" in raised.value.next_step


@given(seconds=st.floats(min_value=0.0, max_value=1e9), more=st.floats(min_value=0.0, max_value=1e9))
def test_the_cost_of_two_runs_is_the_sum_of_their_costs(seconds: float, more: float) -> None:
    """Cost is linear in time: splitting a run in two changes nothing."""
    whole, currency = TABLE.cost("cpu", seconds + more)
    assert whole == pytest.approx(TABLE.cost("cpu", seconds)[0] + TABLE.cost("cpu", more)[0])
    assert currency == "EUR"


def test_an_hour_costs_what_the_table_says() -> None:
    """3,600 seconds cost the price per hour."""
    assert TABLE.cost("cpu", 3_600.0) == (0.2, "EUR")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("currency: EUR\ndevices: {cpu: {per_hour: -1}}", "devices.cpu.per_hour"),
        ("currency: euro\ndevices: {cpu: {per_hour: 1}}", "currency"),
        ("currency: EUR\ndevices: {}", "devices"),
        ("currency: EUR\ndevices: {cpu: {per_hour: 1, free: true}}", "devices.cpu.free"),
        ("currency: EUR\ndevices: {cpu: {per_hour: '1'}}", "devices.cpu.per_hour"),
        ("currency: EUR\ndevices: {cpu: {per_hour: .nan}}", "devices.cpu.per_hour"),
        ("currency: EUR\ndevices: {cpu: {per_hour: 1}, cpu: {per_hour: 0}}", "'cpu' stands twice"),
        ("currency: EUR\ndevices: &all {cpu: {per_hour: 1}}\nmore: *all", "prices.yaml:3 is not YAML"),
        ("currency: [", "is not YAML that can be read"),
        ("", "the record"),
    ],
)
def test_a_wrong_table_names_the_file_and_the_field(tmp_path: Path, text: str, names: str) -> None:
    """Every way of declaring a table badly is an InvalidDeclaration that says where."""
    with pytest.raises(InvalidDeclaration) as raised:
        PriceTable.load(written(tmp_path, text))
    assert names in raised.value.what
    assert str(tmp_path) in raised.value.what


def test_a_missing_table_says_how_to_write_one(tmp_path: Path) -> None:
    """No file is an InvalidDeclaration whose next step shows the form."""
    with pytest.raises(InvalidDeclaration, match="no price table") as raised:
        PriceTable.load(tmp_path / "prices.yaml")
    assert "per_hour" in raised.value.next_step
