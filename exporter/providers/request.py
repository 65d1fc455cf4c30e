"""Pure. The one request a probe sends: address, headers and body, built from a row and a credential, or the reason why none is sent.

A key goes only to the host it was configured for, or to its vendor's own. Configured headers go only to the configured host.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from exporter import __version__
from exporter.model import EMPTY, CredentialKind, Secret
from exporter.providers.bedrock import AwsKeys, region_of, sign
from exporter.providers.never import never_sent
from exporter.providers.row import Auth, Call, Provider, Purpose
from exporter.providers.table import find, generic, is_vendors

USER_AGENT = f"model-auth-exporter/{__version__}"
_NO_SECRETS: Mapping[str, Secret] = MappingProxyType({})
_KEPT_OUT = frozenset(
    [
        "host",
        "user-agent",
        "origin",
        "referer",
        "cookie",
        "content-length",
        "content-type",
        "connection",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "proxy-authorization",
        "accept-encoding",
    ]
)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")
_CREDENTIAL_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key", "xi-api-key"})


@dataclass(frozen=True, slots=True)
class Access:
    """What the gateway (or a setting of ours) knows about one credential.

    `extras` holds the other secrets of it (`secret_access_key`, `session_token`); `attributes` what is not secret (`accountId`, `region`,
    `projectId`, `account`, `gateway`, `enterpriseUrl`).
    """

    provider: str
    kind: CredentialKind
    secret: Secret | None
    base_url: str = ""
    api: str = ""
    headers: Mapping[str, Secret] = field(default_factory=lambda: _NO_SECRETS)
    attributes: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    extras: Mapping[str, Secret] = field(default_factory=lambda: _NO_SECRETS)
    model: str = ""  # the first model configured for this provider, without the provider's name


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to send. `region_doubt`: nobody configured this host, so a refusal may only mean the other region."""

    provider: Provider
    purpose: Purpose
    method: str
    url: str
    headers: Mapping[str, Secret]
    body: Secret
    region_doubt: bool = False
    model: str = ""
    secrets: tuple[Secret, ...] = ()  # everything secret in it, to be masked in what comes back

    @property
    def host(self) -> str:
        """The host and port this goes to, in lower case."""
        return urlsplit(self.url).netloc.lower()


@dataclass(frozen=True, slots=True)
class NotSent:
    """Why nothing is sent; `reason` is a code and a probe's detail, `words` are for people. `no_model`: nothing to ask at all."""

    reason: str
    words: str
    no_model: bool = False


def light(access: Access, now: datetime, *, named: bool = False) -> Request | NotSent:
    """The free request that asks whether the key is accepted; `named` when the operator's settings name this provider."""
    row = find(access.provider, access.kind, access.secret, access.base_url, access.api)
    refusal = _refusal(row, access)
    if row is None or refusal is not None:
        return refusal or NotSent("unsupported", "no probe is known for this provider")
    if row.light is None:
        return NotSent("no_free_probe", row.no_light or "the provider has no free request that checks a key")
    return ask(row, row.light, access, Purpose.LIGHT, now, named=named)


def usage(access: Access, now: datetime, *, named: bool = False) -> tuple[Request, ...]:
    """The free usage and balance requests beside the light probe that may be sent."""
    row = find(access.provider, access.kind, access.secret, access.base_url, access.api)
    if row is None or _refusal(row, access) is not None:
        return ()
    built = [ask(row, call, access, Purpose.USAGE, now, named=named) for call in row.usage]
    return tuple(request for request in built if isinstance(request, Request))


