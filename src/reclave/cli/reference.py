"""The reference pages that are written from the code (`make reference`), and shell completion."""

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields
from inspect import cleandoc
from typing import Any

import click

from reclave.cli.console import EXIT_MEANINGS

_GENERATED = "Generated from the code by `make reference`; do not edit it here.\n"


@click.group(hidden=True)
def reference() -> None:
    """Print reference pages (Markdown)."""


@reference.command("settings")
def settings() -> None:
    """Every setting with its meaning, its default and its variable."""
    from reclave.domain.portal_toml import toml_value
    from reclave.settings import Settings

    rows = []
    for known in fields(Settings):
        default = "" if known.default is MISSING else f"`{toml_value(_plain(known.default))}`"
        variable = f"`RECLAVE_{known.name.upper()}`"
        rows.append((f"`{known.name}`", default or "must be set", known.metadata["help"], variable))
    _page(
        "Settings",
        "A TOML file (`--settings`, or the variable `RECLAVE_SETTINGS`; else `reclave.toml`). A variable of the"
        " environment wins over the file. Paths are relative to the file. An unknown name stops the start, and so does"
        " an unknown `RECLAVE_` variable. `reclave config dump` shows what is in force and where it came from.",
        ("setting", "default", "meaning", "variable"),
        rows,
    )


@reference.command("commands")
@click.pass_context
def commands(context: click.Context) -> None:
    """Every command with its options."""
    root = context.find_root().command
    click.echo(f"# Commands\n\n{_GENERATED}")
    click.echo(
        "Every command takes `--help`. Exit codes: [exit-codes.md](exit-codes.md). `NO_COLOR` is respected. `--json` is"
        " left out where a command runs until it is stopped, or prints a document anyway.\n"
    )
    for path, command in _walk(root, "reclave"):
        click.echo(f"## {path}\n\n{cleandoc(command.help or '')}\n")
        signature = " ".join(_usage(parameter) for parameter in command.params if _shown(parameter))
        click.echo(f"```\n{' '.join(filter(None, (path, signature)))}\n```\n")
        options = [p for p in command.params if isinstance(p, click.Option) and _shown(p)]
        for option in options:
            click.echo(f"- `{', '.join(option.opts)}`: {_meaning(option)}")
        if options:
            click.echo("")


@reference.command("exit-codes")
def exit_codes() -> None:
    """What each exit code means."""
    rows = [(str(code.value), meaning) for code, meaning in EXIT_MEANINGS.items()]
    _page("Exit codes", "The same for every command.", ("code", "meaning"), rows)


@reference.command("retention")
def retention() -> None:
    """How long what is held about people is kept."""
    from reclave.domain.intake import FIELDS_KEPT
    from reclave.domain.time import DAY, HOUR
    from reclave.worker.housekeeping import KEPT

    rows = [
        ("what a person typed in a request, sealed", f"until it is resolved, {FIELDS_KEPT // HOUR} hours at most"),
        *((name, f"{span // DAY} days") for name, span in KEPT.items()),
        ("rate limits", "until they are full again: hours"),
        ("audit trail, cases", "not purged: an account is named in them by a random id alone"),
        ("accounts", "until `reclave accounts erase`"),
    ]
    _page(
        "Retention",
        "Housekeeping deletes each kind of row this long after it ended (S50). Network addresses are kept nowhere: what"
        " is stored of them is a keyed digest. `reclave accounts export` writes out all that is held about one person.",
        ("what", "kept for"),
        rows,
    )


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion of commands and options for a SHELL.

    For bash: `reclave completion bash > /etc/bash_completion.d/reclave`.
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    made = found(context.find_root().command, {}, "reclave", "_RECLAVE_COMPLETE")
    click.echo(made.source())


def _page(title: str, about: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    click.echo(f"# {title}\n\n{_GENERATED}\n{about}\n")
    click.echo(f"| {' | '.join(headings)} |\n|{'---|' * len(headings)}")
    for row in rows:
        click.echo(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |")


def _walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """The commands that do something, below a group, in the order of their names."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, inner in sorted(command.commands.items()):
        if not inner.hidden:
            yield from _walk(inner, f"{path} {name}")


def _shown(parameter: click.Parameter) -> bool:
    return not (isinstance(parameter, click.Option) and (parameter.hidden or parameter.name == "help"))


def _usage(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        written = max(parameter.opts, key=len)
        return f"[{written}]" if parameter.is_flag else f"[{written} {(parameter.metavar or 'VALUE')}]"
    name = (parameter.name or "").upper()
    return name if parameter.required else f"[{name}]"


def _meaning(option: click.Option) -> str:
    default = option.default
    told = default not in {None, "", False} and option.show_default if _plain_value(default) else False
    return f"{option.help or ''}{f' Default: `{default}`.' if told else ''}"


def _plain_value(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) or value is None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
