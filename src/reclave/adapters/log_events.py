"""Every event that the service logs under a name of its own; a test compares this list with the code.

What libraries log (level warning and above, for the talkative ones) comes through the same redaction.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LogEvent:
    """An event: its level, what it means and what to do; its fields beside timestamp, level, logger and event."""

    name: str
    level: str
    meaning: str
    fields: dict[str, str] = field(default_factory=dict)


_REFERENCE = "The reference that page and mail show; it opens nothing."
_PORTAL = "The portal's id."
_PORTALS = "The portals' ids."
_TEMPLATE = "Which mail."
_PROCESS = "`web` or `worker`."
_STAGE = "`resolve`, `send` or `keep_house`."
_KEY = "The key's id in the keyring."
_ERROR = "The kind of error and where it came from; values that its message quotes are left out."

LOG_EVENTS = (
    LogEvent(
        "page_answered",
        "debug",
        "A request was answered. Neither its path nor who sent it is logged.",
        {
            "portal": _PORTAL,
            "page": "The page's name in the code; `other` where no page has the path.",
            "method": "`GET`, `HEAD`, `POST` or `other`.",
            "status": "The HTTP status.",
            "ms": "Milliseconds from the request's head to the answer's end.",
        },
    ),
    LogEvent(
        "request_failed",
        "error",
        "A fault of the service: the person saw a page with the reference and status 500.",
        {"reference": "Also on the page that the person saw.", "portal": _PORTAL, "page": "The page's name."},
    ),
    LogEvent(
        "refusal_page_failed",
        "error",
        "The page for a request that the server refused could not be made; a plainer one was sent.",
        {"status": "The HTTP status."},
    ),
    LogEvent(
        "requests_cut_off",
        "warning",
        "At the stop some requests were not finished in time, and were cut off.",
        {"requests": "How many."},
    ),
    LogEvent(
        "user_id_budget_spent",
        "error",
        'The portal\'s daily budget of user names shown on the screen (`reveal = "screen"`) is used up: somebody may'
        " be trying out identifications. Read the audit trail.",
        {"portal": _PORTAL},
    ),
    LogEvent(
        "delivery",
        "info",
        "The mail server answered for one message.",
        {"reference": _REFERENCE, "template": _TEMPLATE, "answer": "`Sent`, `Deferred` or `Refused`."},
    ),
    LogEvent(
        "attempt_failed",
        "error",
        "A message could not be composed or handed over because of a fault; it is tried again, ever more rarely.",
        {"reference": _REFERENCE, "template": _TEMPLATE},
    ),
    LogEvent(
        "lease_lost",
        "warning",
        "Another worker had taken the work over before this one was done; the work is done once. Often: the machine"
        " is too slow, or clocks jump.",
        {"reference": _REFERENCE, "stage": _STAGE},
    ),
    LogEvent(
        "batch_failed",
        "warning",
        "A batch could not be resolved in one transaction; its requests are resolved one by one.",
        {"stage": _STAGE},
    ),
    LogEvent(
        "issue_raced",
        "info",
        "Two workers issued for one account at the same time; this request is resolved again in a moment.",
        {"reference": _REFERENCE},
    ),
    LogEvent(
        "intake_unsealable",
        "error",
        "A request was sealed under a key that is not in the keyring; it ends as stale and the person asks again.",
        {"reference": _REFERENCE},
    ),
    LogEvent(
        "message_unsealable",
        "error",
        "A mail was sealed under a key that is not in the keyring; it is cancelled.",
        {"reference": _REFERENCE},
    ),
    LogEvent(
        "stage_failed",
        "error",
        "A worker's stage failed; it goes on by itself, and `/readyz` shows what waits.",
        {"stage": _STAGE},
    ),
    LogEvent(
        "worker_ended",
        "error",
        "The worker's process ended by itself; `serve` starts another one.",
        {"code": "Its exit code; below zero the signal that ended it."},
    ),
    LogEvent(
        "process_ended",
        "error",
        "A process of `serve --processes N` ended by itself; another one is started.",
        {"process": _PROCESS, "code": "Its exit code; below zero the signal that ended it."},
    ),
    LogEvent(
        "process_not_started",
        "error",
        "The machine could not start a process; it is tried again.",
        {"process": _PROCESS},
    ),
    LogEvent(
        "renewed",
        "info",
        "New processes answer (SIGUSR2); those before them end when their last connection does.",
        {"processes": "How many are new."},
    ),
    LogEvent(
        "renewal_refused",
        "error",
        "A new process did not begin (SIGUSR2): the lines before say why. The old ones go on.",
    ),
    LogEvent(
        "sending_cut_off",
        "warning",
        "At the stop the mail server had not answered for some mails: they are sent again when their lease has ended.",
        {"messages": "How many."},
    ),
    LogEvent(
        "notification_failed",
        "warning",
        "Workers in other processes could not be woken; they look by themselves every second.",
        {"error": "The kind of error."},
    ),
    LogEvent(
        "database_away",
        "warning",
        "PostgreSQL does not answer, or takes no writes: requests are answered at once with status 503 until it does.",
        {"error": "The kind of error.", "seconds": "How long this process waits before it tries again."},
    ),
    LogEvent(
        "hashing_library",
        "info",
        "Which library computes this process's password hashes from now on: each has computed a few.",
        {"library": "`libsodium` or `argon2-cffi`.", "ms": "Milliseconds of the processor for one hash."},
    ),
    LogEvent("database_back", "info", "PostgreSQL answers again."),
    LogEvent(
        "transaction_given_up",
        "warning",
        "PostgreSQL ended a transaction: a lock or a statement took too long, or the connection was lost.",
        {"error": "The kind of error."},
    ),
    LogEvent(
        "listener_lost",
        "warning",
        "The connection over which a worker is woken was lost; until there is another, it looks every second.",
        {"error": "The kind of error.", "seconds": "How long it waits before it tries again."},
    ),
    LogEvent(
        "listener_not_direct",
        "warning",
        "PgBouncer stands between: workers are not woken and look every second. Set `database_direct`.",
    ),
    LogEvent(
        "worker_reloaded", "info", "The worker goes on with the portal files as they are now.", {"portals": _PORTALS}
    ),
    LogEvent("pages_reloaded", "info", "The pages go on with the portal files as they are now.", {"portals": _PORTALS}),
    LogEvent(
        "reload_refused",
        "error",
        "A portal file has a mistake: what was read before stays in force.",
        {"why": "File, key and mistake."},
    ),
    LogEvent(
        "keyring_reloaded",
        "info",
        "The keyring was changed, and is in force.",
        {"key_id": "The key that makes new secrets.", "epoch": "The recovery epoch."},
    ),
    LogEvent(
        "keyring_refused",
        "error",
        "A key was looked for in the keyring's file, which cannot be used; the keys read before stay in use.",
        {"path": "The file.", "why": "What is wrong with it.", "remedy": "What to do."},
    ),
    LogEvent(
        "pepper_missing",
        "error",
        "A password's hash was made under a key that is not in the keyring: nobody signs in with it.",
        {"key_id": _KEY},
    ),
    LogEvent(
        "sealed_hash_does_not_open",
        "error",
        "An imported hash is sealed under a key that is gone or compromised: its owner recovers by mail.",
        {"why": "What is wrong with it."},
    ),
    LogEvent(
        "refresh_failed",
        "error",
        "The keyring or the switches could not be read again: what was read before stays in force.",
    ),
    LogEvent(
        "operations_listening",
        "info",
        "The operators' listener answers `/healthz`, `/readyz` and `/metrics`.",
        {"port": "Its port."},
    ),
    LogEvent(
        "readiness_changed",
        "warning",
        "A check of `/readyz` passed before and fails now, or the other way round.",
        {"check": "The check.", "ok": "Whether it passes.", "why": "What is wrong.", "remedy": "What to do."},
    ),
    LogEvent(
        "demo_mail_not_stored", "error", "The demo could not keep a mail.", {"reason": "The system's word for it."}
    ),
    LogEvent("demo_smtp_session_failed", "error", "A fault of the demo's mail server."),
)
"""Every event, in the order of the reference."""

ERROR_FIELD = _ERROR
"""What the field `exception` holds, where an event has it."""
