"""Which directories count as gateways, what they are called, and where their things are."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Mapping
from pathlib import Path

import pytest

from exporter.model import Family, ProblemReason
from exporter.reading.discovery import Discovery, Home, discover
from exporter.settings import Gateway


def make(directory: Path, *names: str) -> Path:
    """Make a gateway-like directory: names that end in a slash are directories."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in names or ("openclaw.json",):
        if name.endswith("/"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        else:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text("{}")
    return directory


def found(home: Path, environ: Mapping[str, str] | None = None) -> dict[str, Home]:
    return {one.gateway: one for one in discover((), environ or {}, home).homes}


def test_an_empty_home_has_no_gateway_but_says_where_it_looked(tmp_path: Path) -> None:
    nothing = discover((), {}, tmp_path)
    assert nothing.homes == ()
    assert nothing.problems == ()
    assert nothing.errors == ()
    for name in (".openclaw", ".openclaw-*", ".clawdbot", ".moltbot", ".moldbot", ".remoteclaw"):
        assert str(tmp_path / name) in nothing.searched


@pytest.mark.parametrize(
    ("directory", "config", "family", "label"),
    [
        (".openclaw", "openclaw.json", Family.OPENCLAW, "openclaw"),
        (".openclaw-work", "openclaw.json", Family.OPENCLAW, "openclaw-work"),
        (".openclaw", "clawdbot.json", Family.OPENCLAW, "openclaw"),
        (".clawdbot", "clawdbot.json", Family.CLAWDBOT, "clawdbot"),
        (".clawdbot", "openclaw.json", Family.OPENCLAW, "clawdbot"),
        (".moltbot", "moltbot.json", Family.MOLTBOT, "moltbot"),
        (".moldbot", "moldbot.json", Family.MOLTBOT, "moldbot"),
        (".clawdbot", "moltbot.json", Family.CLAWDBOT, "clawdbot"),
        (".remoteclaw", "remoteclaw.json", Family.REMOTECLAW, "remoteclaw"),
        (".remoteclaw-two", "remoteclaw.json", Family.REMOTECLAW, "remoteclaw-two"),
    ],
)
def test_every_family_home_is_found(tmp_path: Path, directory: str, config: str, family: Family, label: str) -> None:
    make(tmp_path / directory, config)
    homes = found(tmp_path)
    assert list(homes) == [label]
    assert homes[label].family is family
    assert homes[label].state_dir == tmp_path / directory
    assert homes[label].config_path == tmp_path / directory / config
    assert homes[label].user is None
    assert not homes[label].explicit


def test_newer_openclaw_works_in_the_directory_of_clawdbot(tmp_path: Path) -> None:
    make(tmp_path / ".clawdbot", "clawdbot.json", "state/openclaw.sqlite")
    assert found(tmp_path)["clawdbot"].family is Family.OPENCLAW


@pytest.mark.parametrize("evidence", ["agents/", "state/", "credentials/", "auth-profiles.json", "openclaw.json", "clawdbot.json"])
def test_one_sign_makes_a_gateway(tmp_path: Path, evidence: str) -> None:
    make(tmp_path / ".openclaw", evidence)
    assert list(found(tmp_path)) == ["openclaw"]


@pytest.mark.parametrize("evidence", ["README.md", "cache/", "openclaw.json.bak", "auth-profiles.json.migrated-2026"])
def test_other_directories_are_no_gateways(tmp_path: Path, evidence: str) -> None:
    make(tmp_path / ".openclaw", evidence)
    assert found(tmp_path) == {}


def test_a_file_in_place_of_the_home_is_no_gateway(tmp_path: Path) -> None:
    (tmp_path / ".openclaw").write_text("")
    assert found(tmp_path) == {}


def test_named_profiles_have_names_a_gateway_accepts(tmp_path: Path) -> None:
    for name in (".openclaw-a", ".openclaw-old.bak", ".openclaw-", ".openclaw-_x"):
        make(tmp_path / name)
    assert list(found(tmp_path)) == ["openclaw-a"]


def test_a_home_and_links_to_it_count_once(tmp_path: Path) -> None:
    make(tmp_path / ".openclaw")
    (tmp_path / ".clawdbot").symlink_to(tmp_path / ".openclaw")
    (tmp_path / ".openclaw-same").symlink_to(".openclaw")
    assert list(found(tmp_path, {"OPENCLAW_STATE_DIR": "~/.clawdbot"})) == ["clawdbot"]
    assert list(found(tmp_path)) == ["openclaw"]


def test_a_linked_home_is_called_by_the_link(tmp_path: Path) -> None:
    make(tmp_path / "data" / "store")
    (tmp_path / ".openclaw").symlink_to(tmp_path / "data" / "store")
    assert list(found(tmp_path)) == ["openclaw"]


def test_a_link_that_leads_to_itself_stays_visible(tmp_path: Path) -> None:
    (tmp_path / ".openclaw").symlink_to(".openclaw")
    assert list(found(tmp_path)) == ["openclaw"]


@pytest.mark.parametrize(
    ("variable", "family"),
    [
        ("OPENCLAW_STATE_DIR", Family.OPENCLAW),
        ("CLAWDBOT_STATE_DIR", Family.CLAWDBOT),
        ("MOLTBOT_STATE_DIR", Family.MOLTBOT),
        ("REMOTECLAW_STATE_DIR", Family.REMOTECLAW),
    ],
)
def test_a_variable_moves_the_state_directory(tmp_path: Path, variable: str, family: Family) -> None:
    make(tmp_path / "elsewhere", "agents/")
    homes = found(tmp_path, {variable: "~/elsewhere"})
    assert list(homes) == ["elsewhere"]
    assert homes["elsewhere"].family is family


def test_a_moved_gateway_does_not_hide_the_usual_one(tmp_path: Path) -> None:
    make(tmp_path / ".openclaw")
    make(tmp_path / "moved")
    assert list(found(tmp_path, {"OPENCLAW_STATE_DIR": str(tmp_path / "moved")})) == ["moved", "openclaw"]


@pytest.mark.parametrize("blank", ["", "  ", "undefined", "null"])
def test_blank_variables_mean_nothing(tmp_path: Path, blank: str) -> None:
    make(tmp_path / ".openclaw")
    environ = dict.fromkeys(
        ("OPENCLAW_STATE_DIR", "OPENCLAW_CONFIG_PATH", "OPENCLAW_HOME", "OPENCLAW_PROFILE", "OPENCLAW_AGENT_DIR"), blank
    )
    homes = found(tmp_path, environ)
    assert homes["openclaw"].state_dir == tmp_path / ".openclaw"
    assert homes["openclaw"].agent_dir is None


@pytest.mark.parametrize(("variable", "directory"), [("OPENCLAW_HOME", ".openclaw"), ("REMOTECLAW_HOME", ".remoteclaw")])
def test_a_variable_moves_the_home(tmp_path: Path, variable: str, directory: str) -> None:
    make(tmp_path / "srv" / directory, "agents/")
    (home,) = found(tmp_path, {variable: str(tmp_path / "srv")}).values()
    assert home.state_dir == tmp_path / "srv" / directory
    assert home.home == tmp_path / "srv"


def test_a_variable_names_the_configuration_of_the_active_gateway_only(tmp_path: Path) -> None:
    make(tmp_path / ".openclaw")
    make(tmp_path / ".openclaw-work")
    (tmp_path / "other.json").write_text("{}")
    homes = found(tmp_path, {"OPENCLAW_CONFIG_PATH": "~/other.json"})
    assert homes["openclaw"].config_path == tmp_path / "other.json"
    assert homes["openclaw-work"].config_path == tmp_path / ".openclaw-work" / "openclaw.json"
    homes = found(tmp_path, {"OPENCLAW_CONFIG_PATH": "~/other.json", "OPENCLAW_PROFILE": "work"})
    assert homes["openclaw"].config_path == tmp_path / ".openclaw" / "openclaw.json"
    assert homes["openclaw-work"].config_path == tmp_path / "other.json"


def test_an_older_variable_names_a_configuration_where_there_is_none(tmp_path: Path) -> None:
    make(tmp_path / ".openclaw", "agents/")
    (tmp_path / "old.json").write_text("{}")
    homes = found(tmp_path, {"CLAWDBOT_CONFIG_PATH": "~/old.json"})
    assert homes["openclaw"].config_path == tmp_path / "old.json"
    (tmp_path / ".openclaw" / "openclaw.json").write_text("{}")
    assert found(tmp_path, {"CLAWDBOT_CONFIG_PATH": "~/old.json"})["openclaw"].config_path.name == "openclaw.json"


def test_variables_move_agent_and_credentials_of_the_active_gateway(tmp_path: Path) -> None:
    make(tmp_path / ".openclaw")
    make(tmp_path / ".openclaw-work")
    homes = found(tmp_path, {"PI_CODING_AGENT_DIR": "~/agent", "OPENCLAW_OAUTH_DIR": "/oauth", "OPENCLAW_PROFILE": "default"})
    assert homes["openclaw"].agent_dir == tmp_path / "agent"
    assert homes["openclaw"].oauth_dir == Path("/oauth")
    assert homes["openclaw-work"].agent_dir is None
    assert found(tmp_path, {"PI_CODING_AGENT_DIR": "/a", "OPENCLAW_AGENT_DIR": "/b"})["openclaw"].agent_dir == Path("/b")


def test_a_home_without_configuration_uses_its_predecessors(tmp_path: Path) -> None:
    make(tmp_path / ".openclaw", "agents/")
    make(tmp_path / ".clawdbot", "clawdbot.json")
    homes = found(tmp_path)
    assert list(homes) == ["openclaw"]
    assert homes["openclaw"].config_path == tmp_path / ".clawdbot" / "clawdbot.json"


def test_a_predecessor_with_stores_is_a_gateway_of_its_own(tmp_path: Path) -> None:
    make(tmp_path / ".openclaw", "agents/")
    make(tmp_path / ".clawdbot", "clawdbot.json", "agents/")
    assert list(found(tmp_path)) == ["openclaw", "clawdbot"]


def test_releases_with_a_shared_database_do_not_look_at_predecessors(tmp_path: Path) -> None:
    make(tmp_path / ".openclaw", "state/openclaw.sqlite")
    make(tmp_path / ".clawdbot", "clawdbot.json")
    homes = found(tmp_path)
    assert homes["openclaw"].config_path == tmp_path / ".openclaw" / "openclaw.json"
    assert list(homes) == ["openclaw", "clawdbot"]


def test_two_directories_with_one_name_are_an_error_of_the_settings(tmp_path: Path) -> None:
    make(tmp_path / ".openclaw")
    make(tmp_path / "srv" / ".openclaw")
    result = discover((), {"OPENCLAW_STATE_DIR": str(tmp_path / "srv" / ".openclaw")}, tmp_path)
    assert [home.state_dir for home in result.homes] == [tmp_path / "srv" / ".openclaw"]
    assert len(result.errors) == 1
    assert "gateways" in result.errors[0]
    assert [problem.reason for problem in result.problems] == [ProblemReason.BAD_VALUE]


class TestNamedGateways:
    """`gateways:` of the settings."""

    @staticmethod
    def named(home: Path, *gateways: Gateway, users: Mapping[str, Path] | None = None) -> Discovery:
        return discover(gateways, {}, home, user_home=(users or {}).get)

    def test_they_replace_discovery(self, tmp_path: Path) -> None:
        make(tmp_path / ".openclaw")
        make(tmp_path / "gw")
        result = self.named(tmp_path, Gateway(name="mine", state_dir=Path("~/gw"), env_file=Path("~/env"), service="gw.service"))
        (home,) = result.homes
        assert (home.gateway, home.state_dir, home.explicit) == ("mine", tmp_path / "gw", True)
        assert (home.env_file, home.service) == (tmp_path / "env", "gw.service")
        assert result.searched == (str(tmp_path / "gw"),)

    def test_a_family_alone_means_its_usual_directory(self, tmp_path: Path) -> None:
        make(tmp_path / ".remoteclaw", "auth-profiles.json")
        (home,) = self.named(tmp_path, Gateway(family=Family.REMOTECLAW)).homes
        assert (home.gateway, home.family, home.state_dir) == ("remoteclaw", Family.REMOTECLAW, tmp_path / ".remoteclaw")

    def test_the_family_of_the_setting_wins(self, tmp_path: Path) -> None:
        make(tmp_path / ".clawdbot", "clawdbot.json")
        (home,) = self.named(tmp_path, Gateway(family=Family.OPENCLAW, state_dir=tmp_path / ".clawdbot")).homes
        assert home.family is Family.OPENCLAW
        assert home.config_path == tmp_path / ".clawdbot" / "clawdbot.json"

    def test_a_missing_one_is_a_problem(self, tmp_path: Path) -> None:
        result = self.named(tmp_path, Gateway(name="gone", state_dir=tmp_path / "gone"))
        assert result.homes == ()
        (problem,) = result.problems
        assert (problem.gateway, problem.reason, problem.fatal) == ("gone", ProblemReason.NO_GATEWAY, True)
        assert str(tmp_path / "gone") in problem.place

    def test_another_users_home_is_searched_and_named(self, tmp_path: Path) -> None:
        make(tmp_path / "alice" / ".openclaw")
        users = {"alice": tmp_path / "alice"}
        (home,) = self.named(tmp_path, Gateway(user="alice", state_dir=Path("~/.openclaw")), users=users).homes
        assert (home.gateway, home.user, home.home) == ("openclaw@alice", "alice", tmp_path / "alice")
        (home,) = self.named(tmp_path, Gateway(user="alice"), users=users).homes
        assert home.state_dir == tmp_path / "alice" / ".openclaw"

    def test_our_own_user_is_nobody_else(self, tmp_path: Path) -> None:
        make(tmp_path / ".openclaw")
        me = pwd.getpwuid(os.geteuid()).pw_name
        (home,) = self.named(tmp_path, Gateway(user=me), users={me: tmp_path}).homes
        assert (home.gateway, home.user) == ("openclaw", None)

    def test_a_user_that_does_not_exist_is_a_problem(self, tmp_path: Path) -> None:
        (problem,) = self.named(tmp_path, Gateway(user="nobody-here")).problems
        assert problem.reason is ProblemReason.NO_GATEWAY

    def test_one_name_twice_is_an_error_even_when_both_are_missing(self, tmp_path: Path) -> None:
        result = self.named(tmp_path, Gateway(name="a", state_dir=tmp_path / "1"), Gateway(name="a", state_dir=tmp_path / "2"))
        assert len(result.errors) == 1
        assert "'a'" in result.errors[0]

    def test_the_name_of_our_own_keys_is_taken(self, tmp_path: Path) -> None:
        make(tmp_path / "gw")
        result = self.named(tmp_path, Gateway(name="static", state_dir=tmp_path / "gw"))
        assert result.homes == ()
        assert "static" in result.errors[0]

    def test_our_variables_do_not_move_another_users_gateway(self, tmp_path: Path) -> None:
        make(tmp_path / "alice" / ".openclaw")
        environ = {"OPENCLAW_STATE_DIR": str(tmp_path / "mine"), "OPENCLAW_AGENT_DIR": "/mine"}
        result = discover((Gateway(user="alice"),), environ, tmp_path, user_home={"alice": tmp_path / "alice"}.get)
        assert result.homes[0].state_dir == tmp_path / "alice" / ".openclaw"
        assert result.homes[0].agent_dir is None


def test_a_hostile_name_is_still_a_label(tmp_path: Path) -> None:
    directory = os.fsencode(tmp_path) + b"/\xff\xfe"
    os.mkdir(directory)
    (Path(os.fsdecode(directory)) / "openclaw.json").write_text(json.dumps({}))
    (home,) = discover((), {"OPENCLAW_STATE_DIR": os.fsdecode(directory)}, tmp_path).homes
    home.gateway.encode()


def test_a_path_that_is_none_is_no_crash(tmp_path: Path) -> None:
    assert discover((), {"OPENCLAW_STATE_DIR": "a\0b", "OPENCLAW_CONFIG_PATH": "c\0d"}, tmp_path).errors == ()


def test_a_directory_that_only_a_running_gateway_names_is_a_gateway(tmp_path: Path) -> None:
    make(tmp_path / "home" / ".openclaw")
    elsewhere = make(tmp_path / "srv" / "assistant")
    running = [(Family.OPENCLAW, elsewhere), (Family.OPENCLAW, tmp_path / "home" / ".openclaw"), (Family.OPENCLAW, tmp_path / "nothing")]
    seen = discover((), {}, tmp_path / "home", running=running)
    assert {one.gateway: one.state_dir for one in seen.homes} == {"openclaw": tmp_path / "home" / ".openclaw", "assistant": elsewhere}


def test_a_running_gateway_of_a_taken_name_is_told_and_breaks_nothing(tmp_path: Path) -> None:
    make(tmp_path / "home" / ".openclaw")
    twin = make(tmp_path / "srv" / ".openclaw")
    seen = discover((), {}, tmp_path / "home", running=[(Family.OPENCLAW, twin)])
    assert [one.state_dir for one in seen.homes] == [tmp_path / "home" / ".openclaw"]
    assert seen.errors == ()
    assert [(one.reason, str(twin) in one.place) for one in seen.problems] == [(ProblemReason.BAD_VALUE, True)]
