"""The whole path on this machine: latency, throughput, cold start, memory, and whether known accounts show.

Starts the real `reclave serve` (web and worker), a real SMTP server and a real database in temporary folders, and
prints a table. Everything is on loopback and bounded. Run it with `make bench-local`; `--json` prints the figures.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from bench.figures import Figures, show
from bench.measure import accept_rate, cold_start, latency, memory_after, request_auc, sign_in_auc
from bench.service import Service, postgresql


async def measure(engine: str, options: argparse.Namespace) -> Figures:
    """Every figure for one engine."""
    figures = Figures(engine)
    with tempfile.TemporaryDirectory(prefix="reclave-bench-") as folder:
        async with (
            postgresql(engine) as url,
            Service.prepared(Path(folder), url, options.accounts) as service,
        ):
            if "start" in options.only:
                figures.cold_start = [await cold_start(service) for _ in range(5)]
            async with service.running():
                if "latency" in options.only:
                    figures.latency = await latency(service, rate=20, seconds=options.seconds)
                if "auc" in options.only:
                    figures.requests = await request_auc(service, options.samples)
                    figures.sign_in = await sign_in_auc(service, options.sign_ins)
                if "rate" in options.only:
                    figures.accepted = await accept_rate(service, seconds=options.seconds)
            if "memory" in options.only:
                async with service.running():
                    figures.memory = await memory_after(service, 10_000)
    return figures


def main() -> None:
    """Parse the command line and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--samples", type=int, default=10_000, help="recovery requests a side")
    parser.add_argument("--sign-ins", type=int, default=2_000, help="sign-ins a side")
    parser.add_argument("--accounts", type=int, default=12_000)
    parser.add_argument("--seconds", type=int, default=20, help="length of the latency and the rate runs")
    parser.add_argument("--only", nargs="+", default=["start", "latency", "auc", "rate", "memory"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    engines = ["sqlite", "postgresql"] if options.engine == "both" else [options.engine]
    measured = [asyncio.run(measure(engine, options)) for engine in engines]
    if options.json:
        json.dump([one.plain() for one in measured], sys.stdout, indent=1)
    else:
        show(measured)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
