"""The cookies: session, device, and one short-lived sealed flow cookie (S27, S28).

A name carries the portal's id, so that portals on one host do not read each other's; the session's row is checked
against the portal besides.
"""

import base64
import binascii

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from reclave.domain.portal import Portal
from reclave.domain.time import HOUR, SECOND, Instant
from reclave.ports.vault import Unsealable, Vault

_HANDLE_BYTES = 16
_SEAL = "flow"
FLOW_LIFE = HOUR
_DEVICE_SECONDS = 365 * 24 * 3600
_MAX_VALUE = 2048
_EVERY = "HttpOnly; Path=/; SameSite=lax; Secure"
_GONE = '""'


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What a page must know of the step before it: sealed, bound to the portal, at most an hour old."""

    step: str
    at: Instant
    address: str = ""
    reference: str = ""
    cooling: bool = False
    handle: bytes = b""
    request: bytes = b""
    token: str = ""
    identifier: str = ""
    kind: str = ""
    filled: dict[str, str] = {}
    understood: dict[str, str] = {}


def _name(portal: Portal, use: str) -> str:
    return f"__Host-reclave-{portal.id}{'-' + use if use else ''}"


def read_handle(request: Request, portal: Portal, use: str = "") -> bytes | None:
    """The 128-bit handle in the session's cookie (or the device's); None when there is none of its form."""
    try:
        handle = base64.urlsafe_b64decode(request.cookies.get(_name(portal, use), "")[:64] + "==")
    except (binascii.Error, ValueError):
        return None
    return handle if len(handle) == _HANDLE_BYTES else None


def set_session(response: Response, portal: Portal, handle: bytes) -> None:
    """Set the session cookie; it ends with the browser, the row with its limits."""
    _set(response, _name(portal, ""), _write(handle), None)


def set_device(response: Response, portal: Portal, handle: bytes) -> None:
    """Set the cookie by which a device that signed in before is recognised."""
    _set(response, _name(portal, "device"), _write(handle), _DEVICE_SECONDS)


def clear_session(response: Response, portal: Portal) -> None:
    """Take the session cookie away."""
    _set(response, _name(portal, ""), "", 0)


def set_flow(response: Response, portal: Portal, vault: Vault, flow: Flow) -> None:
    """Set the flow cookie."""
    sealed = vault.seal(_SEAL, msgspec.json.encode(flow), portal.id.encode())
    _set(response, _name(portal, "flow"), _write(sealed), FLOW_LIFE // SECOND)


def clear_flow(response: Response, portal: Portal) -> None:
    """Take the flow cookie away."""
    _set(response, _name(portal, "flow"), "", 0)


def read_flow(request: Request, portal: Portal, vault: Vault, step: str, now: Instant) -> Flow | None:
    """The flow cookie of one step, if it is ours, whole and not too old."""
    value = request.cookies.get(_name(portal, "flow"), "")
    if not value or len(value) > _MAX_VALUE:
        return None
    try:
        sealed = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        flow = msgspec.json.decode(vault.open(_SEAL, sealed, portal.id.encode()), type=Flow)
    except (binascii.Error, ValueError, Unsealable):
        return None
    return flow if flow.step == step and now - FLOW_LIFE < flow.at <= now + SECOND else None


def _write(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _set(response: Response, name: str, value: str, max_age: int | None) -> None:
    # Written here, because name and value have no character that http.cookies would have to quote, and it takes longer.
    lasts = "" if max_age is None else f"; Max-Age={max_age}"
    response.raw_headers.append((b"set-cookie", f"{name}={value or _GONE}{lasts}; {_EVERY}".encode()))
