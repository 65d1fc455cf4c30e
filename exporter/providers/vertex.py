"""Pure. Google Vertex AI: with an access token only the token is checked; an API key has no free check.

Source: Google's OAuth and Vertex REST references. `tokeninfo` describes a token; it refreshes nothing.
"""

from __future__ import annotations

from datetime import datetime

from exporter.model import CredentialKind
from exporter.outcome import ProbeStatus as P
from exporter.providers.fields import after, get, number
from exporter.providers.google import RULES as GOOGLE_RULES
from exporter.providers.row import Auth, Call, Deep, ErrorShape, Facts, Provider, Shape, rule

RULES = (
    rule(P.AUTH, "expired", 400, codes="invalid_token"),
    rule(P.AUTH, "expired", 400, text=r"invalid_token|invalid value"),
    *GOOGLE_RULES,
)


def read_token(document: object, now: datetime) -> Facts:
    """The token's remaining life, from `expires_in` seconds."""
    return Facts(expires_at=after(now, number(get(document, "expires_in"))))


ROWS = (
    Provider(
        id="google-vertex",
        ids=("google-vertex", "anthropic-vertex", "vertex"),
        base_url="https://aiplatform.googleapis.com",
        regions=(
            "https://{region}-aiplatform.googleapis.com", "https://aiplatform.eu.rep.googleapis.com", "https://aiplatform.us.rep.googleapis.com",
        ),
        light=Call("https://oauth2.googleapis.com/tokeninfo", "POST", Auth.FORM_ACCESS_TOKEN, shape=("exp", "expires_in", "scope")),
        deep=Deep(Shape.GEMINI, ("gemini-2.5-flash-lite",), "/v1/projects/{project}/locations/{location}/publishers/google", manual=True),
        errors=ErrorShape.GOOGLE,
        keys=(r"ya29\..+",),
        kinds=frozenset({CredentialKind.TOKEN, CredentialKind.OAUTH}),
        rules=RULES,
        facts=read_token,
    ),
    Provider(
        id="google-vertex-key",
        ids=("google-vertex", "vertex"),
        base_url="https://aiplatform.googleapis.com",
        no_light="Vertex has no free request that checks an API key",
        deep=Deep(Shape.GEMINI, ("gemini-2.5-flash-lite",), "/v1/publishers/google", auth=Auth.X_GOOG_API_KEY),
        errors=ErrorShape.GOOGLE,
        keys=(r"AIza[\w-]{35}", r"AQ\.[\w.-]+"),
        kinds=frozenset({CredentialKind.API_KEY}),
        rules=RULES,
    ),
)  # fmt: skip
