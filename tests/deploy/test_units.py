"""The systemd units are well formed, and their sandbox is as tight as the documentation says."""

import configparser
import re
import subprocess
from pathlib import Path

import pytest

from tests.servers import ROOT
from tests.servers.proxies import program

UNITS = ROOT / "deploy" / "systemd"
SANDBOXED = ("reclave.service", "reclave-backup.service")
WORST_EXPOSURE = {"reclave.service": 1.5, "reclave-backup.service": 3.0}
"""systemd's own rating, 0 best to 10."""


def read(name: str) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # the keys of units have capitals
    unit.read(UNITS / name)
    return unit


@pytest.mark.parametrize("name", SANDBOXED)
def test_a_unit_runs_without_rights_and_writes_to_its_state_alone(name: str) -> None:
    service = read(name)["Service"]
    assert (service["User"], service["UMask"]) == ("reclave", "0077")
    assert service["CapabilityBoundingSet"] == ""
    assert service["ProtectSystem"] == "strict"
    assert {service[key] for key in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "MemoryDenyWriteExecute")} == {
        "yes"
    }


def test_the_service_is_reloaded_by_the_signal_that_it_listens_to_and_has_time_to_finish() -> None:
    service = read("reclave.service")["Service"]
    assert service["ExecReload"].endswith("kill -HUP $MAINPID")
    assert int(service["TimeoutStopSec"]) >= 15


def test_the_drop_in_for_many_processes_replaces_the_command_and_reloads_by_replacing_them() -> None:
    lines = (UNITS / "many-processes.conf").read_text().splitlines()
    commands = [line.partition("=")[2] for line in lines if line.startswith(("ExecStart=", "ExecReload="))]
    assert commands[::2] == ["", ""]
    assert "serve --processes " in commands[1]
    assert commands[3].endswith("kill -USR2 $MAINPID")


@pytest.mark.long
@pytest.mark.parametrize("name", SANDBOXED)
def test_systemd_finds_no_fault_and_rates_the_sandbox(name: str, tmp_path: Path) -> None:
    unit = tmp_path / name
    unit.write_text((UNITS / name).read_text().replace("/usr/bin/reclave", "/bin/true"))
    verified = subprocess.run([program("systemd-analyze"), "verify", unit], capture_output=True, text=True, check=False)
    assert [line for line in verified.stderr.splitlines() if name in line] == []
    rated = subprocess.run(
        [program("systemd-analyze"), "security", "--offline=yes", unit], capture_output=True, text=True, check=False
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", rated.stdout)
    assert found is not None, rated.stderr
    assert float(found.group(1)) <= WORST_EXPOSURE[name]
