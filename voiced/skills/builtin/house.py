"""Home control: understood, and answered with what is missing, until a house is connected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from voiced.skills.contracts import Skill, SkillMatch, Words, World

_PHRASES: Final[Mapping[str, str]] = {
    "HassBroadcast": "announce",
    "HassClimateGetTemperature": "temperature",
    "HassClimateSetFanMode": "reach",
    "HassClimateSetTemperature": "reach",
    "HassFanSetSpeed": "reach",
    "HassGetState": "check",
    "HassGetWeather": "weather",
    "HassLawnMowerDock": "reach",
    "HassLawnMowerStartMowing": "reach",
    "HassLightSet": "reach",
    "HassMediaNext": "reach",
    "HassMediaPause": "reach",
    "HassMediaPlayerMute": "reach",
    "HassMediaPlayerUnmute": "reach",
    "HassMediaPrevious": "reach",
    "HassMediaSearchAndPlay": "play",
    "HassMediaUnpause": "reach",
    "HassSetPosition": "reach",
    "HassSetVolume": "volume",
    "HassSetVolumeRelative": "volume",
    "HassTurnOff": "reach",
    "HassTurnOn": "reach",
    "HassVacuumCleanArea": "reach",
    "HassVacuumReturnToBase": "reach",
    "HassVacuumStart": "reach",
    "VoicedChangeLight": "reach",
    "VoicedTurnEverything": "everything",
}
_PLACE: Final = ("area", "floor")
_PROPER: Final = ("person", "scene", "script")
"""Kinds of things whose names are names: "movie night", not "the movie night"."""
_WHAT: Final = ("name", "device_class", "domain")


class House:
    """Names what was asked for and says that it cannot be reached. Never does anything."""

    name: Final = "house"
    intents: Final = frozenset(_PHRASES)
    changes: Final = frozenset[str]()

    def answer(self, match: SkillMatch, world: World, words: Words) -> str:
        phrase = _PHRASES[match.intent]
        if phrase == "volume" and ("name" in match.slots or match.slots.keys() & set(_PLACE)):
            phrase = "reach"
        if phrase == "check" and match.slots.get("domain") == "person":
            phrase = "people"
        if phrase == "temperature" and "name" not in match.slots and "area" not in match.slots:
            phrase = "temperature_here"
        return words.say(phrase, target=_target(match, words))


def _target(match: SkillMatch, words: Words) -> str:
    """What the sentence is about, in the words of the person: "the kitchen lights"."""
    said = {**match.slots, **match.spoken}
    parts = {kind: said[kind] for kind in _PLACE if said.get(kind)}
    what = next((kind for kind in _WHAT if said.get(kind)), "domain")
    if what == "name" and said.get("domain") in _PROPER:
        return words.table("targets")["proper"].format(name=said["name"])
    if what == "domain":
        domain = said.get("domain") or match.intent
        said["domain"] = words.table("domains").get(domain, "")
    if said.get(what):
        parts[what] = said[what]
    return words.table("targets")["+".join(sorted(parts)) or "nothing"].format(**parts)


def build() -> Skill:
    """The skill of this module."""
    return House()
