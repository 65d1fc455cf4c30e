"""Where a key goes, in which header, and when it goes nowhere."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import CredentialKind, Secret
from exporter.providers.bedrock import AwsKeys, key_expires_at, region_of, sign
from exporter.providers.completion import choose, deep, listed
from exporter.providers.request import USER_AGENT, Access, NotSent, Request, light, usage
from exporter.providers.row import Auth, Validates
from exporter.providers.table import BY_ID, PROVIDERS, find, is_vendors

NOW = datetime(2026, 11, 1, tzinfo=UTC)
KEY, TOKEN, OAUTH = CredentialKind.API_KEY, CredentialKind.TOKEN, CredentialKind.OAUTH
SAMPLE = Secret("a-perfectly-good-secret-0123456789")


def access(provider: str, kind: CredentialKind = KEY, secret: Secret | None = SAMPLE, base_url: str = "", **more: object) -> Access:
    return Access(provider, kind, secret, base_url, **more)  # type: ignore[arg-type]


def sent(made: Request | NotSent) -> Request:
    assert isinstance(made, Request), made
    return made


MANTLE = "https://bedrock-mantle.eu-west-1.api.aws/v1"
CASES = [
    ("amazon-bedrock-mantle", KEY, MANTLE, f"{MANTLE}/models", "authorization"),
    ("amazon-bedrock", KEY, MANTLE, f"{MANTLE}/models", "authorization"),
    ("anthropic", KEY, "", "https://api.anthropic.com/v1/models?limit=1", "x-api-key"),
    ("openai", KEY, "", "https://api.openai.com/v1/models", "authorization"),
    ("openai", OAUTH, "", "https://chatgpt.com/backend-api/wham/usage", "authorization"),
    ("openai", OAUTH, "https://api.openai.com/v1", "https://chatgpt.com/backend-api/wham/usage", "authorization"),
    ("google", KEY, "", "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1", "x-goog-api-key"),
    (
        "google",
        KEY,
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1",
        "x-goog-api-key",
    ),
    ("github-copilot", TOKEN, "", "https://api.github.com/copilot_internal/user", "authorization"),
    ("openrouter", KEY, "", "https://openrouter.ai/api/v1/key", "authorization"),
    ("xai", KEY, "", "https://api.x.ai/v1/api-key", "authorization"),
    ("deepseek", KEY, "https://api.deepseek.com/v1", "https://api.deepseek.com/user/balance", "authorization"),
    ("moonshot", KEY, "https://api.moonshot.cn/v1", "https://api.moonshot.cn/v1/users/me/balance", "authorization"),
    ("kimi-coding", KEY, "https://api.kimi.com/coding/", "https://api.kimi.com/coding/v1/usages", "authorization"),
    ("zai", KEY, "https://api.z.ai/api/coding/paas/v4", "https://api.z.ai/api/monitor/usage/quota/limit", "authorization"),
    ("z.ai", KEY, "https://open.bigmodel.cn/api/anthropic", "https://open.bigmodel.cn/api/monitor/usage/quota/limit", "authorization"),
    ("minimax", KEY, "https://api.minimax.io/anthropic", "https://api.minimax.io/v1/token_plan/remains", "authorization"),
    ("minimax-cn", KEY, "", "https://api.minimaxi.com/v1/token_plan/remains", "authorization"),
    ("vercel-ai-gateway", KEY, "https://ai-gateway.vercel.sh/v1", "https://ai-gateway.vercel.sh/v1/credits", "authorization"),
    ("kilocode", KEY, "https://api.kilo.ai/api/gateway/", "https://api.kilo.ai/api/profile/balance", "authorization"),
    ("synthetic", KEY, "https://api.synthetic.new/openai/v1", "https://api.synthetic.new/v2/quotas", "authorization"),
    ("cohere", KEY, "https://api.cohere.ai/compatibility/v1", "https://api.cohere.ai/v1/check-api-key", "authorization"),
    ("ollama", KEY, "http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/api/tags", ""),
    ("nvidia", KEY, "", "https://api.ngc.nvidia.com/v3/keys/get-caller-info", ""),
    ("nvidia", KEY, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1/models", "authorization"),
    ("huggingface", KEY, "https://x.endpoints.huggingface.cloud/v1", "https://x.endpoints.huggingface.cloud/v1/models", "authorization"),
    ("elevenlabs", KEY, "", "https://api.elevenlabs.io/v1/user/subscription", "xi-api-key"),
    ("deepgram", KEY, "", "https://api.deepgram.com/v1/projects", "authorization"),
    ("azure-openai", KEY, "https://r.openai.azure.com/openai/v1", "https://r.openai.azure.com/openai/v1/models", "api-key"),
    ("microsoft-foundry", TOKEN, "https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1/models", "authorization"),
    ("somebody", KEY, "http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/models", "authorization"),
    ("somebody", KEY, "http://127.0.0.1:8080/anthropic", "http://127.0.0.1:8080/anthropic/v1/models?limit=1", "x-api-key"),
    ("mine", KEY, "https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/key", "authorization"),
    ("openai", KEY, "http://proxy.lan:4000/v1", "http://proxy.lan:4000/v1/models", "authorization"),
    ("anthropic", KEY, "http://proxy.lan:4000/v1", "http://proxy.lan:4000/v1/models?limit=1", "x-api-key"),
    (
        "amazon-bedrock",
        KEY,
        "https://bedrock-runtime.eu-west-1.amazonaws.com",
        "https://bedrock.eu-west-1.amazonaws.com/foundation-models",
        "authorization",
    ),
]


@pytest.mark.parametrize(("provider", "kind", "base_url", "url", "header"), CASES, ids=[f"{case[0]}-{case[1]}-{case[2]}" for case in CASES])
def test_the_light_probe_asks_here(provider: str, kind: CredentialKind, base_url: str, url: str, header: str) -> None:
    request = sent(light(access(provider, kind, base_url=base_url), NOW))
    assert request.url == url
    assert request.headers["user-agent"].reveal() == USER_AGENT
    carrying = {name for name, value in request.headers.items() if SAMPLE.reveal() in value.reveal()}
    assert carrying == ({header} if header else set())
    assert SAMPLE.reveal() not in request.url


def test_setup_token_is_asked_through_its_missing_scope() -> None:
    token = Secret("sk-ant-oat01-abcdef")
    request = sent(light(access("anthropic", TOKEN, token), NOW))
    assert request.url == "https://api.anthropic.com/api/oauth/usage"
    assert request.headers["anthropic-beta"].reveal() == "oauth-2025-04-20"
    assert "x-api-key" not in request.headers
    assert sent(light(access("anthropic", KEY, token), NOW)).provider.id != "anthropic"  # pasted into the wrong slot


def test_login_usage_is_asked_only_when_named() -> None:
    login = access("anthropic", OAUTH, Secret("sk-ant-oat01-abcdef"))
    assert usage(login, NOW) == ()
    assert [request.url for request in usage(login, NOW, named=True)] == ["https://api.anthropic.com/api/oauth/usage"]


@pytest.mark.parametrize(
    ("provider", "secret", "base_url", "reason"),
    [
        ("qwen", "sk-sp-abc", "", "never"),
        ("qwen", "sk-abc", "https://coding-intl.dashscope.aliyuncs.com/v1", "never"),
        ("qwen-token-plan", "anything", "", "never"),
        ("qwen-portal", "anything", "", "never"),
        ("anthropic", "sk-ant-ort01-refresh", "", "never"),
        ("anthropic", "sk-ant-sid01-session", "", "never"),
        ("github-copilot", "ghr_refresh", "", "never"),
        ("google-gemini-cli", "1//0refresh", "", "never"),
        ("google-gemini-cli", "ya29.x", "", "not_named"),
        ("google-antigravity", "ya29.x", "", "not_named"),
        ("opencode", "k", "", "no_free_probe"),
        ("volcengine", "k", "", "no_free_probe"),
        ("unheard-of", "k", "", "no_endpoint"),
        ("azure-openai", "k", "", "no_base_url"),
        ("clawrouter", "k", "", "no_base_url"),
        ("openai", "bad\nkey", "", "malformed_credential"),
    ],
)
def test_nothing_is_sent(provider: str, secret: str, base_url: str, reason: str) -> None:
    made = light(access(provider, secret=Secret(secret), base_url=base_url, kind=KEY), NOW)
    assert isinstance(made, NotSent), made
    assert made.reason == reason


def test_unknown_api_is_not_guessed() -> None:
    made = light(access("x", base_url="http://127.0.0.1/v1", api="some-new-api"), NOW)
    assert isinstance(made, NotSent)
    assert made.reason == "unsupported"


def test_configured_headers_win_on_the_configured_host_only() -> None:
    headers = {
        "X-Team": Secret("blue"),
        "Authorization": Secret("Bearer other"),
        "User-Agent": Secret("curl"),
        "Origin": Secret("x"),
        "X-Bad": Secret("a\r\nb"),
    }
    there = sent(light(access("openai", base_url="http://127.0.0.1:1/v1", headers=headers), NOW))
    assert there.headers["x-team"].reveal() == "blue"
    assert there.headers["authorization"].reveal() == "Bearer other"
    assert there.headers["user-agent"].reveal() == USER_AGENT
    assert "origin" not in there.headers
    assert "x-bad" not in there.headers
    elsewhere = sent(light(access("openai", OAUTH, base_url="https://api.openai.com/v1", headers=headers), NOW))
    assert "x-team" not in elsewhere.headers


def test_codex_account_comes_from_the_profile_or_the_token() -> None:
    payload = (
        base64.urlsafe_b64encode(json.dumps({"https://api.openai.com/auth": {"chatgpt_account_id": "acc-1"}}).encode()).decode().rstrip("=")
    )
    token = Secret(f"eyJhbGciOiJub25lIn0.{payload}.sig")
    assert sent(light(access("openai", OAUTH, token), NOW)).headers["chatgpt-account-id"].reveal() == "acc-1"
    stored = sent(light(access("openai-codex", OAUTH, token, attributes={"accountId": "acc-2"}), NOW))
    assert stored.headers["chatgpt-account-id"].reveal() == "acc-2"


def test_copilot_enterprise_goes_to_its_own_host() -> None:
    made = sent(light(access("github-copilot", TOKEN, attributes={"enterpriseUrl": "https://acme.ghe.com"}), NOW))
    assert made.host == "api.acme.ghe.com"
    foreign = sent(light(access("github-copilot", TOKEN, attributes={"enterpriseUrl": "https://evil.example"}), NOW))
    assert foreign.host == "api.github.com"


def test_region_doubt_only_where_nobody_chose_the_host() -> None:
    assert sent(light(access("moonshot"), NOW)).region_doubt
    assert not sent(light(access("moonshot", base_url="https://api.moonshot.ai/v1"), NOW)).region_doubt
    assert not sent(light(access("minimax-cn"), NOW)).region_doubt
    assert not sent(light(access("openai"), NOW)).region_doubt


@given(
    st.sampled_from(PROVIDERS),
    st.sampled_from(CredentialKind),
    st.sampled_from(["", "http://127.0.0.1:9/v1", "https://gw.example/anthropic"]),
    st.booleans(),
)
def test_a_key_goes_only_to_its_own_host(row: object, kind: CredentialKind, base_url: str, named: bool) -> None:
    provider = BY_ID[getattr(row, "id", "")]
    if not provider.ids:
        return
    made = light(access(provider.ids[0], kind, base_url=base_url, attributes={"account": "a1", "region": "eu-west-1"}), NOW, named=named)
    if isinstance(made, NotSent):
        return
    if base_url:
        assert made.host == urlsplit(base_url).netloc
    else:
        assert is_vendors(BY_ID[made.provider.id], made.url)


def test_every_light_probe_is_free() -> None:
    spending = (
        "completions",
        "/messages",
        "generateContent",
        "/responses",
        "/converse",
        "/chat",
        "/generate",
        "consume",
        "oauth/token",
        "/token\n",
    )
    for row in PROVIDERS:
        for call in (row.light, *row.usage):
            assert call is None or not any(word in call.path for word in spending), row.id


def test_rows_are_complete() -> None:
    for row in PROVIDERS:
        assert row.light is not None or row.never or row.no_light, row.id
        assert row.base_url or row.id in {
            "azure-openai",
            "azure-openai-entra",
            "clawrouter",
            "openai-compatible",
            "anthropic-compatible",
            "gemini-compatible",
        }
        if row.light is not None:
            assert row.light.at_least <= row.light.every, row.id
            assert row.validates is not Validates.KEYLESS or row.light.auth is Auth.NONE, row.id


def test_deep_probes_cost_one_token_and_subscriptions_wait_for_a_person() -> None:
    request = sent(deep(access("groq", model="llama-3.1-8b-instant"), NOW))
    assert request.url == "https://api.groq.com/openai/v1/chat/completions"
    assert json.loads(request.body.reveal())["max_tokens"] == 1
    login = access("anthropic", OAUTH, Secret("sk-ant-oat01-x"), model="claude-opus-4-8")
    refused = deep(login, NOW)
    assert isinstance(refused, NotSent)
    assert refused.reason == "manual_only"
    assert json.loads(sent(deep(login, NOW, by_hand=True)).body.reveal())["model"] == "claude-haiku-4-5"
    never = deep(access("qwen-token-plan"), NOW, by_hand=True)
    assert isinstance(never, NotSent)


@pytest.mark.parametrize(
    ("configured", "offered", "expected"),
    [
        ("mine", ("x",), "mine"),
        ("", ("a", "llama-3.1-8b-instant"), "llama-3.1-8b-instant"),
        ("", ("big", "tiny-embed", "other-mini"), "other-mini"),
        ("", ("big",), ""),
        ("", (), "llama-3.1-8b-instant"),
    ],
)
def test_the_model_is_configured_or_small(configured: str, offered: tuple[str, ...], expected: str) -> None:
    assert choose(BY_ID["groq"], configured, offered) == expected


def test_a_list_that_shows_only_its_first_models_names_none() -> None:
    """Else a default model would be passed over for whatever came first."""
    assert listed({"data": [{"id": "claude-opus-5"}], "has_more": True}) == ()
    assert listed({"models": [{"name": "models/gemini-3-pro"}], "nextPageToken": "abc"}) == ()
    assert listed({"data": [{"id": "claude-haiku-4-5"}], "has_more": False}) == ("claude-haiku-4-5",)


def test_lists_of_every_form_are_read() -> None:
    assert listed({"data": [{"id": "a"}]}) == ("a",)
    assert listed([{"id": "a"}]) == ("a",)
    assert listed({"models": [{"name": "models/g"}]}) == ("g",)


def test_signature_matches_the_published_example() -> None:
    keys = AwsKeys("AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
    made = sign(
        "GET",
        "https://example.amazonaws.com/?Param2=value2&Param1=value1",
        {},
        b"",
        keys,
        "us-east-1",
        "service",
        datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    assert made["authorization"].endswith("Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")
    iam = sign(
        "GET",
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        b"",
        keys_example(),
        "us-east-1",
        "iam",
        datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    assert iam["authorization"].endswith("Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")


def keys_example() -> AwsKeys:
    return AwsKeys("AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))


def test_access_key_pair_is_checked_by_signed_caller_identity() -> None:
    pair = access(
        "amazon-bedrock",
        KEY,
        Secret("AKIAIOSFODNN7EXAMPLE"),
        attributes={"region": "eu-west-1"},
        extras={"secret_access_key": Secret("s"), "session_token": Secret("t")},
    )
    request = sent(light(pair, NOW))
    assert request.url == "https://sts.eu-west-1.amazonaws.com/"
    assert request.headers["x-amz-security-token"].reveal() == "t"
    assert "/eu-west-1/sts/aws4_request" in request.headers["authorization"].reveal()
    lone = light(access("amazon-bedrock", KEY, Secret("AKIAIOSFODNN7EXAMPLE")), NOW)
    assert isinstance(lone, NotSent)
    assert lone.reason == "missing_credential"


def test_short_bedrock_key_tells_region_and_end() -> None:
    url = "bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=ASIA%2F20261101%2Feu-north-1%2Fbedrock%2Faws4_request&X-Amz-Date=20261101T000000Z&X-Amz-Expires=43200"
    key = Secret("bedrock-api-key-" + base64.b64encode(url.encode()).decode())
    assert region_of("", {}, key) == "eu-north-1"
    assert key_expires_at(key) == datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert key_expires_at(Secret("bedrock-api-key-!!!!")) is None


def test_find_prefers_the_shape_of_the_secret() -> None:
    rows = {kind: find("anthropic", kind, Secret("sk-ant-api03-x")) for kind in CredentialKind}
    assert {row.id for row in rows.values() if row} == {"anthropic"}
    assert find("nobody", KEY, SAMPLE) is None
