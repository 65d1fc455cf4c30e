"""Pure. Servers on the user's own machines: no key, or one the user set. Nothing here loads a model.

Source: Ollama, vLLM, SGLang and LM Studio server references; LiteLLM proxy reference.
"""

from __future__ import annotations

from datetime import datetime

from exporter.outcome import Balance, Quota
from exporter.outcome import ProbeStatus as P
from exporter.providers.fields import at_any, get, number, share
from exporter.providers.row import MINUTE, Auth, Call, Deep, ErrorShape, Facts, Judgement, Provider, SeesBilling, Shape, Validates, rule

_OFTEN, _SECONDS_10 = MINUTE, MINUTE / 6


def read_litellm(document: object, now: datetime) -> Facts:
    """Budget, expiry and lock of a virtual key, in USD."""
    info = get(document, "info")
    spend, cap = number(get(info, "spend")), number(get(info, "max_budget"))
    judgement = None
    if get(info, "blocked") is True:
        judgement = Judgement(P.AUTH, "disabled")
    elif spend is not None and cap is not None and spend >= cap:
        judgement = Judgement(P.BILLING, "spend_cap", at_any(get(info, "budget_reset_at")))
    used = share(spend, cap)
    return Facts(
        judgement,
        () if used is None else (Quota("budget", used, at_any(get(info, "budget_reset_at"))),),
        () if spend is None or cap is None else (Balance("USD", cap - spend),),
        at_any(get(info, "expires")),
    )


ROWS = (
    Provider(
        id="ollama",
        ids=("ollama",),
        base_url="http://127.0.0.1:11434",
        light=Call("/api/tags", auth=Auth.NONE, shape=("models",), strip=("/v1", "/api"), every=_OFTEN, at_least=_SECONDS_10),
        validates=Validates.KEYLESS,
        errors=ErrorShape.ERROR_TEXT,
        local=True,
    ),
    Provider(
        id="ollama-cloud",
        ids=("ollama-cloud",),
        base_url="https://ollama.com",
        light=Call("/api/web_search", "POST", body="{}", strip=("/v1", "/api")),
        deep=Deep(Shape.OLLAMA, (), "/api/chat", manual=True, strip=("/v1", "/api")),
        errors=ErrorShape.ERROR_TEXT,
        # an empty search is refused for its form only after the key was accepted
        rules=(rule(P.OK, "", 400, 422), rule(P.AUTH, "invalid", 401)),
    ),
    Provider(
        id="vllm",
        ids=("vllm",),
        base_url="http://127.0.0.1:8000/v1",
        light=Call("/models", shape=("data",), every=_OFTEN, at_least=_SECONDS_10),
        validates=Validates.ASSUMED,
        deep=Deep(manual=True),
        local=True,
    ),
    Provider(
        id="sglang",
        ids=("sglang",),
        base_url="http://127.0.0.1:30000/v1",
        light=Call("/models", shape=("data",), every=_OFTEN, at_least=_SECONDS_10),
        validates=Validates.ASSUMED,
        deep=Deep(manual=True),
        local=True,
    ),
    Provider(
        id="lmstudio",
        ids=("lmstudio",),
        base_url="http://127.0.0.1:1234/v1",
        light=Call("/models", shape=("data",), every=_OFTEN, at_least=_SECONDS_10),
        validates=Validates.ASSUMED,
        local=True,
    ),
    Provider(
        id="litellm",
        ids=("litellm",),
        base_url="http://localhost:4000",
        light=Call("/key/info", shape=("info", "key"), strip=("/v1",)),
        sees_billing=SeesBilling.YES,
        deep=Deep(manual=True),
        keys=(r"sk-[\w-]{22}",),
        rules=(
            rule(P.BILLING, "spend_cap", text=r"budget_exceeded|exceeded ?budget|budget has been exceeded"),
            rule(P.AUTH, "expired", codes="expired_key"),
            rule(P.AUTH, "invalid", codes="token_not_found_in_db"),
            rule(P.AUTH, "scope", codes="key_model_access_denied"),
        ),
        facts=read_litellm,
        local=True,
    ),
    Provider(
        id="openai-compatible",
        ids=(),
        base_url="",
        light=Call("/models", shape=("data", "models", "[]")),
        validates=Validates.ASSUMED,
        deep=Deep(),
    ),
    Provider(
        id="anthropic-compatible",
        ids=(),
        base_url="",
        light=Call(
            "/v1/models?limit=1", auth=Auth.X_API_KEY, headers=(("anthropic-version", "2023-06-01"),), shape=("data",), strip=("/v1",)
        ),
        validates=Validates.ASSUMED,
        deep=Deep(Shape.ANTHROPIC, (), "/v1/messages", auth=Auth.X_API_KEY, strip=("/v1",)),
        errors=ErrorShape.ANTHROPIC,
    ),
    Provider(
        id="gemini-compatible",
        ids=(),
        base_url="",
        light=Call("/models?pageSize=1", auth=Auth.X_GOOG_API_KEY, shape=("models",), strip=("/openai",)),
        validates=Validates.ASSUMED,
        deep=Deep(Shape.GEMINI, (), auth=Auth.X_GOOG_API_KEY, strip=("/openai",)),
        errors=ErrorShape.GOOGLE,
    ),
)
