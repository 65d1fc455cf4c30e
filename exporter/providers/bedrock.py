"""Pure. Amazon Bedrock: API keys are Bearer tokens, access-key pairs sign each request (Signature Version 4).

Source: AWS Signature Version 4 reference, Bedrock API error codes, STS GetCallerIdentity (always allowed to a valid pair).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, unquote, urlsplit

from exporter.model import CredentialKind, Secret
from exporter.outcome import ProbeStatus as P
from exporter.providers.row import Auth, Call, Deep, ErrorShape, Provider, Purpose, Shape, rule

RULES = (
    rule(P.FORMAT, "clock", codes="incompletesignature incompletesignatureexception requestexpired requesttimetooskewed"),
    rule(P.FORMAT, "clock", text=r"signature (has )?expired|signature not yet current"),
    rule(P.AUTH, "invalid", 403, text=r"authentication failed.{0,60}api key is valid"),
    rule(P.AUTH, "expired", codes="expiredtoken expiredtokenexception"),
    rule(P.AUTH, "expired", 403, text=r"security token included in the request is expired|token (has )?expired"),
    rule(P.AUTH, "invalid", codes="unrecognizedclientexception invalidclienttokenid invalidsignatureexception signaturedoesnotmatch"),
    rule(P.AUTH, "invalid", 403, text=r"invalid api key format|security token included in the request is invalid"),
    rule(P.BILLING, "overdue", 403, text=r"marketplace|payment instrument|invalid_payment_instrument"),
    rule(P.MODEL_NOT_FOUND, "", text=r"ftuformnotfilled|use case details have not been submitted"),
    rule(P.MODEL_NOT_FOUND, "", 400, text=r"on-demand throughput isn.?t supported|model identifier is invalid"),
    rule(P.MODEL_NOT_FOUND, "", 404, purpose=Purpose.DEEP),
    rule(P.RATE_LIMIT, "daily", 429, text=r"too many tokens per day"),
    rule(P.RATE_LIMIT, "burst", codes="servicequotaexceededexception"),
    rule(P.AUTH, "scope", 403, codes="accessdeniedexception accessdenied"),
)
_HOST_REGION = re.compile(r"bedrock(?:-runtime|-mantle)?\.([a-z0-9-]+)\.(?:amazonaws\.com|api\.aws)")
_SHORT_KEY = "bedrock-api-key-"


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """An access-key pair, with the session token of a temporary one."""

    access_key: str
    secret_key: Secret
    session_token: Secret | None = None


def region_of(base_url: str, attributes: Mapping[str, str], key: Secret | None) -> str:
    """The region a key belongs to: by base URL, by what was stored, by the key itself; else AWS' first one."""
    found = _HOST_REGION.search(base_url)
    if found is not None:
        return found.group(1)
    named = attributes.get("region") or attributes.get("awsRegion") or ""
    if re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", named):
        return named
    scope = _presigned(key).get("X-Amz-Credential", "").split("/")
    return scope[2] if len(scope) > 2 and re.fullmatch(r"[a-z0-9-]{5,20}", scope[2]) else "us-east-1"


def key_expires_at(key: Secret) -> datetime | None:
    """When a short-term key ends: the pre-signed URL inside says so. Undocumented, so None on any surprise."""
    query = _presigned(key)
    try:
        start = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return start + timedelta(seconds=int(query["X-Amz-Expires"]))
    except (KeyError, ValueError, OverflowError):
        return None


def _presigned(key: Secret | None) -> Mapping[str, str]:
    value = key.reveal() if key else ""
    if not value.startswith(_SHORT_KEY):
        return {}
    raw = value.removeprefix(_SHORT_KEY)
    try:
        url = base64.b64decode(raw + "=" * (-len(raw) % 4), validate=False).decode("utf-8", errors="replace")
        return {name: values[0] for name, values in parse_qs(url.partition("?")[2]).items()}
    except ValueError:
        return {}


def sign(
    method: str, url: str, headers: Mapping[str, str], body: bytes, keys: AwsKeys, region: str, service: str, now: datetime
) -> Mapping[str, str]:
    """The headers that sign one request with Signature Version 4; `headers` are those already set, all of which are signed.

    Source: AWS General Reference, "Create a signed AWS API request"; checked against its published example.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    parts = urlsplit(url)
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()} | {"host": parts.netloc, "x-amz-date": stamp}
    if keys.session_token is not None:
        signed["x-amz-security-token"] = keys.session_token.reveal()
    names = ";".join(sorted(signed))
    path = quote(parts.path or "/", safe="/-_.~")
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = "\n".join((method, path, _query(parts.query), lines, names, hashlib.sha256(body).hexdigest()))
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = b"AWS4" + keys.secret_key.reveal().encode()
    for word in (stamp[:8], region, service, "aws4_request", text):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    credential = f"Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    added = {"x-amz-date": stamp, "authorization": f"AWS4-HMAC-SHA256 {credential}"}
    return added | ({"x-amz-security-token": signed["x-amz-security-token"]} if keys.session_token is not None else {})


def _query(query: str) -> str:
    pairs = [part.partition("=") for part in query.split("&") if part]
    return "&".join(sorted(f"{quote(unquote(name), safe='-_.~')}={quote(unquote(value), safe='-_.~')}" for name, _, value in pairs))


_CALLER = "Action=GetCallerIdentity&Version=2011-06-15"

ROWS = (
    Provider(
        id="amazon-bedrock",
        ids=("amazon-bedrock", "bedrock", "aws-bedrock"),
        base_url="https://bedrock-runtime.{region}.amazonaws.com",
        regions=("https://bedrock.{region}.amazonaws.com",),
        light=Call("https://bedrock.{region}.amazonaws.com/foundation-models", auth=Auth.AWS, shape=("modelSummaries", "data")),
        deep=Deep(Shape.BEDROCK, ("us.amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0"), auth=Auth.AWS),
        errors=ErrorShape.AWS,
        keys=(r"ABSK.+", r"bedrock-api-key-.+"),
        rules=RULES,
    ),
    Provider(
        id="amazon-bedrock-mantle",
        ids=("amazon-bedrock-mantle",),
        base_url="https://bedrock-mantle.{region}.api.aws/v1",
        light=Call("/models", shape=("data",)),
        deep=Deep(),
        keys=(r"ABSK.+", r"bedrock-api-key-.+"),
        rules=RULES,
    ),
    # GetCallerIdentity needs no permission: the cleanest check of an access-key pair.
    Provider(
        id="amazon-bedrock-keys",
        ids=("amazon-bedrock", "bedrock", "aws-bedrock"),
        base_url="https://bedrock-runtime.{region}.amazonaws.com",
        regions=("https://bedrock.{region}.amazonaws.com",),
        light=Call(
            "https://sts.{region}.amazonaws.com/", "POST", Auth.AWS, body=_CALLER,
            headers=(("content-type", "application/x-www-form-urlencoded; charset=utf-8"), ("accept", "application/json")),
            shape=("GetCallerIdentityResponse",),
        ),
        deep=Deep(Shape.BEDROCK, ("us.amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0"), auth=Auth.AWS),
        errors=ErrorShape.AWS,
        keys=(r"(AKIA|ASIA)[A-Z2-7]{16}",),
        kinds=frozenset({CredentialKind.API_KEY}),
        rules=RULES,
    ),
)  # fmt: skip
