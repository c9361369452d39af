"""The gate at which processes wait for SQLite's writer without polling."""

import asyncio
import sys
from pathlib import Path

from reclave.adapters.sql.file_gate import FileGate

HOLDER = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


async def another_holder(path: Path) -> asyncio.subprocess.Process:
    """Another process that holds the gate until its input ends."""
    pipe = asyncio.subprocess.PIPE
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, str(path), stdin=pipe, stdout=pipe)
    assert holder.stdout
    assert await holder.stdout.readline() == b"held\n"
    return holder


async def test_a_process_waits_at_the_gate_until_the_other_has_left(tmp_path: Path) -> None:
    gate = FileGate(tmp_path / "db.lock")
    holder = await another_holder(tmp_path / "db.lock")
    passed = asyncio.Event()

    async def pass_through() -> None:
        async with gate.passed():
            passed.set()

    waiting = asyncio.create_task(pass_through())
    await asyncio.sleep(0)
    assert not passed.is_set()
    assert holder.stdin
    holder.stdin.close()
    await asyncio.wait_for(waiting, 10)
    await holder.wait()
    gate.close()


async def test_a_holder_that_is_killed_leaves_the_gate_open(tmp_path: Path) -> None:
    gate = FileGate(tmp_path / "db.lock")
    holder = await another_holder(tmp_path / "db.lock")
    holder.kill()
    await holder.wait()
    async with gate.passed():
        pass
    gate.close()


async def test_who_gives_up_waiting_leaves_the_gate_to_others(tmp_path: Path) -> None:
    gate = FileGate(tmp_path / "db.lock")
    holder = await another_holder(tmp_path / "db.lock")
    impatient = asyncio.create_task(gate.passed().__aenter__())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    assert impatient.cancelled()
    assert holder.stdin
    holder.stdin.close()
    await holder.wait()
    other = FileGate(tmp_path / "db.lock")
    async with asyncio.timeout(10), other.passed():
        pass
    other.close()
    gate.close()
    gate.close()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    FileGate(tmp_path / "db.lock").close()
    assert (tmp_path / "db.lock").stat().st_mode & 0o777 == 0o600
