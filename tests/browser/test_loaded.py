"""What is forked behaves as what is started: its exit code, its signals, its end."""

import asyncio
import signal
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from tests.browser.loaded import command


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(*command("nothing"), *arguments, stdout=PIPE, stderr=PIPE)


async def said(process: Process) -> tuple[int, str, str]:
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_it_writes_where_its_starter_reads_and_ends_with_its_own_exit_code(tmp_path: Path) -> None:
    code, out, _ = await said(await start("--version"))
    assert (code, out.split()[0]) == (0, "reclave,")
    code, _, err = await said(await start("serve", "--settings", str(tmp_path / "none.toml")))
    assert code != 0
    assert "none.toml" in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
async def test_a_signal_reaches_it_and_a_kill_takes_it_along(number: signal.Signals, code: int) -> None:
    process = await start("mailbox", "--port", "0", "--smtp-port", "0")
    assert process.stderr
    assert b"Mail to" in await asyncio.wait_for(process.stderr.readline(), 60)
    process.send_signal(number)
    # Its descriptors are closed once what was forked has gone.
    assert (await said(process))[0] == code
