"""A backup or a restore that is killed leaves the old or the new, never half."""

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from reclave.adapters.sql import migrate
from reclave.adapters.sql.store import open_store
from reclave.adapters.sql.tables import intake
from tests.adapters.sql.test_backup import change, fill, note_of, restore, take, tools
from tests.contracts.rows import a_request
from tests.servers import ROOT

KILLED = """
import sys
from pathlib import Path
from reclave.adapters.sql import backup
url, path, what, tools = sys.argv[1], Path(sys.argv[2]), sys.argv[3], backup.Tools(sys.argv[4])
print("ready", flush=True)
if what == "backup":
    backup.back_up(url, path, tools=tools, step=lambda done, total: None)
else:
    backup.restore(url, path, replace=True, rehearse=False, stamp=sys.argv[5], finish=lambda _: None, tools=tools,
                   step=lambda done, total: None)
"""


@pytest.mark.long
@pytest.mark.req("I5")
@pytest.mark.timeout(600)
def test_a_kill_leaves_the_old_or_the_new_and_never_half(url: str, tmp_path: Path) -> None:
    fill(url)
    asyncio.run(_crowd(url))
    path, chance = tmp_path / "backup", random.Random(7)
    take(url, path)
    began = time.monotonic()
    restore(url, path, replace=True, rehearse=True)
    longest = time.monotonic() - began
    seen = set()
    for attempt in range(14):
        change(url, "second")
        for what, file in (("backup", tmp_path / f"backup-{attempt}"), ("restore", path)):
            _kill(url, file, what, attempt, chance.uniform(0, longest))
        seen.add(found := note_of(url))
        # However fast the machine is just now: who came too late is followed by one sooner, and the other way round.
        longest *= 0.75 if found == "first" else 1.5
        if (tmp_path / f"backup-{attempt}").exists():
            restore(url, tmp_path / f"backup-{attempt}", replace=True, rehearse=True)
        with migrate.connect(url) as connection:
            assert len(connection.scalars(select(intake.c.id)).all()) == 10_000
        for each in tmp_path.glob("*.before-*"):
            each.unlink()
    assert seen == {"first", "second"}


async def _crowd(url: str) -> None:
    store = await open_store(url)
    for _ in range(20):
        await asyncio.gather(*(store.accept(a_request()) for _ in range(500)))
    await store.close()


def _kill(url: str, file: Path, what: str, attempt: int, after: float) -> None:
    """Begin a backup or a restore in a process of its own, and end it with SIGKILL some seconds later."""
    arguments = [url, str(file), what, tools().pg_dump, f"attempt{attempt}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen([sys.executable, "-c", KILLED, *arguments], env=environment, stdout=subprocess.PIPE) as one:
        assert one.stdout is not None
        one.stdout.readline()
        time.sleep(after)
        one.kill()
