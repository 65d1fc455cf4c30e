"""Pure. Providers whose terms punish automation, or whose credentials must never be sent anywhere.

Source: Alibaba Cloud's notes on token and coding plans (non-interactive use can suspend the plan or revoke the key).
"""

from __future__ import annotations

import re

from exporter.model import Secret
from exporter.providers.row import Provider

_PLAN = "the plan's terms punish requests that no person started"

ROWS = (
    Provider(
        id="qwen-token-plan",
        ids=("qwen-token-plan", "qwen-coding", "qwen-coding-plan", "bailian-coding-plan"),
        base_url="https://coding-intl.dashscope.aliyuncs.com/v1",
        regions=(
            "https://coding.dashscope.aliyuncs.com/v1", "https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1",
            "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
        ),
        keys=(r"sk-sp-.+",),
        never=_PLAN,
        subscription=True,
    ),
    Provider(
        id="qwen-portal",
        ids=("qwen-portal",),
        base_url="https://portal.qwen.ai/v1",
        never="this login was discontinued by its vendor",
        subscription=True,
    ),
)  # fmt: skip

_NEVER_SENT = (
    (re.compile(r"sk-sp-"), _PLAN),
    (re.compile(r"sk-ant-ort\d\d-"), "this is a refresh token: sending it would end the login"),
    (re.compile(r"sk-ant-sid\d\d-"), "this is a browser session, not an API credential"),
    (re.compile(r"ghr_"), "this is a refresh token: sending it would end the login"),
    (re.compile(r"1//0"), "this is a refresh token: sending it would end the login"),
    (re.compile(r"GOCSPX-"), "this is a client secret, not a credential"),
    (re.compile(r"-----BEGIN |\s*\{"), "this is a key file, not a key"),
)
_PLAN_HOST = re.compile(r"^https?://(coding|coding-intl|token-plan\.[a-z0-9-]+)\.(dashscope|maas)\.aliyuncs\.com(/|:|$)", re.IGNORECASE)


def never_sent(secret: Secret | None, base_url: str) -> str:
    """Why this credential must not be sent, or not to this address; empty when it may be."""
    if base_url and _PLAN_HOST.match(base_url):
        return _PLAN
    value = secret.reveal() if secret else ""
    return next((why for shape, why in _NEVER_SENT if shape.match(value)), "")
