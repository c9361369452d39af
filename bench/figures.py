"""Figures with their goals, as a table or as JSON."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.table import Table

from bench.auc import Separation

AUC_MARGIN = 0.02
_WHOLE_FROM = 100
_PAGE = 150  # columns of a table that goes to a file


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what was measured, on which engine, the goal, and whether it is met (None: no goal)."""

    engine: str
    name: str
    value: float
    unit: str
    goal: str
    met: bool | None
    detail: dict[str, float | int | str] = field(default_factory=dict)


def at_most(engine: str, name: str, value: float, unit: str, goal: float, **detail: float | str) -> Figure:
    """A figure that should not exceed its goal."""
    return Figure(engine, name, value, unit, f"≤ {goal:,g}", value <= goal, detail)


def at_least(engine: str, name: str, value: float, unit: str, goal: float, **detail: float | str) -> Figure:
    """A figure that should reach its goal."""
    return Figure(engine, name, value, unit, f"≥ {goal:,g}", value >= goal, detail)


def unseen(engine: str, name: str, found: Separation, **detail: float | str) -> Figure:
    """An AUC that should be one half."""
    met = abs(found.auc - 0.5) <= AUC_MARGIN
    beside = {name: value for name, value in asdict(found).items() if name != "auc"}
    return Figure(engine, name, found.auc, "AUC", f"0.50 ± {AUC_MARGIN}", met, beside | detail)


def plain(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """What `--json` prints."""
    return [asdict(figure) for figure in figures]


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table(title="Reclave on this machine", title_justify="left")
    for heading in ("Engine", "What", "Measured", "Goal", "Met", "Beside it"):
        table.add_column(heading, justify="right" if heading == "Measured" else "left")
    engine = None
    for figure in figures:
        if engine not in {None, figure.engine}:
            table.add_section()
        engine = figure.engine
        met = {True: "[green]yes[/]", False: "[red]no[/]", None: "–"}[figure.met]
        table.add_row(
            figure.engine,
            figure.name,
            f"{_shown(figure.value)} {figure.unit}",
            figure.goal,
            met,
            ", ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in figure.detail.items()),
        )
    Console(width=None if sys.stdout.isatty() else _PAGE).print(table)


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value == round(value) or abs(value) >= _WHOLE_FROM else f"{value:,.3g}"
