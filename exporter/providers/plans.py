"""Pure. Vendors of Asia: keys are bound to a region, and many are plans meant for coding tools (quota reads only).

Source: Moonshot, Kimi, Alibaba Model Studio, Volcengine Ark, Baidu Qianfan, StepFun and Novita references; public clients.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from exporter.outcome import Balance, Quota
from exporter.outcome import ProbeStatus as P
from exporter.providers.fields import at_any, get, items, number, share, text
from exporter.providers.limits import window_name
from exporter.providers.row import MINUTE, Auth, Call, Deep, Facts, Headers, Judgement, Provider, SeesBilling, Shape, Validates, rule

_LIST = ("data", "object")
_MOONSHOT_RULES = (
    rule(P.BILLING, "balance", codes="exceeded_current_quota_error"),
    rule(P.OVERLOADED, "capacity", codes="engine_overloaded_error"),
    rule(P.RATE_LIMIT, "burst", codes="rate_limit_reached_error"),
)
_UNIT_SECONDS = {"TIME_UNIT_SECOND": 1.0, "TIME_UNIT_MINUTE": 60.0, "TIME_UNIT_HOUR": 3600.0, "TIME_UNIT_DAY": 86400.0}


def read_moonshot(document: object, now: datetime) -> Facts:
    """The balance in USD; nothing available means that requests stop."""
    return _moonshot(document, "USD")


def read_moonshot_cn(document: object, now: datetime) -> Facts:
    """The balance in CNY, at the Chinese host; the body does not say so."""
    return _moonshot(document, "CNY")


def _moonshot(document: object, currency: str) -> Facts:
    if number(get(document, "code")) not in (None, 0) or get(document, "status") is False:
        return Facts(Judgement(P.UNKNOWN, "embedded"))
    left = number(get(document, "data", "available_balance"))
    if left is None:
        return Facts()
    return Facts(Judgement(P.BILLING, "balance") if left <= 0 else None, balances=(Balance(currency, left),))


def read_kimi(document: object, now: datetime) -> Facts:
    """Weekly plan window and the shorter ones; numbers arrive as texts."""
    return Facts(quotas=tuple(_kimi(document)))


def _kimi(document: object) -> Iterator[Quota]:
    rows = [("7d", get(document, "usage"))]
    for entry in items(get(document, "limits"))[:8]:
        unit = text(get(entry, "window", "timeUnit"))
        length = number(get(entry, "window", "duration"))
        seconds = (
            None if length is None else length * _UNIT_SECONDS.get(unit if unit.startswith("TIME_UNIT_") else f"TIME_UNIT_{unit}", 0.0)
        )
        rows.append((window_name(seconds) or "window", get(entry, "detail")))
    for name, row in rows:
        limit, used, left = number(get(row, "limit")), number(get(row, "used")), number(get(row, "remaining"))
        used = limit - left if used is None and limit is not None and left is not None else used
        part = share(used, limit)
        if part is not None:
            yield Quota(name, part, at_any(get(row, "resetTime")))


def read_novita(document: object, now: datetime) -> Facts:
    """The balance, in ten-thousandths of a dollar."""
    left = number(get(document, "availableBalance"))
    if left is None:
        return Facts()
    return Facts(Judgement(P.BILLING, "balance") if left <= 0 else None, balances=(Balance("USD", left / 10_000),))


_DASHSCOPE_RULES = (
    rule(P.BILLING, "overdue", codes="arrearage"),
    rule(P.BILLING, "plan", codes="allocationquota.freetieronly coding_plan_subscription_expired"),
    rule(P.AUTH, "scope", codes="accessdenied accessdenied.unpurchased model.accessdenied"),
    rule(P.RATE_LIMIT, "burst", codes="throttling throttling.ratequota throttling.burstrate throttling.allocationquota limit_requests"),
    rule(P.MODEL_NOT_FOUND, "", codes="modelnotfound model_not_found"),
)
_ARK_RULES = (
    rule(P.BILLING, "overdue", codes="accountoverdueerror serviceoverdue"),
    rule(P.BILLING, "plan", codes="invalidsubscription"),
    rule(P.OVERLOADED, "capacity", codes="serveroverloaded"),
    rule(P.MODEL_NOT_FOUND, "", codes="modelnotopen invalidendpointormodel.notfound"),
    rule(P.RATE_LIMIT, "window", codes="setlimitexceeded quotaexceeded"),
)
_ARK = "Ark has no free request that is known to check a key"

ROWS = (
    Provider(
        id="moonshot",
        ids=("moonshot", "moonshotai", "moonshot-ai"),
        base_url="https://api.moonshot.ai/v1",
        light=Call("/users/me/balance", shape=("data",)),
        sees_billing=SeesBilling.YES,
        deep=Deep(models=("kimi-k2-turbo-preview",)),
        rules=_MOONSHOT_RULES,
        facts=read_moonshot,
        region_bound=True,
    ),
    Provider(
        id="moonshot-cn",
        ids=("moonshot-cn", "moonshot", "moonshotai", "moonshot-ai"),
        base_url="https://api.moonshot.cn/v1",
        light=Call("/users/me/balance", shape=("data",)),
        sees_billing=SeesBilling.YES,
        deep=Deep(models=("kimi-k2-turbo-preview",)),
        rules=_MOONSHOT_RULES,
        facts=read_moonshot_cn,
        region_bound=True,
    ),
    Provider(
        id="kimi",
        ids=("kimi", "kimi-coding", "kimi-code"),
        base_url="https://api.kimi.com/coding",
        light=Call("/v1/usages", shape=("usage", "limits", "user"), strip=("/v1",), every=10 * MINUTE, at_least=5 * MINUTE),
        sees_billing=SeesBilling.PARTLY,
        deep=Deep(Shape.ANTHROPIC, ("kimi-for-coding",), "/v1/messages", manual=True, strip=("/v1",)),
        keys=(r"sk-kimi-.+",),
        rules=_MOONSHOT_RULES,
        facts=read_kimi,
        subscription=True,
    ),
    Provider(
        id="qwen",
        ids=("qwen", "modelstudio", "qwencloud", "dashscope", "alibaba"),
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        regions=("https://dashscope.aliyuncs.com/compatible-mode/v1", "https://dashscope-us.aliyuncs.com/compatible-mode/v1"),
        light=Call("/models", shape=_LIST),
        deep=Deep(models=("qwen-flash", "qwen3.5-flash", "qwen-turbo")),
        keys=(r"sk-[0-9a-f]{32}",),
        rules=_DASHSCOPE_RULES,
        region_bound=True,
    ),
    Provider(
        id="xiaomi",
        ids=("xiaomi", "mimo"),
        base_url="https://api.xiaomimimo.com/v1",
        light=Call("/models", shape=_LIST),
        validates=Validates.UNPROVEN,
        deep=Deep(models=("mimo-v2-flash",)),
        keys=(r"sk-.+",),
        region_bound=True,
    ),
    Provider(
        id="xiaomi-token-plan",
        ids=("xiaomi-token-plan",),
        base_url="https://token-plan-sgp.xiaomimimo.com/v1",
        regions=("https://token-plan-cn.xiaomimimo.com/v1", "https://token-plan-ams.xiaomimimo.com/v1"),
        light=Call("/models", shape=_LIST),
        validates=Validates.UNPROVEN,
        deep=Deep(models=("mimo-v2-flash",), manual=True),
        keys=(r"tp-.+",),
        region_bound=True,
        subscription=True,
    ),
    Provider(
        id="volcengine",
        ids=("volcengine", "volcengine-plan", "bytedance", "doubao"),
        base_url="https://ark.cn-beijing.volces.com/api/v3",
        regions=("https://ark.cn-beijing.volces.com/api/coding/v3",),
        no_light=_ARK,
        deep=Deep(manual=True),
        headers=(Headers.OPENAI,),
        rules=_ARK_RULES,
        region_bound=True,
        bases=(("volcengine-plan", "https://ark.cn-beijing.volces.com/api/coding/v3"),),
    ),
    Provider(
        id="byteplus",
        ids=("byteplus", "byteplus-plan"),
        base_url="https://ark.ap-southeast.bytepluses.com/api/v3",
        regions=("https://ark.ap-southeast.bytepluses.com/api/coding/v3",),
        no_light=_ARK,
        deep=Deep(manual=True),
        headers=(Headers.OPENAI,),
        rules=_ARK_RULES,
        region_bound=True,
        bases=(("byteplus-plan", "https://ark.ap-southeast.bytepluses.com/api/coding/v3"),),
    ),
    Provider(
        id="qianfan",
        ids=("qianfan", "baidu"),
        base_url="https://qianfan.baidubce.com/v2",
        light=Call("/models", shape=_LIST),
        deep=Deep(models=("ernie-speed-8k", "ernie-lite-8k")),
        keys=(r"bce-v3/ALTAK-[\w/-]+",),
        rules=(
            rule(P.AUTH, "scope", 401, codes="invalid_model"),
            rule(P.BILLING, "balance", codes="billing_insufficient_balance"),
            rule(P.BILLING, "overdue", 403, text=r"overdue|arrear"),
            rule(P.RATE_LIMIT, "daily", 429, text=r"quota_user_daily"),
        ),
    ),
    Provider(
        id="stepfun",
        ids=("stepfun", "stepfun-plan"),
        base_url="https://api.stepfun.ai/v1",
        regions=("https://api.stepfun.com/v1",),
        light=Call("/models", shape=_LIST),
        deep=Deep(models=("step-3.5-flash", "step-2-mini")),
        region_bound=True,
    ),
    Provider(
        id="novita",
        ids=("novita", "novita-ai", "novitaai"),
        base_url="https://api.novita.ai/openai/v1",
        light=Call(
            "/openapi/v1/billing/balance/detail",
            shape=("availableBalance",),
            strip=("/openai/v1", "/v3/openai", "/openai"),
            auth=Auth.BEARER,
        ),
        sees_billing=SeesBilling.YES,
        deep=Deep(models=("meta-llama/llama-3.1-8b-instruct",)),
        facts=read_novita,
    ),
)
