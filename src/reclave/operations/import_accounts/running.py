"""Importing a file of accounts. START HERE.

A chunk of rows is read (`reading`, `rows`), looked up and decided (`planning`, `deciding`), hashed (`hashing`) and
written (`writing`) together with how far the run has come (`importer`), so that a run that stopped goes on there.
"""

from contextlib import ExitStack
from pathlib import Path

from reclave.domain.accounts import Status
from reclave.domain.passwords import normalise
from reclave.domain.portal import Portal
from reclave.journeys.services import Services
from reclave.operations.import_accounts.accounting import Listener, Options, Summary
from reclave.operations.import_accounts.collecting import rare_collections
from reclave.operations.import_accounts.importer import Importer
from reclave.operations.import_accounts.reading import ImportRefused, Record, look_through, opened
from reclave.operations.import_accounts.rows import INITIAL_PASSWORD, PASSWORD_HASH, SECRETS, STATUS, RowReader
from reclave.operations.import_accounts.seen import Kind, Seen
from reclave.ports.imports import Run


async def import_accounts(
    services: Services, portal: Portal, path: Path, options: Options, listener: Listener
) -> Summary:
    """Import a file.

    Raises `ImportRefused` for a file or options that cannot be meant; what was written until then stays, and the
    same command goes on from there.
    """
    source = look_through(path, encoding=options.encoding, delimiter=options.delimiter)
    with rare_collections(), ExitStack() as stack:
        sheet = stack.enter_context(opened(source))
        reader = RowReader(portal, sheet.columns, special_use_domains=services.special_use_domains)
        _check_options(portal, options)
        key = services.vault.digest("import", portal.id, source.digest, "generate" if options.generate else "")
        async with services.store.reading() as tx:
            before = await tx.imports.run(portal.id, key)
        goes_on = before is not None and before.finished_at is None
        importer = Importer(
            services=services,
            portal=portal,
            source=source,
            options=options,
            listener=listener,
            reader=reader,
            run=before if before is not None and goes_on else Run(portal=portal.id, file=key),
            seen=stack.enter_context(Seen(services.entropy.bytes(32))),
        )
        importer.open_files(stack, goes_on=goes_on)
        if reader.columns & SECRETS:
            with opened(source) as again:
                importer.seen.share(Kind.SECRET, filter(None, map(_initial_secret, again.records)))
        return await importer.run_through(sheet.records)


def _check_options(portal: Portal, options: Options) -> None:
    first = portal.file.journeys.first_sign_in
    if options.generate is not None and first is None:
        raise ImportRefused("the portal has no [journeys.first_sign_in]: nothing would open with initial passwords")
    if options.accept_shared and (first is None or "shared_initial_passwords" not in first.accept_risk):
        raise ImportRefused(
            "shared initial passwords are taken only where the portal file says so in writing:"
            ' [journeys.first_sign_in] accept_risk = ["shared_initial_passwords"]'
        )


def _initial_secret(record: Record) -> str | None:
    """What several rows may not share: an initial password, or the hash of one."""
    written = record.cells.get(INITIAL_PASSWORD)
    if written and not written.isspace():
        return normalise(written)
    waits = record.cells.get(STATUS, "").strip() == Status.AWAITING_FIRST_SIGN_IN
    return (record.cells.get(PASSWORD_HASH, "").strip() or None) if waits else None
