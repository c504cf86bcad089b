"""A house of any size, the same every time: for figures that have to say in which house they were taken."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from voiced.errors import ConfigError
from voiced.skills.names import Device, HouseNames

_FOLDER: Final = Path(__file__).with_name("houses")


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing of the house: `domain` as Home Assistant calls its kind, names in lower case."""

    name: str
    domain: str
    area: str
    aliases: tuple[str, ...] = ()

    @property
    def entity_id(self) -> str:
        """What Home Assistant would call it."""
        return f"{self.domain}.{self.name.replace(' ', '_')}"


@dataclass(frozen=True, slots=True)
class SyntheticHouse:
    """Areas, floors, and the things in them."""

    areas: tuple[str, ...]
    floors: tuple[str, ...]
    entities: tuple[Entity, ...]

    def names(self) -> HouseNames:
        """What may be said of it; an alias is a name like any other."""
        return HouseNames(
            areas=self.areas,
            floors=self.floors,
            devices=tuple(
                Device(name, entity.domain)
                for entity in self.entities
                for name in (entity.name, *entity.aliases)
            ),
        )


def synthetic_house(language: str, entities: int = 200, areas: int = 20) -> SyntheticHouse:
    """The house with so many of each; the first things of the language's file in every area before the next.

    Raises `ConfigError` where the language has no words for a house, or not enough of them.
    """
    file = _FOLDER / f"{language}.toml"
    if not file.is_file():
        raise ConfigError(f'there are no words for a house in the language "{language}" yet')
    words = tomllib.loads(file.read_text(encoding="utf-8"))
    rooms = tuple(words["areas"][:areas])
    aliases: dict[str, str] = words["aliases"]
    pattern: str = words["name"]
    things = [(thing, domain) for domain, names in words["things"].items() for thing in names]
    everything = (
        Entity(
            pattern.format(area=area, thing=thing),
            domain,
            area,
            (aliases[thing].format(area=area),) if thing in aliases else (),
        )
        for thing, domain in things
        for area in rooms
    )
    found = tuple(islice(everything, entities))
    if len(rooms) < areas or len(found) < entities:
        raise ConfigError(
            f"a house of {entities} entities in {areas} areas is too large: {file.name} has words for"
            f" {len(things) * len(words['areas'])} in {len(words['areas'])}"
        )
    return SyntheticHouse(rooms, tuple(words["floors"]), found)
