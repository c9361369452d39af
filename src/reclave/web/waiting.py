"""What pages say that wait for a mail: whom it comes from, how long mail takes, and what may have been mistyped."""

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

from reclave.pages.page import Page
from reclave.pages.understood import doubts, likely_slips


def context(page: Page, shown: Mapping[str, str]) -> dict[str, Any]:
    """The context of `waiting.html`; `shown` is what was understood, by field. The same for every account (S1)."""
    expected = page.services.mail_pace.of(page.portal.id)
    return slips(page, shown) | {
        "sender": parseaddr(page.portal.file.mail.sender)[1],
        "usual": expected.usual,
        "slow": expected.slow,
    }


def slips(page: Page, shown: Mapping[str, str]) -> dict[str, Any]:
    """What may have been mistyped, by field: addresses that were probably meant, and sentences."""
    return {"meant": likely_slips(page.portal, shown), "doubts": doubts(page.words, page.portal, shown)}
