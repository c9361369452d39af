"""Commands that show what mail looks like, and try whether it gets through."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reclave.cli.console import Exit, fail, json_option, print_json, run_wired, settings_option

if TYPE_CHECKING:
    from reclave.bootstrap import Wired


@click.group()
def mail() -> None:
    """Mail: what it looks like, and whether it gets through."""


@mail.command("test")
@click.option("--to", required=True, metavar="ADDRESS", help="Who gets the test.")
@click.option("--portal", default="", help="From this portal's sender; else from the first portal's.")
@json_option
@settings_option
def test(to: str, portal: str, as_json: bool, settings_path: Path) -> None:
    """Send a test through the configured mail server and say what it answered; exit code 1 when it did not take it."""

    async def go(parts: "Wired") -> None:
        from reclave.bootstrap import build_mailer
        from reclave.domain.outbox import Sent
        from reclave.operations.mail import send_test
        from reclave.operations.switches import portal_named

        named = portal_named(parts.services, portal or min(parts.services.portals))
        mailer = build_mailer(parts.settings)
        try:
            answer = await send_test(parts.services, mailer, named, to)
        finally:
            await mailer.close()
        settings = parts.settings
        server = f"{settings.smtp_host}:{settings.smtp_port}"
        tls = settings.smtp_security != "none"
        taken = isinstance(answer, Sent)
        if as_json:
            said = {"code": answer.code, "text": answer.text}
            print_json({"server": server, "tls": tls, "sender": named.file.mail.sender, "taken": taken, **said})
            raise SystemExit(Exit.DONE if taken else Exit.REFUSED)
        click.echo(f"From {named.file.mail.sender} over {server}, {'with verified TLS' if tls else 'without TLS'}:")
        click.echo(f"{answer.code or 'no answer'} {answer.text}")
        if not taken:
            fail(_what_to_do(answer.code))
        click.echo("The server took it. Whether it arrives is seen in the mailbox: look among unwanted mail too.")

    run_wired(settings_path, go)


@mail.command("preview")
@click.argument("portal")
@click.argument("template")
@click.option("--language", default="", help="In this language; else in the portal's first.")
@click.option("--html", "part", flag_value="html", help="Print the HTML part.")
@click.option("--text", "part", flag_value="plain", default=True, help="Print the text part (the default).")
@click.option("--source", "part", flag_value="source", help="Print the message as it would go out.")
@json_option
@settings_option
def preview(portal: str, template: str, language: str, part: str, as_json: bool, settings_path: Path) -> None:
    """Print a mail of a PORTAL with invented values; nothing is sent and its secrets open nothing."""

    async def go(parts: "Wired") -> None:
        from reclave.domain.outbox import Template
        from reclave.operations.mail import preview as compose
        from reclave.operations.switches import portal_named

        named = portal_named(parts.services, portal)
        if template not in set(Template):
            raise click.UsageError(f"no mail is called {template!r} (there are: {', '.join(Template)})")
        spoken = named.file.portal.languages
        if language and language not in spoken:
            raise click.UsageError(f"{portal} does not speak {language!r} (it speaks {', '.join(spoken)})")
        chosen = language or named.default_language
        content = compose(parts.services, parts.settings.base_url, named, Template(template), chosen).content
        if as_json:
            print_json({"language": chosen, "text": _part(content, "plain"), "html": _part(content, "html")})
            return
        click.echo(content.decode("ascii") if part == "source" else _part(content, part), nl=False)

    run_wired(settings_path, go)


def _part(content: bytes, part: str) -> str:
    from email import policy
    from email.parser import BytesParser

    body = BytesParser(policy=policy.default).parsebytes(content).get_body((part,))
    return str(body.get_content()) if body is not None else ""


_NO_ANSWER = "see that smtp_host and smtp_port are right, the server can be reached from here, and its certificate fits"
_ADVICE = {
    530: "the server wants a sign-in: set smtp_username and smtp_password_file",
    535: "the server does not take the sign-in: see smtp_username and smtp_password_file",
    550: "the server does not take this recipient or sender: see the portal's [mail] sender, and whether it may relay",
}


def _what_to_do(code: int | None) -> str:
    if code is None:
        return _NO_ANSWER
    return _ADVICE.get(
        code, "the server's answer above says why; see the portal's [mail] sender, then the server's log"
    )
