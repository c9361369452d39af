"""The fonts that pictures are taken with, whatever else a machine has: the Liberation family."""

import shutil
import subprocess
from pathlib import Path

from tests.servers import MissingServer

FAMILIES = {
    "Liberation Sans": ("system-ui", "sans-serif", "sans", "Segoe UI", "Roboto", "Noto Sans", "Helvetica", "Arial"),
    "Liberation Serif": ("serif", "Georgia", "Cambria", "Times New Roman"),
    "Liberation Mono": ("ui-monospace", "monospace", "Menlo", "Consolas"),
}
"""What the pages' style sheets ask for, by what they then get."""

_FILE = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
{folders}
<cachedir>{cache}</cachedir>
<match target="font"><edit name="hintstyle" mode="assign"><const>hintfull</const></edit></match>
{aliases}
<match><edit name="family" mode="append_last"><string>Liberation Sans</string></edit></match>
</fontconfig>
"""
_ALIAS = (
    "<match><test name='family'><string>{asked}</string></test>"
    "<edit name='family' mode='assign' binding='strong'><string>{given}</string></edit></match>"
)


def environment(folder: Path) -> dict[str, str]:
    """What a program needs in its environment to find these fonts and no others; `folder` takes fontconfig's files.

    Raises `MissingServer` where they are not installed.
    """
    aliases = [_ALIAS.format(asked=asked, given=given) for given, names in FAMILIES.items() for asked in names]
    folders = sorted({f"<dir>{_place(family).parent}</dir>" for family in FAMILIES})
    written = folder / "fonts.conf"
    cache = folder / "cache"
    written.write_text(_FILE.format(folders="\n".join(folders), cache=cache, aliases="\n".join(aliases)), "utf-8")
    return {"FONTCONFIG_FILE": str(written)}


def _place(family: str) -> Path:
    if not shutil.which("fc-match"):
        raise MissingServer("The gallery's pictures need fontconfig. On Debian: apt-get install fontconfig")
    asked = ["fc-match", "--format=%{family[0]}|%{file}", family]
    found, _, place = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.partition("|")
    if found != family:
        raise MissingServer(f"The gallery's pictures need {family}. On Debian: apt-get install fonts-liberation")
    return Path(place)
