"""Pure. The demo's gateway as a snapshot, without the reading of files."""

from __future__ import annotations

import json

import pytest

from exporter.demo import documents
from exporter.model import GatewayReading, StoreKind, StoreRef
from exporter.stores import auth_document
from exporter.verdict import Snapshot
from tests import builders
from tests.builders import NOW


def demo_gateway() -> GatewayReading:
    """The demo's newest gateway, its profiles in agent main."""
    profiles = {**documents.shared_profiles(NOW), **documents.pending_profiles()}
    blob = {**documents.shared_state(NOW), "order": {"openai": ["openai:default", "openai:blank"]}, "profiles": profiles}
    parsed = auth_document.parse(json.dumps(blob).encode(), StoreRef("openclaw", "main", StoreKind.AUTH_PROFILES, "/x/auth-profiles.json"))
    assert parsed.value is not None
    return builders.gateway(
        builders.agent(local=parsed.value),
        config=builders.config("anthropic/claude-sonnet-4-5", "openai/gpt-5.2", "google/gemini-3-pro"),
        environment=builders.environment({"MISTRAL_API_KEY": "demo-mistral"}),
        problems=parsed.problems,
    )


@pytest.fixture(scope="session")
def snapshot() -> Snapshot:
    """Every state, judged at NOW."""
    return builders.judged(demo_gateway())
