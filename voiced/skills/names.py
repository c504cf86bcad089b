"""The names a house has: what a person may ask to be switched, read or played."""

from __future__ import annotations

from dataclasses import dataclass

from hassil.intents import TextSlotList

from voiced.errors import ConfigError
from voiced.skills.language import read_table


@dataclass(frozen=True, slots=True)
class Device:
    """Something that can be named.

    `name` is lower case, as it is said; `domain` is its kind as Home Assistant calls it ("light",
    "cover", "media_player" ...), which decides the sentences that fit it.
    """

    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class HouseNames:
    """The names that sentences may hold, each as a person says it: lower case, numbers spelled."""

    areas: tuple[str, ...]
    floors: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()

    def slot_lists(self) -> dict[str, TextSlotList]:
        """The lists `area`, `floor`, `zone` and `name` of the sentence templates."""
        return {
            "area": TextSlotList.from_strings(self.areas, allow_template=False, name="area"),
            "floor": TextSlotList.from_strings(self.floors, allow_template=False, name="floor"),
            "zone": TextSlotList.from_strings(self.zones, allow_template=False, name="zone"),
            "name": TextSlotList.from_tuples(
                ((device.name, device.name, {"domain": device.domain}) for device in self.devices),
                allow_template=False,
                name="name",
            ),
        }


def common_names(language: str) -> HouseNames:
    """Rooms and devices that many homes have, for as long as no house is connected.

    Raises `ConfigError` for a language without such a list.
    """
    table = read_table(language, "names")
    if not table:
        message = f'voiced knows no names of rooms and devices in the language "{language}" yet'
        raise ConfigError(f'{message}; set language to "en"')
    return HouseNames(
        areas=tuple(table["areas"]),
        floors=tuple(table["floors"]),
        zones=tuple(table["zones"]),
        devices=tuple(
            Device(name, domain) for domain, names in table["devices"].items() for name in names
        ),
    )
