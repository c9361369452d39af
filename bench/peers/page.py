"""`docs/benchmarks.md`: the tables of a run, in words that anybody can check against the figures."""

import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.figures import AUC_MARGIN
from bench.peers.bare import Bare
from bench.peers.earlier import MARGIN, compared
from bench.peers.peer import MEMORY_KIB, PASSES, PROCESSES, Kind
from bench.peers.reclave import Reclave, ReclavePages
from bench.peers.reclave_built import ReclaveBuilt
from bench.peers.trial import Extent, Trial
from bench.service import SEED

OURS, OURS_ALONE, OURS_BUILT, LIMIT = Reclave.name, ReclavePages.name, ReclaveBuilt.name, Bare.name
BUILT = "built here"
"""What the compiled library is called among those whose bare hashes are counted."""
COMPLETE = "complete recoveries"
COLUMNS: tuple[str, ...] = (Kind.KNOWN, COMPLETE, Kind.UNKNOWN, Kind.SIGN_IN, Kind.WRONG, Kind.FIRST_PAGE)
_LONG = 300  # characters of a reason
_FEW = 10  # figures below this are shown with a decimal


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run was made."""

    cores: int
    system: str
    python: str
    postgresql: str
    sink: str
    disk_ms: float
    hashing: str
    wrk: str

    def hashes(self, library: str) -> float:
        """Hashes a second by a library on all cores, without anything around them."""
        found = re.search(rf"{library}\s+([\d.]+) hashes/s", self.hashing)
        return float(found[1]) if found else float("nan")


def rates(trials: Iterable[Trial]) -> dict[str, dict[str, float]]:
    """For each column the median of each system's runs, a second."""
    found: dict[str, dict[str, list[float]]] = {column: {} for column in COLUMNS}
    for trial in trials:
        for kind, load in trial.loads.items():
            found[kind].setdefault(trial.name, []).append(load.rate)
        if trial.completed is not None:
            found[COMPLETE].setdefault(trial.name, []).append(trial.completed.rate)
    return {
        column: {name: statistics.median(values) for name, values in systems.items()}
        for column, systems in found.items()
    }


def page(machine: Machine, extent: Extent, trials: Sequence[Trial]) -> str:
    """The whole page."""
    found = rates(trials)
    parts = [
        _intro(extent, trials),
        "## Answers a second\n\nMedian of the runs. A dash: the system has no such page, or no figure (see below).\n",
        _table(("system", *COLUMNS), ((name, *_row(found, name)) for name in _names(trials))),
        "\n![Recovery requests for known accounts and complete recoveries, a second](benchmarks.svg)\n",
        "\n".join(["## Where a peer is ahead\n", *ahead(found), ""]),
        "## Against the goals\n",
        _table(("what", "measured", "goal", "met"), goals(machine, found, trials)),
        _timing(trials),
        _earlier(found),
        "\n## What ran\n",
        _table(("system", "version", "how"), dict.fromkeys((one.name, one.version, one.setting) for one in trials)),
        _troubles(trials),
        _where(machine),
        "\n## Every run\n",
        _table(("run", "system", "what", "a second", "answers", "beside it"), _every(trials)),
    ]
    return "\n".join(parts).rstrip() + "\n"


