"""Pure. Provider keys in every place a gateway's environment can come from: which one its service uses, and who disagrees.

Source: spec/gateways.md, 1.5 (precedence), 7 (variables); the process's environment is that of its start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from exporter.drift.scene import Scene
from exporter.environment import PROVIDER_VARIABLES, Variables, keys, variables
from exporter.model import CredentialKind, Environment, EnvLayer, EnvPlace, Secret, Source
from exporter.verdict import DriftFact, KeyPlace, ProfileVerdict, ProviderVerdict
from exporter.words import instant, listing

KIND, NAME = "env", "EnvDrift"
_SERVICES = frozenset({EnvPlace.PROCESS, EnvPlace.UNIT})
_AT_START = frozenset({EnvPlace.UNIT, EnvPlace.SERVICE_ENV, EnvPlace.SETTINGS, EnvPlace.STATE_DOTENV, EnvPlace.GATEWAY_ENV})
_SHELLS = frozenset({EnvPlace.OWN, EnvPlace.LOGIN_SHELL})
_WORDS = {
    EnvPlace.PROCESS: "the running gateway's own environment",
    EnvPlace.UNIT: "its service definition",
    EnvPlace.SERVICE_ENV: "the environment file generated for the service",
    EnvPlace.STATE_DOTENV: "the state directory's .env",
    EnvPlace.GATEWAY_ENV: "gateway.env",
    EnvPlace.CONFIG: "the configuration's env section",
    EnvPlace.LOGIN_SHELL: "the login shell",
    EnvPlace.OWN: "this shell",
    EnvPlace.SETTINGS: "the env_file of our settings",
}
_SUBSCRIPTIONS = frozenset({CredentialKind.OAUTH, CredentialKind.TOKEN})
_SLACK = timedelta(seconds=2)  # the boot, from which starts are counted, is dated to the second
_LIKELY = re.compile("KEY|TOKEN|SECRET|^AWS_|^GOOGLE_|^GCLOUD_|^AZURE_")
_AMBIENT = {"github-copilot": ("GH_TOKEN", "GITHUB_TOKEN")}  # taken by releases before 2026.9, by accident: listed, not compared
_CLAUDE_BACK_END, _ANTHROPIC = "claude-cli", "anthropic"


@dataclass(frozen=True, slots=True)
class _Place:
    """One layer with its variables read alone."""

    layer: EnvLayer
    values: Variables
    aside: bool

    def secret(self, name: str) -> Secret | None:
        return self.values[name][0] if name in self.values else None


@dataclass(slots=True)
class _Notes:
    """What disagrees about one provider's keys."""

    why: list[str] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)
    paths: dict[str, None] = field(default_factory=dict)

    def add(self, why: str, place: _Place | None = None) -> None:
        if why not in self.why:
            self.why.append(why)
        if place is not None and place.layer.path:
            self.paths[place.layer.path] = None
        if place is not None and place.layer.modified_at is not None:
            self.since.append(place.layer.modified_at)


def find(scene: Scene) -> Iterator[DriftFact]:
    """Compare the places, for every provider in use; nothing while what the service sees is unknown, or no service exists."""
    found = scene.reading.environment
    if not found.seen or not any(layer.place in _SERVICES and layer.counts for layer in found.layers):
        return
    places = _places(found)
    force = _in_force(found)
    for provider, verdicts in scene.in_use().items():
        notes = _Notes()
        for place in places:
            for name in _names(provider, scene, place.values):
                _compare(scene, place, name, force, verdicts, notes)
        for name in _names(provider, scene, force):
            _deleted(scene, places, name, force, notes)
        _shadowed(scene, provider, verdicts, force, notes)
        if notes.why:
            why = "; ".join(notes.why)
            yield scene.fact(KIND, NAME, why, provider=provider, since=max(notes.since, default=None), places=notes.paths)


def places(scene: Scene) -> tuple[KeyPlace, ...]:
    """List every provider key in every place, those of the service first, by precedence."""
    found = scene.reading.environment
    force = _in_force(found)
    wanted = tuple(dict.fromkeys((*scene.in_use(), *PROVIDER_VARIABLES)))
    listed: dict[tuple[str, int], KeyPlace] = {}
    for number, place in enumerate(_places(found), 1):
        for provider in wanted if place.values else ():
            for name in _names(provider, scene, place.values) + [name for name in _AMBIENT.get(provider, ()) if name in place.values]:
                value = place.secret(name)
                used = name in force and force[name][1].place is place.layer.place and force[name][0] == value
                entry = KeyPlace(
                    provider, name, place.layer.place, place.layer.path, scene.shown(value), used, number if place.layer.counts else 0
                )
                listed.setdefault((name, number), entry)
    return tuple(listed.values())


