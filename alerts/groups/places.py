"""Pure. The places on disk: unreadable, open to others, and places that should say the same but do not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from alerts.queries import DIAGNOSE, ON_OVERVIEW, THE_DRIFT, THE_STORE
from alerts.rule import Alert, Group
from alerts.thresholds import Thresholds

_VITAL = '{store=~"agent-db|auth-json|auth-profiles|auth-state|config|oauth-json|state-db"}'
_DRIFTS = (
    ("StoreSplit", "store", "Two stores of one gateway hold different credentials.",
     "Two stores of {who} hold different credentials: the gateway reads one of them, a login was written to the other."),
    ("AgentDrift", "agent", "Agents hold different copies of one credential.",
     "Agents of {who} hold different copies of one credential: renewing one can end the other."),
    ("EnvDrift", "env", "The service has another key than its files or the shell.",
     "The key that the service of {who} has in its environment is not the one its files or the shell have."),
    ("CliSyncStale", "cli", "A gateway holds an older copy of another program's login.",
     "{who} holds an older copy of another program's login, and did not take over the new one."),
    ("GatewayStale", "gateway", "A gateway goes on with the old login after a new one.",
     "{who} goes on with the old login after a new one was stored: restart the gateway."),
    ("SessionPinLost", "session", "Sessions are tied to a profile that does not work.",
     "Sessions of {who} are tied to a profile that does not work: choose another one in them."),
    ("AgentDirMismatch", "agent-dir", "An agent reads another folder than the configured one.",
     "An agent's folder is not the configured one: {who}."),
    ("SourceLocked", "keychain", "A keychain cannot be read by the service.",
     "The service of {who} cannot read its keychain: unlock it for that session, or store the login in a file."),
    ("LockStuck", "lock", "A lock is held by a process that is gone.",
     "A lock of {who} is held by a process that is gone: renewals and logins wait for it."),
)  # fmt: skip


def group(figures: Thresholds) -> Group:
    """Make the group."""
    return Group("model-auth-places", (*_unreadable(figures), _insecure(), *_drifts()))


def _unreadable(figures: Thresholds) -> Iterator[Alert]:
    """What cannot be read, the gateway may not be able to read either: of a store that holds credentials that is a page, in the end."""
    for severity, hold, stores in (("warning", figures.two_scrapes, ""), ("critical", timedelta(minutes=15), _VITAL)):
        yield Alert(
            "ModelAuthStoreUnreadable",
            "critical" if severity == "critical" else "warning",
            f"model_auth_source_up{stores} == 0",
            "A credential store cannot be read.",
            f"{THE_STORE} cannot be read: what is shown of its profiles is older,"
            f" and the gateway may not be able to read it either. {DIAGNOSE}",
            hold=hold,
            keep=timedelta(minutes=5),
            dashboard=ON_OVERVIEW,
        )


def _insecure() -> Alert:
    return Alert(
        "ModelAuthInsecurePermissions",
        "warning",
        'model_auth_source_insecure_permissions == 1\nor model_auth_drift{kind="permissions"} == 1',
        "Other users of the host can read credentials.",
        f"Other users of the host can read {THE_STORE}. {DIAGNOSE}",
        hold=timedelta(minutes=5),
        dashboard=ON_OVERVIEW,
    )


def _drifts() -> Iterator[Alert]:
    """A difference counts after it has outlived the gateways' own synchronisation, every 15 minutes at most."""
    for name, kind, summary, words in _DRIFTS:
        yield Alert(
            f"ModelAuth{name}",
            "warning",
            f'model_auth_drift{{kind="{kind}"}} == 1',
            summary,
            f"{words.format(who=THE_DRIFT)} {DIAGNOSE}",
            hold=timedelta(minutes=3 if name == "LockStuck" else 15),
            dashboard=ON_OVERVIEW,
        )
