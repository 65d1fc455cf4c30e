"""Edge. The status page in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from exporter.alerting.alert import Matcher, Silence
from exporter.outcome import Balance, Outcome, ProbeStatus, Quota, RateLimit
from exporter.verdict import AgentVerdict, Health, Snapshot
from exporter.web.look import Look
from tests.metrics.shown import HOUR, NOW, everything, gateway, profile, provider, snapshot
from tests.page.conftest import Window
from tests.web.serving import LOOK, Place

pytestmark = pytest.mark.real

Windows = Callable[..., Window]
NOTHING = Snapshot(NOW, searched=("/home/someone/.openclaw", "/home/someone/.clawdbot"))


def fleet(count: int) -> Snapshot:
    """Return a gateway of many agents with `count` profiles in all."""
    agents = []
    for number in range(count // 10):
        rows = tuple(profile(f"anthropic:{number}-{place}", f"agent{number}") for place in range(9))
        lame = profile(f"anthropic:{number}-old", f"agent{number}", health=Health.EXPIRED, usable=False, expires_at=NOW - HOUR)
        agents.append(
            AgentVerdict("openclaw", f"agent{number}", True, True, (provider(f"agent{number}", next=rows[0].profile),), (*rows, lame))
        )
    return Snapshot(NOW, (gateway(*agents),))


@pytest.fixture(autouse=True)
def as_it_was(site: Place) -> None:
    site.look = LOOK
    site.find()


def _show(site: Place, shown: Snapshot | Look) -> None:
    site.look = shown if isinstance(shown, Look) else replace(LOOK, snapshot=shown)
    site.find()


class TestFirstScreen:
    @pytest.mark.parametrize(
        ("shown", "words"),
        [
            pytest.param(snapshot(profile()), "Everything works", id="fine"),
            pytest.param(everything(), "anthropic is down", id="down"),
            pytest.param(NOTHING, "No gateway found", id="nothing"),
            pytest.param(replace(LOOK, ready=False), "not done yet", id="not ready"),
            pytest.param(replace(everything(), clock_held="the clock shows 1970"), "Verdicts are held", id="clock"),
        ],
    )
    def test_answers_whether_all_is_well(self, window: Windows, site: Place, shown: Snapshot | Look, words: str) -> None:
        _show(site, shown)
        page = window().open()
        expect(page.locator("h1")).to_contain_text(words)
        assert words.removesuffix(" yet") in page.title()

    def test_says_what_since_when_what_works_and_what_to_run(self, window: Windows, site: Place) -> None:
        found = site.find()
        down = next(finding for finding in found.findings if finding.name == "ProviderDown")
        page = window().open()
        card = page.locator(f"#t-{down.id}")
        expect(card).to_be_in_viewport()
        for words in ("anthropic", "critical", "since", "Still works", "Do:"):
            expect(card).to_contain_text(words)

    def test_names_every_profile_with_its_verdicts(self, window: Windows, site: Place) -> None:
        page = window().open()
        body = page.locator("main").inner_text()
        for words in (
            "anthropic:parked",
            "cooldown: rate_limit for claude-sonnet-4-5",
            "rate limit (requests)",
            "42% used",
            "12.50 USD",
            "next",
        ):
            assert words in body, words
        assert "ann@example.com" not in page.content()
        absolute = page.locator("time[title]").first.get_attribute("title")
        assert absolute is not None
        assert absolute.endswith("UTC")

    def test_the_empty_state_says_what_was_looked_for(self, window: Windows, site: Place) -> None:
        _show(site, NOTHING)
        expect(window().open().locator("main")).to_contain_text("/home/someone/.clawdbot")


PHONE, DESKTOP = 360, 1200


@pytest.mark.parametrize(
    ("shown", "width", "scheme"),
    [
        pytest.param(everything(), PHONE, "light", id="everything-phone-light"),
        pytest.param(everything(), PHONE, "dark", id="everything-phone-dark"),
        pytest.param(everything(), DESKTOP, "light", id="everything-desktop-light"),
        pytest.param(everything(), DESKTOP, "dark", id="everything-desktop-dark"),
        pytest.param(NOTHING, PHONE, "dark", id="nothing-phone-dark"),
        pytest.param(NOTHING, DESKTOP, "light", id="nothing-desktop-light"),
        pytest.param(fleet(20), PHONE, "light", id="fleet-phone-light"),
        pytest.param(fleet(20), DESKTOP, "dark", id="fleet-desktop-dark"),
    ],
)
def test_anybody_can_read_it(window: Windows, site: Place, shown: Snapshot, width: int, scheme: str) -> None:
    _show(site, shown)
    site.board.silence(Silence("00", (Matcher("provider", "openai"),), "ann", "known", NOW, NOW + HOUR), NOW)
    looking = window(width, scheme)
    page = looking.open("/?silence=provider%3Danthropic")
    page.locator("details").evaluate_all("all => { for (const one of all) one.open = true }")
    assert looking.axe() == []
    assert looking.overflow() == 0
    assert page.locator("h1").evaluate("element => parseFloat(getComputedStyle(element).fontSize)") >= 20


def test_the_page_of_a_profile_tells_everything(window: Windows, site: Place) -> None:
    looking = window()
    page = looking.open()
    page.get_by_role("link", name="anthropic:parked").first.click()
    expect(page.locator("h1")).to_have_text("anthropic:parked")
    for words in ("What to do", "rule rule", "Last failure", "rate_limit 2", "History", "The gateway's own word", "Roll-up"):
        expect(page.locator("main")).to_contain_text(words)
    assert looking.axe() == []


def test_hostile_names_lead_to_their_page(window: Windows, site: Place) -> None:
    names = ("a/b:../c", "x?y#z:%2F", "<img src=x onerror=alert(1)>:q", "ann@example.com:work", "naïve:ключ\u202e")
    agent = AgentVerdict("openclaw", "main", True, True, (provider(next=names[0]),), tuple(profile(name) for name in names))
    _show(site, Snapshot(NOW, (gateway(agent),)))
    looking = window()
    links = looking.open().locator("a.name").evaluate_all("all => all.map(link => [link.innerText, link.getAttribute('href')])")
    assert len(links) == len(names)
    for shown, path in links:
        expect(looking.open(path).locator("h1")).to_have_text(shown)
    assert looking.open("/profile/openclaw/main/nobody").locator("h1").count() == 0
    looking.errors.clear()  # the browser reports the 404 that was asked for


class TestLargeFleet:
    def test_folds_and_filters(self, window: Windows, site: Place) -> None:
        _show(site, fleet(200))
        looking = window()
        page = looking.open()
        expect(page.locator("details.card:not([open])")).to_have_count(20)
        page.get_by_role("searchbox").fill("agent7 expired")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.locator("main")).to_contain_text("1 of 200 profiles match")
        expect(page.get_by_role("link", name="anthropic:7-old").first).to_be_visible()
        assert "q=agent7" in page.url
        page.get_by_role("combobox", name="Show").select_option("trouble")
        page.get_by_role("searchbox").fill("")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.locator("details.card")).to_have_count(20)

    def test_works_by_keyboard_alone(self, window: Windows, site: Place) -> None:
        _show(site, fleet(50))
        page = window().open()
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        summary = page.locator("details.card summary").first
        summary.focus()
        page.keyboard.press("Enter")
        expect(page.locator("details.card").first).to_have_attribute("open", "")
        page.keyboard.press("Tab")
        expect(page.locator("details.card a.name").first).to_be_focused()


class TestScripts:
    def test_it_renews_itself_and_keeps_what_was_unfolded(self, window: Windows, site: Place) -> None:
        _show(site, fleet(50))
        looking = window()
        page = looking.page
        page.clock.install()
        looking.open()
        page.locator("details.card summary").nth(2).click()
        _show(site, replace(LOOK, snapshot=fleet(60)))
        page.clock.fast_forward(31_000)
        expect(page.locator("main")).to_contain_text("60 profiles")
        assert [card.get_attribute("open") is not None for card in page.locator("details.card").all()[:4]] == [False, False, True, False]

    def test_it_leaves_a_person_at_the_form_alone(self, window: Windows, site: Place) -> None:
        looking = window(login=True)
        page = looking.page
        page.clock.install()
        looking.open()
        page.locator("#silence summary").click()
        page.get_by_label("Why").fill("half a sentence")
        page.clock.fast_forward(61_000)
        page.wait_for_timeout(300)
        expect(page.get_by_label("Why")).to_have_value("half a sentence")

    def test_it_says_when_the_exporter_is_gone(self, window: Windows, site: Place) -> None:
        looking = window()
        page = looking.page
        page.clock.install()
        looking.open()
        page.route("**/*", lambda route: route.abort())
        page.clock.fast_forward(31_000)
        expect(page.get_by_role("status").first).to_contain_text("does not answer")
        looking.errors.clear()  # the browser reports the request that was broken here

    def test_a_command_is_copied(self, window: Windows, site: Place) -> None:
        page = window().open()
        button = page.locator("button.copy:visible").first
        command = page.locator(f"#{button.get_attribute('data-copy')}").inner_text()
        button.click()
        expect(page.get_by_role("status").first).to_have_text("Command copied")
        assert page.evaluate("navigator.clipboard.readText()") == command

    def test_without_scripts_everything_is_there_and_it_still_renews_itself(self, window: Windows, site: Place) -> None:
        page = window(scripts=False).open()
        expect(page.locator("h1")).to_contain_text("down")
        assert page.locator("button.copy:visible").count() == 0
        assert 'http-equiv="refresh"' in page.content()
        assert 'http-equiv="refresh"' not in window(scripts=False).open("/?silence=").content()


class TestChanges:
    def test_a_silence_is_made_from_an_alert_and_ended(self, window: Windows, site: Place) -> None:
        page = window(login=True).open()
        page.get_by_role("link", name="Silence").first.click()
        assert "provider=" in page.get_by_label("What it covers").input_value()
        page.get_by_label("For how long").fill("90m")
        page.get_by_label("Why").fill("the bill is being paid")
        page.get_by_role("button", name="Silence", exact=True).click()
        row = page.locator("#silences + ul")
        expect(row).to_contain_text("the bill is being paid")
        expect(row).to_contain_text("by token")
        for end in range(page.get_by_role("button", name="End the silence").count(), 0, -1):
            page.get_by_role("button", name="End the silence").first.click()
            expect(page.get_by_role("button", name="End the silence")).to_have_count(end - 1)
        expect(page.locator("section[aria-labelledby=silences]")).to_contain_text("None.")

    def test_an_alert_is_acknowledged(self, window: Windows, site: Place) -> None:
        site.look = replace(LOOK, now=NOW + timedelta(hours=1))
        site.find()
        page = window(login=True).open()
        before = page.get_by_role("button", name="Acknowledge").count()
        page.get_by_role("button", name="Acknowledge").first.click()
        expect(page.locator("main")).to_contain_text("acknowledged by token")
        expect(page.get_by_role("button", name="Acknowledge")).to_have_count(before - 1)

    def test_a_form_without_a_login_is_not_obeyed(self, window: Windows, site: Place) -> None:
        looking = window()
        page = looking.open("/?silence=provider%3Dopenai")
        before = site.board.view().silences
        with page.expect_response(lambda answer: answer.request.method == "POST") as caught:
            page.get_by_role("button", name="Silence", exact=True).click()
        assert caught.value.status == 401
        assert site.board.view().silences == before
        looking.errors.clear()  # the browser reports the 401 that was asked for


def test_meters_and_balances_are_drawn_with_their_words(window: Windows, site: Place) -> None:
    outcome = Outcome(
        ProbeStatus.OK, at=NOW, quotas=(Quota("7d", 0.97, NOW + HOUR),), balances=(Balance("USD", 3.5), Balance("credits", 0)),
        rate_limits=(RateLimit("requests", "minute", 50, 5),),
    )  # fmt: skip
    _show(site, snapshot(profile(probe=outcome)))
    page = window().open()
    for name in ("quota 7d: 97% used, resets in 1h", "requests a minute: 5 of 50 left"):
        expect(page.get_by_role("img", name=name)).to_be_visible()
    expect(page.locator("main")).to_contain_text("3.50 USD")
    assert page.get_by_role("img", name="balance").count() == 0
    _show(site, replace(LOOK, snapshot=snapshot(profile(probe=outcome)), lowest={"anthropic": 5.0}))
    for words in ("balance: 3.50 USD, at least 5.00 is wanted", "balance: 0.00 credits, at least 5.00 is wanted"):
        expect(window().open().get_by_role("img", name=words)).to_be_visible()


def test_what_an_agent_does_not_use_is_folded_away(window: Windows, site: Place) -> None:
    used = tuple(profile(f"anthropic:{number}") for number in range(14))
    spare = profile("openai:spare", provider="openai")
    rows = (provider(next="anthropic:0"), provider(provider="openai", in_use=False, next="openai:spare"))
    _show(site, Snapshot(NOW, (gateway(AgentVerdict("openclaw", "main", True, True, rows, (*used, spare))),)))
    page = window().open()
    expect(page.locator("details.spare > summary")).to_have_text("Not in use (1): openai")
    expect(page.locator("#p-openclaw-main-openai")).to_be_hidden()
    expect(page.locator("#p-openclaw-main-anthropic")).to_be_visible()
    expect(window().open("/?q=openai").locator("#p-openclaw-main-openai")).to_be_visible()
