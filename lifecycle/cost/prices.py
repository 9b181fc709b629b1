"""The price table: what an hour of each device costs, declared in governance/prices.yaml.

A device goes by the name that training meters it under: `cpu`, `mps`, or `cuda:` and the name of the card. An entry
prices every device whose name begins with it, and the longest such entry wins, so that `cuda` is the price of a card that
nobody listed and `cuda:NVIDIA H100` that of one card. A device without an entry has no price: free by oversight is not a price.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.documents import parse_yaml
from lifecycle.records.record import Record, describe

SECONDS_IN_AN_HOUR = 3_600.0


class DevicePrice(Record):
    """What one device costs for one hour of being held, busy or not, and what that price stands for."""

    per_hour: float = Field(ge=0.0)
    basis: str = ""


class PriceTable(Record):
    """Prices per device in one currency (ISO 4217)."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    devices: dict[str, DevicePrice] = Field(min_length=1)

    @classmethod
    def load(cls, path: Path) -> PriceTable:
        """The table in a YAML file. Raises InvalidDeclaration that names the file, the field and what is allowed."""
        fix = f"Write {path.name} as `currency: EUR` and `devices:` with `cpu: {{per_hour: 0.20}}` and so on."
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise InvalidDeclaration(f"There is no price table at {path}.", fix) from error
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidDeclaration(f"The price table {path} can't be read: {error}.", fix) from error
        try:
            return cls.model_validate(parse_yaml(text, str(path)))
        except ValidationError as error:
            raise InvalidDeclaration(f"The price table {path} is not declared well: {describe(error)}.", fix) from error

    def price(self, device: str) -> DevicePrice:
        """The price that applies to a device, by the longest entry that its name begins with. Case does not count.

        Raises InvalidDeclaration that lists the devices that have a price.
        """
        entries = [name for name in self.devices if _begins_with(device, name)]
        if not entries:
            raise InvalidDeclaration(
                f"The device {device!r} has no price.",
                f"Add it to governance/prices.yaml; those with a price are {', '.join(sorted(self.devices))}.",
            )
        return self.devices[max(entries, key=len)]

    def cost(self, device: str, seconds: float) -> tuple[float, str]:
        """What holding a device for so many seconds costs, and the currency."""
        return self.price(device).per_hour * seconds / SECONDS_IN_AN_HOUR, self.currency


def _begins_with(device: str, entry: str) -> bool:
    """Whether an entry prices a device: a prefix that ends where a word of the device's name does."""
    device, entry = device.casefold(), entry.casefold()
    return device == entry or (device.startswith(entry) and not device[len(entry)].isalnum())
