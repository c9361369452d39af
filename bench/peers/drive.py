"""The load: wrk, each connection asking again as soon as it is answered, with requests made beforehand."""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 32
_APART = b"\x1e"  # the record separator: in no request
_LUA = r"""
local requests, at = {}, 0
function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  for one in file:read("*a"):gmatch("[^\30]+") do requests[#requests + 1] = one end
  file:close()
end
function request()
  at = at % #requests + 1
  return requests[at]
end
"""
_TOLD = re.compile(r"(\d+) requests in ([\d.]+)(m?s|m)")
_REFUSED = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_FAILED = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_ERROR = 400  # wrk counts answers from here on


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk counted: answers, in how many seconds, those with a status of 400 and more, connections that failed."""

    answers: int
    seconds: float
    refused: int
    failed: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def hammer(port: int, requests: Iterable[bytes], seconds: int, folder: Path, connections: int = CONNECTIONS) -> Load:
    """Send these requests in their order, from the first again after the last, for so long."""
    script, file = folder / "load.lua", folder / "requests"
    script.write_text(_LUA)
    file.write_bytes(_APART.join(requests))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script)]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/", "--", str(file)], check=True, capture_output=True, text=True
    )
    return told(done.stdout)


def told(text: str) -> Load:
    """What wrk printed. Raises ValueError when it is something else."""
    counted = _TOLD.search(text)
    if counted is None:
        raise ValueError(text)
    refused, failed = _REFUSED.search(text), _FAILED.search(text)
    return Load(
        answers=int(counted[1]),
        seconds=float(counted[2]) * _SECONDS[counted[3]],
        refused=int(refused[1]) if refused else 0,
        failed=sum(map(int, failed.groups())) if failed else 0,
    )


def check(load: Load, status: int) -> None:
    """Raises RuntimeError where the answers were not all of the sort that `status` is."""
    expected = load.answers if status >= _ERROR else 0
    if load.refused != expected or load.answers == 0:
        raise RuntimeError(f"{load.refused} of {load.answers} answers were errors where {status} was expected")
