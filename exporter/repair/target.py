"""Pure. What a repair works on: one agent of one gateway, the files that hold its credentials, and who may write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from exporter.judging.inheritance import AgentView, view
from exporter.model import AgentReading, Era, Family, GatewayReading, ProblemReason, StoreKind
from exporter.repair.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Target:
    """One agent of one gateway. `home` is what is shown as `~`."""

    gateway: GatewayReading
    agent: AgentReading
    dialect: Dialect
    home: str

    @property
    def view(self) -> AgentView:
        """What the agent sees: its own store over the one it inherits from."""
        return view(self.gateway, self.agent)

    @property
    def directory(self) -> str:
        """The directory of the JSON stores."""
        return self.gateway.state_dir if self.gateway.family is Family.REMOTECLAW else self.agent.agent_dir

    @property
    def profiles_file(self) -> str:
        """The JSON store of profiles."""
        return f"{self.directory}/auth-profiles.json"

    @property
    def state_file(self) -> str:
        """The JSON document that holds the order."""
        return f"{self.directory}/auth-state.json" if self.dialect.split else self.profiles_file

    @property
    def state_store(self) -> str:
        """Whatever holds the order: a file, the agent's database when it has a row, else the shared one."""
        if not self.dialect.databases:
            return self.state_file
        if self.gateway.era is Era.SHARED_DB and (self.agent.local is None or self.agent.local.updated_at is None):
            return f"{self.gateway.state_dir}/state/openclaw.sqlite"
        return f"{self.agent.agent_dir}/openclaw-agent.sqlite"

    def short(self, path: str) -> str:
        """Write a path with `~`."""
        return f"~{path.removeprefix(self.home)}" if self.home != "/" and PurePath(path).is_relative_to(self.home) else path

    def why_not_ours(self) -> str:
        """Say why only the gateway's own program may write here; "" when we may."""
        if self.dialect.databases:
            return "this release keeps its logins in SQLite, which only the gateway itself may write"
        reasons = {problem.reason for problem in self.gateway.problems if problem.agent in ("", self.agent.agent)}
        if ProblemReason.MIGRATION_REQUIRED in reasons:
            return "its logins wait for a migration, which only the gateway itself can do"
        if self.gateway.era is Era.NONE and not self.dialect.known and self.gateway.family is Family.OPENCLAW:
            return "nothing tells which release this gateway is"
        stores = {source.ref.store for source in self.gateway.sources if source.ref.agent == self.agent.agent}
        if StoreKind.AUTH_JSON in stores and StoreKind.AUTH_PROFILES not in stores:
            return "its logins still lie in auth.json, which only the gateway itself can import"
        return ""
