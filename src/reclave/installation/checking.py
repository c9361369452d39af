"""Everything that is wrong with an installation, and every risk that it takes."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reclave.bootstrap import check_portals, wired
from reclave.domain.errors import ReclaveError
from reclave.domain.spelling import nearest
from reclave.installation.risks import Risk, risks
from reclave.settings import SettingsRefused, read_settings


@dataclass(frozen=True, slots=True)
class Report:
    """What is wrong, a line each with its remedy; the risks that are taken, and which of them in writing."""

    problems: tuple[str, ...]
    risks: tuple[Risk, ...] = ()
    accepted: tuple[Risk, ...] = ()

    @property
    def not_accepted(self) -> list[Risk]:
        """The risks that nobody has accepted in writing."""
        return [risk for risk in self.risks if risk not in self.accepted]

    def document(self) -> dict[str, Any]:
        """The report for scripts."""
        taken = [{**asdict(risk), "accepted": risk in self.accepted} for risk in self.risks]
        return {"problems": list(self.problems), "risks": taken}


async def checked(settings_file: Path) -> Report:
    """Check settings, keyring, portal files, mail settings and database as `serve` would at its start."""
    try:
        settings = read_settings(settings_file)
    except SettingsRefused as refused:
        return Report(refused.problems)
    problems: list[str] = []
    try:
        async with wired(settings, sending=True):
            pass
    except ReclaveError as refused:
        problems += str(refused).splitlines()
    try:
        portals = check_portals(settings.portals).portals
    except ReclaveError:
        return Report(tuple(problems))  # it was named above
    found = risks(settings, portals)
    known = {risk.id for risk in found}
    problems += [
        f"accepted_risks: {written!r} is no risk that is taken{nearest(written, known)}"
        for written in settings.accepted_risks
        if written not in known
    ]
    accepted = tuple(risk for risk in found if risk.id in settings.accepted_risks)
    return Report(tuple(problems), tuple(found), accepted)
