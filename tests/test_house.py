"""The house keeps its shape: who imports whom, one door to the network, settings that are written down."""

import ast
import re
from pathlib import Path

import pytest

from core.settings import Settings

ROOT = Path(__file__).parent.parent
CORE = ROOT / "core"

# Room -> what it may import of ours. A room not named may import nothing of ours.
MAY: dict[str, set[str]] = {
    "settings": set(),
    "errors": set(),
    "vault": {"errors", "settings"},
    "db": {"settings"},
    "models": {"db", "models", "connectors.base"},
    "lease": {"db", "errors", "models.columns"},
    "connectors": {"errors", "connectors"},
    "migrations": {"db", "models"},
    "sandbox": {"sandbox", "errors"},
    "services": {
        *("services", "models", "lease", "connectors", "vault", "db", "errors", "settings", "sandbox", "migrations"),
    },
    "ui": {"ui", "services", "models", "connectors.base", "connectors.registry", "errors", "settings", "db"},
    "pages": {"ui", "services", "models", "connectors.base", "errors", "db"},
    "Home": {"ui", "services", "models", "errors", "db"},
    "web": {"web", "services", "errors", "settings", "db", "models"},
    "worker": {"services", "settings", "db", "errors", "lease"},
    "cli": {
        "services",
        "settings",
        "db",
        "errors",
        "sandbox",
        "models",
        "connectors.base",
        "connectors.registry",
        "cli",
    },
    "__main__": {"cli"},
}
STREAMLIT = {"ui", "pages", "Home", "web"}
HEAVY = {"pandas", "altair", "streamlit"}


def sources() -> list[Path]:
    files = [*CORE.rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "Home.py", ROOT / "worker.py"]
    return [f for f in files if "versions" not in f.parts]


def room(path: Path) -> str:
    inside = path.relative_to(CORE) if path.is_relative_to(CORE) else path.relative_to(ROOT)
    return inside.parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_its_neighbours(path: Path):
    allowed = MAY.get(room(path), set())
    for name in imports(path):
        if name.startswith("core.") and room(path) != "__init__":
            inner = name.removeprefix("core.")
            assert any(inner == a or inner.startswith(a + ".") for a in allowed), f"{path.name} imports {name}"


def test_one_door_to_the_network():
    users = {str(p.relative_to(ROOT)) for p in sources() if any(n.split(".")[0] == "httpx" for n in imports(p))}
    assert users == {"core/connectors/http.py"}


def test_streamlit_only_where_pages_are_drawn():
    users = {room(p) for p in sources() if any(n.split(".")[0] == "streamlit" for n in imports(p))}
    assert users <= STREAMLIT


def test_no_network_named_outside_connectors():
    for path in sources():
        if room(path) not in {"connectors", "sandbox"}:
            assert not re.search(r"network\s*==\s*[\"']", path.read_text()), path


def test_pages_hold_no_sql_and_no_raw_html():
    for path in [*(ROOT / "pages").glob("*.py"), ROOT / "Home.py", *(CORE / "ui").glob("*.py")]:
        assert "unsafe_allow_html=True" not in path.read_text(), path
    for path in [*(ROOT / "pages").glob("*.py"), ROOT / "Home.py"]:
        assert not any(n.startswith(("sqlalchemy", "sqlmodel")) for n in imports(path)), path
        assert len(path.read_text().splitlines()) <= 160, f"{path.name}: move parts to core/ui"


def test_every_setting_is_written_down():
    named = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert named == {str(f.validation_alias) for f in Settings.model_fields.values()}


def test_the_worker_stays_small():
    """Importing what the worker runs loads none of the heavy libraries."""
    import subprocess
    import sys

    code = f"import sys, worker; print([m for m in {sorted(HEAVY)} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
