"""The reference pages say what the code does; completion completes."""

import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from reclave.cli import main
from reclave.cli.console import EXIT_MEANINGS, Exit
from tests.servers import ROOT

PAGES = {
    "settings": "settings.md",
    "commands": "commands.md",
    "exit-codes": "exit-codes.md",
    "retention": "retention.md",
}


def commands(group: click.Group, path: str = "reclave") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, f"{path} {name}")
        elif not command.hidden:
            found[f"{path} {name}"] = command
    return found


@pytest.mark.parametrize(("name", "file"), PAGES.items())
def test_a_reference_page_is_what_the_code_says_now(name: str, file: str) -> None:
    said = CliRunner().invoke(main, ["reference", name])
    assert said.exit_code == 0, said.output
    assert (ROOT / "docs" / "reference" / file).read_text("utf-8") == said.stdout, "renew it: make reference"


def test_every_command_and_every_option_says_what_it_is_for() -> None:
    for path, command in commands(main).items():
        assert command.help, path
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.help, f"{path} {option.opts}"


def test_every_command_speaks_to_scripts_but_for_those_that_run_or_print_a_document() -> None:
    without = {path for path, command in commands(main).items() if not any("--json" in p.opts for p in command.params)}
    assert without == {
        "reclave serve",
        "reclave web",
        "reclave worker",
        "reclave demo",
        "reclave mailbox",
        "reclave completion",
        "reclave portal schema",
        "reclave portal reference",
        "reclave accounts export",
        "reclave audit export",
    } | {path for path in without if path.startswith("reclave reference ")}


def test_every_exit_code_has_a_meaning() -> None:
    assert set(EXIT_MEANINGS) == set(Exit)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    said = CliRunner().invoke(main, ["completion", shell])
    assert said.exit_code == 0
    assert "_RECLAVE_COMPLETE" in said.stdout


def test_completion_knows_the_commands_of_a_group() -> None:
    environment = {**os.environ, "_RECLAVE_COMPLETE": "bash_complete", "COMP_WORDS": "reclave keys ", "COMP_CWORD": "2"}
    program = "from reclave.cli import main; main(prog_name='reclave')"
    said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert {"plain,add", "plain,list", "plain,new", "plain,retire"} <= set(said.stdout.split())
