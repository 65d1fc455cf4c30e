from __future__ import annotations

from pathlib import Path

import pytest

from exporter.host import recognition
from exporter.model import Family

HOME = Path("/home/u")


@pytest.mark.parametrize(
    ("argv", "family"),
    [
        (["openclaw-gateway"], Family.OPENCLAW),
        (["openclaw-gateway --port 1"], Family.OPENCLAW),
        (["/opt/x/openclaw-gateway", "--port", "1"], Family.OPENCLAW),
        (["openclaw-gateway-work"], Family.OPENCLAW),
        (["/usr/bin/openclaw", "gateway"], Family.OPENCLAW),
        (["openclaw", "--profile", "work", "gateway", "--port", "18789"], Family.OPENCLAW),
        (["openclaw", "gateway", "run"], Family.OPENCLAW),
        (
            ["/usr/bin/node", "--max-old-space-size=1", "/usr/lib/node_modules/openclaw/dist/index.js", "gateway", "--port", "1"],
            Family.OPENCLAW,
        ),
        (["node", "/opt/openclaw.mjs", "gateway"], Family.OPENCLAW),
        (["/usr/bin/python3", "/tmp/bin/clawdbot", "gateway-daemon"], Family.CLAWDBOT),
        (["bun", "/x/moltbot/dist/entry.js", "gateway"], Family.MOLTBOT),
        (["moldbot", "gateway"], Family.MOLTBOT),
        (["node", "/x/@remoteclaw/cli.js", "gateway"], Family.REMOTECLAW),
        (["node", "/x/node_modules/.pnpm/openclaw@2026.9.6/dist/index.js", "gateway"], Family.OPENCLAW),
        (["openclaw", "gateway", "status"], None),
        (["openclaw", "models", "status"], None),
        (["openclaw"], None),
        (["vim", "/x/openclaw", "gateway"], None),
        (["grep", "openclaw-gateway"], None),
        (["node", "/home/u/.openclaw/skill.js", "gateway"], None),
        (["node", "/home/u/openclawish/x.js", "gateway"], None),
        (["/usr/bin/python3", "-m", "exporter", "serve"], None),
        ([""], None),
        ([], None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_a_running_gateway_is_told_from_everything_else(argv: list[str], family: Family | None) -> None:
    assert recognition.running_gateway(argv) is family


@pytest.mark.parametrize(
    ("name", "exec_start", "family"),
    [
        ("openclaw-gateway.service", "", Family.OPENCLAW),
        ("openclaw-gateway-work.service", "/bin/anything", Family.OPENCLAW),
        ("clawdbot-gateway.service", "", Family.CLAWDBOT),
        ("moltbot-gateway.service", "", Family.MOLTBOT),
        ("remoteclaw-gateway.service", "", Family.REMOTECLAW),
        ("openclaw.service", "/usr/bin/openclaw serve", Family.OPENCLAW),
        ("assistant.service", "/usr/bin/openclaw gateway --port 1", Family.OPENCLAW),
        ("assistant.service", "/bin/sh -c 'exec openclaw gateway'", Family.OPENCLAW),
        ("assistant.service", "/usr/bin/node /x/moltbot/dist/index.js gateway", Family.MOLTBOT),
        ("openclaw-auth-monitor.service", "/home/u/openclaw/scripts/auth-monitor.sh", None),
        ("openclaw.service", "/usr/bin/something", None),
        ("model-auth-exporter.service", "/opt/exporter --home /home/u/.openclaw", None),
        ("ssh.service", "/usr/sbin/sshd", None),
    ],
)
def test_a_unit_of_a_gateway_is_told_from_everything_else(name: str, exec_start: str, family: Family | None) -> None:
    assert recognition.unit_family(name, exec_start) is family


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("ai.openclaw.gateway", (Family.OPENCLAW, "")),
        ("ai.openclaw.work", (Family.OPENCLAW, "work")),
        ("com.clawdbot.gateway", (Family.CLAWDBOT, "")),
        ("bot.molt.gateway", (Family.MOLTBOT, "")),
        ("com.apple.finder", None),
    ],
)
def test_a_launchd_label_carries_family_and_profile(label: str, expected: tuple[Family, str] | None) -> None:
    assert recognition.plist_profile(label) == expected


@pytest.mark.parametrize(
    ("family", "environ", "arguments", "profile", "expected"),
    [
        (Family.OPENCLAW, {}, "", "", "/home/u/.openclaw"),
        (Family.OPENCLAW, {"OPENCLAW_STATE_DIR": "~/state"}, "", "x", "/home/u/state"),
        (Family.OPENCLAW, {"CLAWDBOT_STATE_DIR": "/old"}, "", "", "/old"),
        (Family.OPENCLAW, {"OPENCLAW_STATE_DIR": " ", "OPENCLAW_PROFILE": "work"}, "", "", "/home/u/.openclaw-work"),
        (Family.OPENCLAW, {"OPENCLAW_PROFILE": "default"}, "", "", "/home/u/.openclaw"),
        (Family.OPENCLAW, {"OPENCLAW_PROFILE": "a"}, "gateway --profile b", "c", "/home/u/.openclaw-b"),
        (Family.OPENCLAW, {}, "--dev gateway", "", "/home/u/.openclaw-dev"),
        (Family.OPENCLAW, {}, "--profile=b gateway", "", "/home/u/.openclaw-b"),
        (Family.OPENCLAW, {}, "", "c", "/home/u/.openclaw-c"),
        (Family.OPENCLAW, {"HOME": "/srv/bot"}, "", "", "/srv/bot/.openclaw"),
        (Family.OPENCLAW, {"HOME": "/srv/bot", "OPENCLAW_HOME": "~/inner"}, "", "", "/srv/bot/inner/.openclaw"),
        (Family.CLAWDBOT, {"OPENCLAW_STATE_DIR": "/other"}, "", "", "/home/u/.clawdbot"),
        (Family.MOLTBOT, {}, "", "", "/home/u/.clawdbot"),
        (Family.REMOTECLAW, {"REMOTECLAW_STATE_DIR": "/rc"}, "", "", "/rc"),
    ],
)
def test_an_environment_leads_to_one_state_directory(
    family: Family, environ: dict[str, str], arguments: str, profile: str, expected: str
) -> None:
    assert recognition.state_dirs(family, environ, arguments.split(), HOME, profile)[0] == Path(expected)
