"""Pure. The house rules that no linter knows: two kinds of file, and what the pure kind never does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "exporter"
FILES = sorted(PACKAGE.rglob("*.py"))

# Reading the clock, sleeping, opening, sending, starting, logging.
FORBIDDEN_CALLS = {
    "open", "print", "input",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now",
    "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.sleep", "time.localtime",
    "os.open", "os.stat", "os.listdir", "os.scandir", "os.getenv", "os.system", "os.popen", "os.rename", "os.remove", "os.unlink",
    "random.random", "random.randint", "random.choice", "secrets.token_hex", "secrets.token_bytes", "uuid.uuid4",
}  # fmt: skip
FORBIDDEN_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "is_file", "is_dir", "unlink", "mkdir"}
FORBIDDEN_IMPORTS = {
    "logging", "subprocess", "socket", "httpx", "urllib.request", "http.client", "threading", "asyncio", "tempfile", "shutil", "glob",
    "signal", "apscheduler", "starlette", "uvicorn", "apprise", "rich", "click", "pydantic", "pydantic_settings", "random", "secrets",
}  # fmt: skip
EDGES_THAT_MAY_SCHEDULE = {PACKAGE / "service.py"}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def _imports(tree: ast.AST) -> set[str]:
    """Every absolute module name imported anywhere in `tree`, except under `if TYPE_CHECKING`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module}
    return found


def _offences(tree: ast.AST) -> list[str]:
    found = [f"imports {name}" for name in _imports(tree) if any(name == bad or name.startswith(f"{bad}.") for bad in FORBIDDEN_IMPORTS)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = _dotted(node.func)
            if called in FORBIDDEN_CALLS or (isinstance(node.func, ast.Attribute) and node.func.attr in FORBIDDEN_METHODS):
                found.append(f"line {node.lineno}: calls {called or ast.unparse(node.func)}")
        elif isinstance(node, ast.Attribute) and _dotted(node) in {"os.environ", "sys.stdout", "sys.stderr", "sys.argv"}:
            found.append(f"line {node.lineno}: uses {_dotted(node)}")
    return found


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_every_module_says_which_kind_it_is(path: Path) -> None:
    if path.name in {"__init__.py", "__main__.py"} and len(path.read_text(encoding="utf-8").splitlines()) < 12:
        return
    assert _docstring(path).startswith(("Pure.", "Edge.")), "the module docstring begins `Pure.` or `Edge.`"


@pytest.mark.parametrize("path", [path for path in FILES if _docstring(path).startswith("Pure.")], ids=_name)
def test_a_pure_module_never_opens_sends_logs_sleeps_or_reads_the_clock(path: Path) -> None:
    assert _offences(ast.parse(path.read_text(encoding="utf-8"))) == []


def _file_of(module: str) -> Path:
    """Return the file of one of our modules; for `from exporter.x import y` of a package, its __init__."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize("path", [path for path in FILES if _docstring(path).startswith("Pure.")], ids=_name)
def test_a_pure_module_imports_only_pure_modules(path: Path) -> None:
    ours = {name for name in _imports(ast.parse(path.read_text(encoding="utf-8"))) if name.startswith("exporter.")}
    assert {name for name in ours if _docstring(_file_of(name)).startswith("Edge.")} == set()


@pytest.mark.parametrize(
    "code",
    [
        "datetime.now(UTC)",
        "time.sleep(1)",
        "open('x')",
        "import httpx",
        "from urllib.request import urlopen",
        "p.read_text()",
        "os.environ['X']",
    ],
)
def test_the_rule_for_pure_modules_catches(code: str) -> None:
    assert _offences(ast.parse(code)) != []


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_only_the_composition_root_imports_the_scheduler(path: Path) -> None:
    if path not in EDGES_THAT_MAY_SCHEDULE:
        assert not {name for name in _imports(ast.parse(path.read_text(encoding="utf-8"))) if name.split(".")[0] == "apscheduler"}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_only_one_module_hands_bytes_to_sqlite_and_none_opens_a_file_with_it_below_a_gateway(path: Path) -> None:
    """A database library may open our own journal and memory, nothing else (a read-only open still creates and locks side files)."""
    if path.is_relative_to(PACKAGE / "journal") or path.is_relative_to(PACKAGE / "demo"):  # our own file; a throw-away home
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and _dotted(node.func) == "sqlite3.connect":
            assert ast.unparse(node.args[0]) in {"':memory:'", "'file:image?mode=memory'"}, f"line {node.lineno}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_module_stays_under_three_hundred_lines(path: Path) -> None:
    nouns = {"model.py"}  # every noun in one file is the point of it
    assert path.name in nouns or len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_function_stays_under_forty_lines(path: Path) -> None:
    long = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            words = ast.get_docstring(node)
            size = (node.end_lineno or node.lineno) - node.lineno + 1 - (len(words.splitlines()) if words else 0)
            if size > 40:
                long.append(f"{node.name}: {size} lines")
    assert long == []


def test_no_test_patches_code() -> None:
    offenders = [
        _name(path)
        for path in (ROOT / "tests").rglob("*.py")
        if any(name.startswith("unittest.mock") for name in _imports(ast.parse(path.read_text(encoding="utf-8"))))
    ]
    assert offenders == []