def _places(found: Environment) -> tuple[_Place, ...]:
    layers = [(layer, False) for layer in found.layers] + [(layer, True) for layer in found.asides]
    return tuple(_Place(layer, _alone(layer), aside) for layer, aside in layers)


def _alone(layer: EnvLayer) -> Variables:
    """Read one layer as if it were the whole environment, without the variables that cannot be a key."""
    likely = {name: value for name, value in layer.variables.items() if _LIKELY.search(name)}
    return variables(Environment(True, "", (replace(layer, variables=likely, counts=True),)))


def _in_force(found: Environment) -> Variables:
    return {name: entry for name, entry in variables(found).items() if entry[1].counts and _LIKELY.search(name)}


def _names(provider: str, scene: Scene, values: Variables) -> list[str]:
    """List the variables that hold keys of a provider, in the order of use."""
    return list(dict.fromkeys(key.name for key in keys(provider, scene.reading.family, values)))


def _compare(scene: Scene, place: _Place, name: str, force: Variables, verdicts: list[ProviderVerdict], notes: _Notes) -> None:
    """Compare one variable of one place with the one in force."""
    where = _WORDS[place.layer.place]
    winner = force.get(name)
    if winner is None:
        _missing(scene, place, name, verdicts, notes)
    elif scene.print(winner[0]) != scene.print(place.secret(name)):
        other = _WORDS[winner[1].place]
        if place.layer.place in _SHELLS:
            notes.add(f"{name} of {where} is not the key the service has, which comes from {other}", place)
        elif winner[1].place is EnvPlace.PROCESS and place.layer.place in _AT_START and _younger(scene, place):
            notes.add(f"{name} in {where} was changed after the gateway started: the running process still has the old key", place)
        else:
            notes.add(f"{name} in {where} is another key than the one in force, from {other}", place)
    elif winner[1].path == place.layer.path and place.layer.counts and place.layer.place in _AT_START and _younger(scene, place):
        notes.add(f"{where}, which holds {name}, was changed after the gateway started{_started(scene)}", place)


def _missing(scene: Scene, place: _Place, name: str, verdicts: list[ProviderVerdict], notes: _Notes) -> None:
    """A key that the service does not have: it matters in a shell only where the service has nothing else to use."""
    where = _WORDS[place.layer.place]
    if place.layer.place is EnvPlace.UNIT:
        notes.add(f"{name} is in {where}, the running gateway was started without it", place)
    elif place.layer.place in _SHELLS and any(verdict.next is None for verdict in verdicts):
        notes.add(f"{name} is set in {where} and nowhere the service reads it", place)
    elif place.layer.place is EnvPlace.SERVICE_ENV and any(verdict.next is None for verdict in verdicts):
        notes.add(f"{name} is in {where}, which the service does not read", place)


def _younger(scene: Scene, place: _Place) -> bool:
    """Say whether a file was changed after the process that read it began."""
    run, modified = scene.reading.host.run, place.layer.modified_at
    return run is not None and run.started_at is not None and modified is not None and modified > run.started_at + _SLACK


def _started(scene: Scene) -> str:
    run = scene.reading.host.run
    return f" at {instant(run.started_at)}" if run is not None and run.started_at is not None else ""


def _deleted(scene: Scene, places: tuple[_Place, ...], name: str, force: Variables, notes: _Notes) -> None:
    """A key that only the running process still has, although a definition it came from was changed since."""
    if force[name][1].place is not EnvPlace.PROCESS:
        return
    definitions = [place for place in places if place.layer.place in _AT_START and not place.aside]
    changed = [place for place in definitions if _younger(scene, place)]
    if changed and not any(name in place.values for place in definitions):
        notes.add(f"{name} was taken out of {_WORDS[changed[0].layer.place]}, the running gateway still has it", changed[0])


def _shadowed(scene: Scene, provider: str, verdicts: list[ProviderVerdict], force: Variables, notes: _Notes) -> None:
    """An API key that is billed in place of a subscription."""
    if provider == _CLAUDE_BACK_END:
        names = [key.name for key in keys(_ANTHROPIC, scene.reading.family, force) if key.kind is CredentialKind.API_KEY]
        if names:
            notes.add(f"Claude Code, started by the gateway, bills {listing(names)} instead of its own subscription")
        return
    for verdict in verdicts:
        profiles = scene.profiles(verdict.agent)
        used = profiles.get(verdict.next or "")
        if used is None or used.source is not Source.ENV or used.credential is not CredentialKind.API_KEY:
            continue
        idle = sorted(p.profile for p in profiles.values() if _is_subscription(p, provider))
        if idle:
            notes.add(f"{used.profile.removeprefix('env:')} is used and billed in place of the subscription {listing(idle)}")


def _is_subscription(profile: ProfileVerdict, provider: str) -> bool:
    return profile.provider == provider and profile.source is Source.STORE and profile.credential in _SUBSCRIPTIONS