def ahead(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A line for each peer that leads in a column, and for each column that has no figure of Reclave's."""
    lines = []
    for column in COLUMNS:
        ours = found[column].get(OURS)
        if ours is None:
            lines.append(f"- {column}: Reclave has no figure.")
            continue
        better = {name: rate for name, rate in _peers(found[column]).items() if rate > ours}
        for name, rate in sorted(better.items(), key=lambda pair: -pair[1]):
            lines.append(f"- {column}: **{name}** with {shown(rate)}/s, Reclave {shown(ours)}/s.")
    return lines or ["In none of the columns."]


def goals(
    machine: Machine, found: Mapping[str, Mapping[str, float]], trials: Sequence[Trial]
) -> Iterable[tuple[str, ...]]:
    """Reclave's figure in proportion to another of the same run, its goal, and whether it is met."""
    first, sign_in = found[Kind.FIRST_PAGE], found[Kind.SIGN_IN]
    known, unknown = found[Kind.KNOWN], found[Kind.UNKNOWN]
    proportions = (
        (f"{Kind.KNOWN}, pages alone, ÷ the best peer", _as_ours(known, OURS_ALONE), _best(known), 12.0),
        ("the same while workers resolve and send ÷ the best peer", known, _best(known), 12.0),
        (f"{COMPLETE} ÷ the best peer", found[COMPLETE], _best(found[COMPLETE]), 2.0),
        ("sign-in ÷ the bare hash rate on all cores", sign_in, machine.hashes("PyNaCl"), 0.85),
        ("sign-in ÷ the best peer", sign_in, _best(sign_in), 1.0),
        (f"sign-in, Argon2 {BUILT}, ÷ its bare hash rate", _as_ours(sign_in, OURS_BUILT), machine.hashes(BUILT), 0.85),
        (f"sign-in, Argon2 {BUILT}, ÷ the best peer", _as_ours(sign_in, OURS_BUILT), _best(sign_in), 1.0),
        ("first page ÷ bare Starlette", first, first.get(LIMIT), 0.5),
        ("first page ÷ Django's", first, first.get("Django"), 20.0),
        ("accepted request, pages alone, ÷ bare Starlette", _as_ours(unknown, OURS_ALONE), unknown.get(LIMIT), 0.35),
        ("the same while workers resolve ÷ bare Starlette", unknown, unknown.get(LIMIT), 0.35),
    )
    for what, ours, other, goal in proportions:
        if OURS in ours and other:
            proportion = ours[OURS] / other
            yield what, f"{proportion:.2f} ×", f"≥ {goal:g} ×", _yes(met=proportion >= goal)
    for trial in trials:
        for name, told in trial.told_apart.items() if trial.name == OURS else ():
            near = abs(told.auc - 0.5) <= AUC_MARGIN
            yield f"AUC, {name}, run {trial.run}", f"{told.auc:.3f}", f"0.50 ± {AUC_MARGIN}", _yes(met=near)


def _intro(extent: Extent, trials: Sequence[Trial]) -> str:
    runs = max((trial.run for trial in trials), default=0)
    counted = "1 run" if runs == 1 else f"{runs} runs"
    return f"""# Benchmarks: Reclave beside its peers

Written by `make bench`, which anybody can run again: it installs each system under `build/peers/` from pinned
packages, starts PostgreSQL and a mail server on loopback, fills each system's tables with {extent.accounts:,}
accounts, and drives one after another with the same load: wrk, {extent.connections} connections, each asking again as
soon as it is answered, for {extent.seconds} s after a warm-up of {extent.warm_up} s. wrk, PostgreSQL, the mail
server and the system share the machine. Every password hash is Argon2id with {MEMORY_KIB:,} KiB, {PASSES} passes,
1 lane; every peer has {PROCESSES} processes and no rate limits. {counted}, all listed at the end; seed {SEED}.
The configurations are in `bench/peers/`, with the reason for each.

A *complete recovery* is one whose mail the sink has taken: mails over the time from the first request to the last
mail. The peers send in the request (or, better-auth, right after it); Reclave answers once the request is on the
disk, and its worker sends. *Pages alone* is Reclave with web and database on these cores and its workers elsewhere.
"""


def _timing(trials: Sequence[Trial]) -> str:
    rows = (
        (
            str(trial.run),
            trial.name,
            name,
            f"{told.auc:.3f} ({told.low:.3f}–{told.high:.3f})",
            f"{told.known_ms:.2f} / {told.unknown_ms:.2f} ms",
            f"{told.known} / {told.unknown}",
        )
        for trial in trials
        for name, told in trial.told_apart.items()
    )
    head = (
        "\n## Known from unknown, by response time\n\nOne connection, both classes in one random order. AUC: the chance"
    )
    head += " that a known account takes longer; 0.5 tells nothing, 0 tells as much as 1. With its 95 % interval.\n"
    head += "`make bench-local` measures Reclave's journeys with 10,000 samples a side.\n\n"
    return head + _table(("run", "system", "journey", "AUC", "median, known / unknown", "samples"), rows)


def _earlier(found: Mapping[str, Mapping[str, float]]) -> str:
    rows = (
        (kind, one.name, shown(one.now), shown(one.before), f"{one.relative:.2f}", one.why)
        for kind in (Kind.KNOWN, Kind.UNKNOWN, Kind.FIRST_PAGE)
        for one in compared(kind, found[kind])
    )
    head = "\n## Beside earlier figures\n\nThe peers were measured before on such a machine. *Relative*: this figure"
    head += " over the earlier one, with the machine's speed (the median) taken out;"
    head += f" within 1 ± {MARGIN:g} none is held back.\n\n"
    return head + _table(("what", "system", "now", "before", "relative", "if further away, why"), rows)


def _troubles(trials: Sequence[Trial]) -> str:
    lines = [f"- **{one.name}**: {_reason(one)}" for one in trials if one.trouble]
    return "\n".join(["", "### What is missing or failed", "", *(lines or ["Nothing."])])


def _reason(trial: Trial) -> str:
    """The last line of what was said: those above it name folders of this machine."""
    last = _one_line(trial.trouble.strip().splitlines()[-1])[:_LONG]
    return f"{last} (run {trial.run})" if trial.run else last


def _where(machine: Machine) -> str:
    return f"""
## The machine

{machine.cores} cores, {machine.system}, Python {machine.python}; the disk keeps 4 KiB in {machine.disk_ms:.2f} ms.
PostgreSQL: {machine.postgresql}. Mail: {machine.sink}. Load: {machine.wrk}.

```
{machine.hashing}
```"""


def _every(trials: Sequence[Trial]) -> Iterable[tuple[str, ...]]:
    for one in trials:
        for kind, load in one.loads.items():
            again = f"{one.asked_again} asked again" if kind is Kind.KNOWN and one.asked_again else ""
            failed = f"{load.failed} connections failed" if load.failed else ""
            before = f"load before {one.load_before:.1f}" if kind is next(iter(one.loads)) else ""
            beside = "; ".join(filter(None, (before, again, failed)))
            yield str(one.run), one.name, kind, shown(load.rate), f"{load.answers:,}", beside
        if one.completed is not None:
            mails = f"{one.completed.seconds:.1f} s"
            yield str(one.run), one.name, COMPLETE, shown(one.completed.rate), f"{one.completed.mails:,}", mails


def _names(trials: Sequence[Trial]) -> list[str]:
    return list(dict.fromkeys(trial.name for trial in trials))


def _row(found: Mapping[str, Mapping[str, float]], name: str) -> Iterable[str]:
    return (shown(found[column][name]) if name in found[column] else "–" for column in COLUMNS)


def _peers(systems: Mapping[str, float]) -> dict[str, float]:
    return {name: rate for name, rate in systems.items() if name not in {OURS, OURS_ALONE, OURS_BUILT, LIMIT}}


def _as_ours(systems: Mapping[str, float], variant: str) -> Mapping[str, float]:
    """The rate of a variant of Reclave in its place."""
    return {OURS: systems[variant]} if variant in systems else {}


def _best(systems: Mapping[str, float]) -> float | None:
    return max(_peers(systems).values(), default=None)


def _yes(*, met: bool) -> str:
    return "yes" if met else "**no**"


def shown(value: float) -> str:
    """A figure as the tables have it."""
    return f"{value:,.0f}" if value >= _FEW else f"{value:.1f}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cell: Callable[[str], str] = _one_line
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