def ask(row: Provider, call: Call, access: Access, purpose: Purpose, now: datetime, *, named: bool = False) -> Request | NotSent:
    """One free request of a row."""
    if call.named and not named:
        return NotSent("not_named", "asked only when the settings name this provider")
    base = base_of(row, access)
    if call.path.startswith("https://") and base == access.base_url != "" and not is_vendors(row, base):
        other = generic(access.base_url, access.api)
        row = replace(other, id=row.id, rules=row.rules, errors=row.errors)
        call = other.light or call
    if row.light is not None and call.auth is not Auth.NONE and access.secret is None and not row.local:
        return NotSent("missing_credential", "there is no key to send")
    url = _url(row, call, base, access)
    if not url:
        return NotSent("no_base_url", "nobody configured the address of this provider", no_model=True)
    body = call.body
    if call.auth in (Auth.FORM_CREDENTIALS, Auth.FORM_ACCESS_TOKEN) and access.secret is not None:
        body = ("credentials=" if call.auth is Auth.FORM_CREDENTIALS else "access_token=") + quote(access.secret.reveal(), safe="")
    return finish(row, access, purpose, call.method, url, call.auth, dict(call.headers), body, now)


def finish(
    row: Provider,
    access: Access,
    purpose: Purpose,
    method: str,
    url: str,
    auth: Auth,
    fixed: dict[str, str],
    body: str,
    now: datetime,
    model: str = "",
) -> Request | NotSent:
    """Add the credential, the configured headers and our name, and make the request."""
    plain = {"accept": "application/json", "accept-encoding": "identity", "user-agent": USER_AGENT} | fixed
    if body and "content-type" not in plain:
        form = auth in (Auth.FORM_CREDENTIALS, Auth.FORM_ACCESS_TOKEN)
        plain["content-type"] = "application/x-www-form-urlencoded" if form else "application/json"
    attached = _attached(auth, access, method, url, plain, body, now)
    if isinstance(attached, NotSent):
        return attached
    headers = {name: Secret(value) for name, value in (plain | attached).items()}
    configured = _configured(access, url)
    if any(name in _CREDENTIAL_HEADERS for name in configured):
        headers = {name: value for name, value in headers.items() if name not in _CREDENTIAL_HEADERS}
    headers |= configured | _account(row, access)
    doubt = row.region_bound and not access.base_url and access.provider.lower() not in {name for name, _ in row.bases}
    secrets = tuple(value for value in (access.secret, *access.extras.values(), *configured.values()) if value is not None)
    return Request(row, purpose, method, url, headers, Secret(body), doubt, model, secrets)


def base_of(row: Provider, access: Access) -> str:
    """The base URL in force: the configured one, unless it belongs to another row of the same vendor; else the row's own."""
    if access.base_url:
        others = find(access.provider, None, None, access.base_url)
        if others is None or others.id == row.id or not is_vendors(others, access.base_url) or is_vendors(row, access.base_url):
            return access.base_url
    return dict(row.bases).get(access.provider.strip().lower(), row.base_url)


def _refusal(row: Provider | None, access: Access) -> NotSent | None:
    never = never_sent(access.secret, access.base_url) or (row.never if row is not None else "")
    if never:
        return NotSent("never", never)
    if row is None and access.base_url:
        return NotSent("unsupported", "its form of API is not known to us")
    if row is None:
        return NotSent("no_endpoint", "neither a known provider nor a base URL to ask", no_model=True)
    return None


def _url(row: Provider, call: Call, base: str, access: Access) -> str:
    if call.path.startswith("https://"):
        enterprise = _enterprise(access)
        path = call.path.replace("https://api.github.com", f"https://api.{enterprise}") if enterprise else call.path
        return fill(path, base, access)
    return fill(join(base, call.path, call.strip, origin=call.origin), base, access)


def join(base: str, path: str, strip: tuple[str, ...], *, origin: bool = False) -> str:
    """`base` and `path` as one address; the longest of `strip` that ends the base is cut off first. Empty without a usable base."""
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    kept = "" if origin else parts.path.rstrip("/")
    for ending in sorted(strip, key=len, reverse=True):
        if kept.endswith(ending):
            kept = kept.removesuffix(ending)
            break
    return f"{parts.scheme}://{parts.netloc}{kept}{path}"


