"""Edge. A real Chromium that sees nothing but this machine, and pages to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from exporter.model import Secret
from exporter.settings import Settings, Web
from tests.web.serving import Place, serving

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_PATIENCE_MS = 30_000  # a machine that is busy with other tests is slow, not wrong
expect.set_options(timeout=_PATIENCE_MS)
AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@dataclass
class Window:
    """One browser window, and what must not happen in it."""

    page: Page
    place: Place
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        """Go somewhere on our own site."""
        self.page.goto(self.place.url + path)
        return self.page

    def axe(self) -> list[str]:
        """Return what the accessibility checker has to say."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{item['id']}: {item['help']} ({item['nodes'][0]['html'][:200]})" for item in found["violations"]]

    def overflow(self) -> int:
        """Return how many pixels one would have to scroll sideways."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.fixture(scope="session")
def browser(program: Callable[..., str]) -> Iterator[Browser]:
    """Start the system's browser."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program("chromium", "chromium-browser"), args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Place]:
    """Serve; anybody may read, and a login may change."""
    settings = Settings(web=Web(bearer_token=Secret("open sesame"), rights={"anonymous": ("metrics", "page")}))
    with serving(settings) as place:
        yield place


@pytest.fixture
def window(browser: Browser, site: Place) -> Iterator[Callable[..., Window]]:
    """Return what opens windows; at the end each must have been silent and have asked nobody else."""
    opened: list[Window] = []
    contexts = []

    def make(width: int = 1200, scheme: Literal["light", "dark"] = "light", *, scripts: bool = True, login: bool = False) -> Window:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=scripts,
            http_credentials={"username": "ann", "password": "open sesame"} if login else None,
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(_PATIENCE_MS)
        contexts.append(context)
        fresh = Window(context.new_page(), site)

        def heard(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                fresh.errors.append(message.text)

        def asked(request: Request) -> None:
            if not request.url.startswith((site.url, "data:")):
                fresh.strangers.append(request.url)

        fresh.page.on("console", heard)
        fresh.page.on("pageerror", lambda error: fresh.errors.append(str(error)))
        fresh.page.on("request", asked)
        opened.append(fresh)
        return fresh

    yield make
    errors, strangers = [error for one in opened for error in one.errors], [url for one in opened for url in one.strangers]
    for context in contexts:
        context.close()
    assert (errors, strangers) == ([], [])
