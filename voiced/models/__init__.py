"""The models on this machine, and those that can be had.

`Catalog` is what `models/catalog.toml` lists, `ModelStore` finds, checks and removes what is here,
and `pull` fetches: the only code of voiced that goes online, and only when it is asked to.
"""

from __future__ import annotations

from voiced.models.catalog import Catalog, Model, ModelFile, Preset
from voiced.models.store import ModelStore, Status
from voiced.models.store import State as State

__all__ = ["Catalog", "Model", "ModelFile", "ModelStore", "Preset", "State", "Status"]