def fill(url: str, base: str, access: Access) -> str:
    """Fill `{region}` and the like from what is stored; empty when something is missing or could change the host."""
    known = {
        "region": region_of(base, access.attributes, access.secret),
        "account": access.attributes.get("account") or access.attributes.get("accountId") or "",
        "gateway": access.attributes.get("gateway") or access.attributes.get("gatewayId") or "",
        "project": access.attributes.get("projectId") or access.attributes.get("project") or "",
        "location": access.attributes.get("location") or access.attributes.get("region") or "",
    }
    for name in re.findall(r"\{([a-z]+)\}", url):
        value = known.get(name, "")
        if not _LABEL.fullmatch(value):
            return ""
        url = url.replace("{" + name + "}", value)
    return url


def _attached(
    auth: Auth, access: Access, method: str, url: str, plain: Mapping[str, str], body: str, now: datetime
) -> dict[str, str] | NotSent:
    """The headers that carry the credential."""
    value = access.secret.reveal().strip() if access.secret is not None else ""
    if not value or auth in (Auth.NONE, Auth.FORM_CREDENTIALS, Auth.FORM_ACCESS_TOKEN):
        return {}
    if any(ord(letter) < 33 or ord(letter) > 126 for letter in value):
        return NotSent("malformed_credential", "the key holds characters that no header can carry")
    match auth:
        case Auth.TOKEN:
            return {"authorization": f"Token {value}"}
        case Auth.GITHUB:
            return {"authorization": f"token {value}"}
        case Auth.X_API_KEY | Auth.API_KEY | Auth.X_GOOG_API_KEY | Auth.XI_API_KEY:
            return {auth.value: value}
        case Auth.AWS if value.startswith(("AKIA", "ASIA")):
            return _signed(access, value, method, url, plain, body, now)
        case _:
            return {"authorization": f"Bearer {value}"}


def _signed(
    access: Access, value: str, method: str, url: str, plain: Mapping[str, str], body: str, now: datetime
) -> dict[str, str] | NotSent:
    pair = access.extras.get("secret_access_key")
    if pair is None:
        return NotSent("missing_credential", "the secret half of the access key is not stored")
    service = "sts" if ".sts." in f".{urlsplit(url).netloc}" else "bedrock"
    region = urlsplit(url).netloc.split(".")[1]
    bound = {name: plain[name] for name in ("content-type",) if name in plain}
    return dict(sign(method, url, bound, body.encode(), AwsKeys(value, pair, access.extras.get("session_token")), region, service, now))


def _configured(access: Access, url: str) -> dict[str, Secret]:
    """The gateway's own extra headers, for the configured host only; names that could change whom we talk to or who we are stay out."""
    if access.base_url and urlsplit(access.base_url).netloc.lower() != urlsplit(url).netloc.lower():
        return {}
    kept = {}
    for name, value in access.headers.items():
        text = value.reveal()
        clean = text.isprintable() and text.isascii()
        if _HEADER_NAME.fullmatch(name) and name.lower() not in _KEPT_OUT and clean:
            kept[name.lower()] = value
    return kept


def _account(row: Provider, access: Access) -> dict[str, Secret]:
    if row.id != "openai-chatgpt":
        return {}
    account = access.attributes.get("accountId") or str(claims(access.secret).get("chatgpt_account_id") or "")
    return {"chatgpt-account-id": Secret(account)} if _LABEL.fullmatch(account) else {}


def claims(secret: Secret | None) -> Mapping[str, object]:
    """OpenAI's own claims of a JWT (no signature check, no network); empty for everything else."""
    parts = secret.reveal().split(".") if secret is not None else []
    if len(parts) != 3 or not parts[0].startswith("eyJ"):
        return {}
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    found = payload.get("https://api.openai.com/auth") if isinstance(payload, dict) else None
    return found if isinstance(found, dict) else {}


def _enterprise(access: Access) -> str:
    """The GitHub Enterprise host of a Copilot login: only `*.ghe.com`, and only for Copilot."""
    named = access.attributes.get("enterpriseUrl") or access.attributes.get("enterpriseDomain") or ""
    host = urlsplit(named if "//" in named else f"//{named}").netloc.lower()
    return host if re.fullmatch(r"[a-z0-9-]+\.ghe\.com", host) else ""
