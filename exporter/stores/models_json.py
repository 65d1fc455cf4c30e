"""Pure. `models.json` of an agent: its catalogue of providers, which may carry keys."""

from __future__ import annotations

from collections.abc import Mapping

from exporter.model import Parsed, ProblemReason, ProviderConfig, StoreRef
from exporter.stores import json_text, model_providers
from exporter.stores.json_text import Notes
from exporter.stores.tree import Node


def parse(raw: bytes, ref: StoreRef) -> Parsed[Mapping[str, ProviderConfig]]:
    """Read one `models.json`.

    Shape:  {"providers": {provider: {"baseUrl", "api", "apiKey", "headers", "models"}}}.
    Errors: never raises; wrong values are BAD_VALUE and leave the rest.
    """
    loaded = json_text.load(raw, ref, json5=True)
    if loaded.value is None and loaded.problems:
        return Parsed(None, loaded.problems)
    if not isinstance(loaded.value, dict):
        return Parsed(None, json_text.refusal(ref, ProblemReason.WRONG_SHAPE))
    notes = Notes(ref)
    providers = model_providers.read(Node(loaded.value, notes).at("providers"))
    return Parsed(providers, loaded.problems + notes.all())
