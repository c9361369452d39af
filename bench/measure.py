"""The figures that are no AUC: latency, accepted requests a second, cold start, memory."""

import asyncio
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.http_client import Connection, post
from bench.service import RECOVER, ROOT, Service

PATIENCE = 30  # seconds for the last mails to arrive
_CONNECTIONS = 32
_ONE_KNOWN_IN = 16
_LUA = """
local known = {{ {known} }}
local head = {head}
local count, thread = 0, 0
function setup(one) one:set("number", thread); thread = thread + 1 end
function request()
  count = count + 1
  local person = known[count % {one_in} == 0 and (count / {one_in} - 1) % #known + 1 or 0]
  if person == nil then person = {first} + number * 10000000 + count end
  return wrk.format("POST", "{path}", head, string.format("email=p%08d%%40correo.example", person))
end
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from a request until its mail was taken, counted from its sending and from its answer."""

    since_sent: list[float]
    since_answered: list[float]
    answers: list[float]
    lost: int


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered) + 0.5) - 1))]


async def latency(service: Service, people: Sequence[int], rate: float) -> Latency:
    """Ask for each of these accounts at a fixed rate a second, whether or not the service keeps up."""
    loop = asyncio.get_running_loop()
    began = loop.time() + 0.1
    asked: dict[str, tuple[int, int]] = {}

    async def ask(number: int, person: int) -> None:
        await asyncio.sleep(began + number / rate - loop.time())
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        sent = time.perf_counter_ns()
        writer.write(post(service.port, RECOVER, {"email": service.people.address(person)}))
        head = await reader.readuntil(b"\r\n\r\n")
        answered = time.perf_counter_ns()
        writer.close()
        if not head.startswith(b"HTTP/1.1 303"):
            raise RuntimeError(f"not accepted: {head[:40]!r}")
        asked[service.people.address(person)] = sent, answered

    await asyncio.gather(*(ask(number, person) for number, person in enumerate(people)))
    seen = service.sink.seen()
    for _ in range(PATIENCE):
        if asked.keys() <= seen.keys():
            break
        await asyncio.sleep(1)
        seen = service.sink.seen()
    arrived = [(seen[one], *asked[one]) for one in asked if one in seen]
    return Latency(
        since_sent=[(mail - sent) / 1e6 for mail, sent, _ in arrived],
        since_answered=[(mail - answered) / 1e6 for mail, _, answered in arrived],
        answers=[(answered - sent) / 1e6 for sent, answered in asked.values()],
        lost=len(asked) - len(arrived),
    )


def accepted_a_second(service: Service, known: Sequence[int], seconds: int) -> tuple[float, str]:
    """Requests answered 303 a second over 32 connections, one in 16 for an account; and by which program."""
    if shutil.which("wrk") is None:
        return _by_python(service, seconds), "bench.load"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
        "Accept-Language": "es",
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    }
    script = service.settings_path.with_name("load.lua")
    script.write_text(
        _LUA.format(
            known=", ".join(map(str, known)),
            head="{ " + ", ".join(f'["{name}"] = "{value}"' for name, value in headers.items()) + " }",
            one_in=_ONE_KNOWN_IN,
            first=20_000_000,
            path=RECOVER,
        )
    )
    command = ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
    told = subprocess.run(
        [*command, f"http://127.0.0.1:{service.port}"], check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"Requests/sec:\s*([\d.]+)", told)
    if found is None or "Non-2xx" in told:
        raise RuntimeError(told)
    return float(found[1]), "wrk"


def _by_python(service: Service, seconds: int) -> float:
    command = [sys.executable, "-m", "bench.load", str(service.port), str(_CONNECTIONS), str(seconds)]
    return float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def cold_start(service: Service) -> float:
    """Seconds from the spawning of `reclave serve` to the first sign-in page."""
    began = time.perf_counter()
    with service.started():
        return time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class Memory:
    """Private memory (USS) in MiB."""

    web: float
    worker: float


def memory(web: psutil.Process) -> Memory:
    """What the web process and its worker hold that no other process shares."""
    workers = sum(child.memory_full_info().uss for child in web.children(recursive=True))
    return Memory(web.memory_full_info().uss / 2**20, workers / 2**20)


def ask_for(service: Service, people: Iterable[int]) -> None:
    """One request for each, one after another."""
    connection = Connection(service.port)
    for person in people:
        answer = connection.timed(post(service.port, RECOVER, {"email": service.people.address(person)}))
        if answer.status != 303:  # noqa: PLR2004 (See Other)
            raise RuntimeError(f"answered {answer.status}")
    connection.close()


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def disk(folder: Path, rounds: int = 200) -> float:
    """Milliseconds that the disk takes to keep 4 KiB (median), for who compares figures of two machines."""
    took = []
    with (folder / "disk").open("wb", buffering=0) as file:
        for _ in range(rounds):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)
