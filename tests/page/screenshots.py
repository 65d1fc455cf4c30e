"""Edge. `make screenshots`: pictures of the demo for the README, taken with the system's browser."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.page.conftest import FLAGS
from tests.running import COMMAND, ROOT, environment, fetch, free_port, until

OUT = ROOT / "docs"
_SETTLED = 30.0  # seconds until every provider of the demo was asked, refusals twice


def main() -> int:
    """Start the demo, take the pictures, end it."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.stderr.write("screenshots: no chromium on the PATH; on Debian: apt install chromium\n")
        return 1
    OUT.mkdir(exist_ok=True)
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        demo = subprocess.Popen(
            [*COMMAND, "demo", "--listen", address], env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            url = f"http://{address}"
            until("the demo serves", lambda: fetch(f"{url}/-/ready")[0] == 200, 30)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
                _take(browser, url)
                browser.close()
        finally:
            demo.terminate()
            demo.wait(10)
    return 0


def _take(browser: Browser, url: str) -> None:
    page = _page(browser, 1100, 900, "light")
    page.goto(url)
    page.wait_for_timeout(_SETTLED * 1000)
    page.goto(url)
    page.screenshot(path=OUT / "status.png")
    _page(browser, 1100, 900, "dark", url + "/#days").screenshot(path=OUT / "status-dark.png")
    _page(browser, 360, 760, "light", url).screenshot(path=OUT / "status-phone.png")
    _page(browser, 1100, 900, "light", url + "/profile/openclaw/main/anthropic%3Aoverdue").screenshot(path=OUT / "profile.png")


def _page(browser: Browser, width: int, height: int, scheme: str, url: str = "") -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light")
    if url:
        page.goto(url)
    return page


if __name__ == "__main__":
    sys.exit(main())
