"""The keyring file: the keys behind every secret, and the recovery epoch in a file of its own beside it.

The keyring is JSON with mode 0600, oldest key first:
`{"format": 1, "keys": [{"id": "k1", "created_at": …, "secret": …, "state": …}]}`. The epoch is a number in
`<keyring>.epoch`: neither in the database nor in the keyring, so that restoring a backup of either doesn't
bring an old epoch back. Every change replaces a file in one step and is on the disk before it counts.
"""

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

from reclave.domain.errors import ReclaveError
from reclave.domain.time import Instant
from reclave.ports.entropy import Entropy

SECRET_BYTES = 32
FIRST_EPOCH = 1

_FORMAT = 1
_KEY_ID = re.compile(r"k[1-9][0-9]{0,8}")
_EPOCH = re.compile(rb"(0|[1-9][0-9]{0,17})\n?")
_MOST_BYTES = 1024 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyringRefused(ReclaveError):
    """A keyring or epoch file that cannot be used: which, why, and what the operator can do."""

    code = "keyring_refused"

    def __init__(self, path: Path, why: str, remedy: str) -> None:
        super().__init__(f"{path}: {why}; {remedy}")
        self.path = path
        self.why = why
        self.remedy = remedy


class KeyState(StrEnum):
    """active: makes new secrets; retired: opens what it made; compromised: opens nothing, fits nothing.

    But its pepper still verifies passwords (or nobody could sign in), and its seals over the trail are still checked.
    """

    ACTIVE = "active"
    RETIRED = "retired"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True)
class Key:
    """One key: 32 random bytes, from which every subkey is derived."""

    id: str
    created_at: Instant
    secret: bytes = field(repr=False)
    state: KeyState


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys by id, oldest first, and the recovery epoch; at least one key is active."""

    path: Path
    keys: Mapping[str, Key]
    epoch: int

    @property
    def newest(self) -> Key:
        """The key that makes new secrets: the newest active one."""
        return [key for key in self.keys.values() if key.state is KeyState.ACTIVE][-1]

    @property
    def oldest(self) -> Key:
        """The key under which digests are made: the oldest that isn't compromised."""
        return next(key for key in self.keys.values() if key.state is not KeyState.COMPROMISED)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    keys: list[Key]


def epoch_path(path: Path) -> Path:
    """Where the recovery epoch of the keyring at `path` lives."""
    return path.with_name(path.name + ".epoch")


def create_keyring(path: Path, entropy: Entropy, now: Instant) -> None:
    """Make a keyring with one active key, and its epoch where there is none.

    Raises:
        KeyringRefused: there is a keyring at `path`, or an epoch that cannot be used.
        OSError: the folder cannot be written.
    """
    # The epoch first: stopped between the two, the next try finds an epoch, keeps it, and goes on.
    try:
        _write(epoch_path(path), b"%d\n" % FIRST_EPOCH, new=True)
    except FileExistsError:
        _read_epoch(path)
    try:
        _write(path, _encoded([_new_key("k1", entropy, now)]), new=True)
    except FileExistsError:
        why = "there is something here already"
        raise KeyringRefused(path, why, "use that keyring, or choose another path") from None


def load_keyring(path: Path) -> Keyring:
    """Read the keyring and its epoch.

    Raises:
        KeyringRefused: a file is missing, damaged, another user's, or open to others.
    """
    return Keyring(path, {key.id: key for key in _read_keys(path)}, _read_epoch(path))


def add_key(path: Path, entropy: Entropy, now: Instant) -> str:
    """Add an active key, retire the one before it, and return the new key's id.

    Raises:
        KeyringRefused: see `load_keyring`.
    """
    with _locked(path.parent):
        keys = _read_keys(path)
        new = _new_key(f"k{max(int(key.id[1:]) for key in keys) + 1}", entropy, now)
        retired = [_in_state(key, KeyState.RETIRED) if key.state is KeyState.ACTIVE else key for key in keys]
        _write(path, _encoded([*retired, new]))
        return new.id


def mark_compromised(path: Path, key_id: str) -> None:
    """Mark a key whose bytes somebody else may know: from then on what it made opens nothing.

    Raises:
        KeyringRefused: see `load_keyring`; or there is no such key, or it is the only active one.
    """
    with _locked(path.parent):
        keys = _read_keys(path)
        if key_id not in {key.id for key in keys}:
            raise KeyringRefused(path, f"there is no key {key_id} in it", "see its keys: reclave keys list")
        marked = [_in_state(key, KeyState.COMPROMISED) if key.id == key_id else key for key in keys]
        if not any(key.state is KeyState.ACTIVE for key in marked):
            raise KeyringRefused(path, f"{key_id} is its only active key", "add a key first: reclave keys add")
        _write(path, _encoded(marked))


def retire_key(path: Path, key_id: str) -> None:
    """Retire an active key that isn't the newest; it still opens what it made. Raises `KeyringRefused`."""
    with _locked(path.parent):
        keys = _read_keys(path)
        *older, newest = [key.id for key in keys if key.state is KeyState.ACTIVE]
        if key_id == newest:
            raise KeyringRefused(path, f"{key_id} makes new secrets", "retire it by adding another: reclave keys add")
        if key_id not in older:
            raise KeyringRefused(path, f"it holds no active key {key_id}", "see its keys: reclave keys list")
        _write(path, _encoded([_in_state(key, KeyState.RETIRED) if key.id == key_id else key for key in keys]))


def bump_epoch(path: Path) -> int:
    """Raise the recovery epoch of the keyring at `path` by one and return it: every live secret ends.

    Raises:
        KeyringRefused: the epoch's file is missing, damaged, another user's, or open to others.
    """
    with _locked(path.parent):
        epoch = _read_epoch(path) + 1
        _write(epoch_path(path), b"%d\n" % epoch)
        return epoch


def signature(path: Path) -> tuple[int, ...]:
    """What changes when the keyring or its epoch is replaced, or opened to others; empty when they can't be seen."""
    try:
        found = [file.stat() for file in (path, epoch_path(path))]
    except OSError:
        return ()
    return tuple(number for one in found for number in (one.st_ino, one.st_mode, one.st_size, one.st_mtime_ns))


def _new_key(key_id: str, entropy: Entropy, now: Instant) -> Key:
    return Key(key_id, now, entropy.bytes(SECRET_BYTES), KeyState.ACTIVE)


def _in_state(key: Key, state: KeyState) -> Key:
    return Key(key.id, key.created_at, key.secret, state)


def _read_keys(path: Path) -> list[Key]:
    remedy = "restore it from its backup"
    try:
        file = msgspec.json.decode(_read_private(path, f"make one: reclave keys new {path}"), type=_File)
    except msgspec.MsgspecError as error:
        raise KeyringRefused(path, f"it is damaged ({error})", remedy) from None
    ids = [key.id for key in file.keys]
    if file.format != _FORMAT:
        why = f"its format is {file.format}, not {_FORMAT}"
        raise KeyringRefused(path, why, "use the version of Reclave that wrote it")
    if len(set(ids)) != len(ids) or not all(_KEY_ID.fullmatch(key_id) for key_id in ids):
        raise KeyringRefused(path, "its keys' ids aren't k1, k2, … each once", remedy)
    if any(len(key.secret) != SECRET_BYTES for key in file.keys):
        raise KeyringRefused(path, f"a key in it isn't {SECRET_BYTES} bytes long", remedy)
    if not any(key.state is KeyState.ACTIVE for key in file.keys):
        raise KeyringRefused(path, "none of its keys is active", remedy)
    return file.keys


def _read_epoch(path: Path) -> int:
    path = epoch_path(path)
    remedy = "restore it, or write a number in it that is greater than every epoch before"
    content = _read_private(path, remedy)
    if _EPOCH.fullmatch(content) is None:
        raise KeyringRefused(path, "it doesn't hold a whole number", remedy)
    return int(content)


def _read_private(path: Path, if_missing: str) -> bytes:
    """The content of a regular file that belongs to this process's user and is closed to everybody else."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyringRefused(path, "it isn't there", if_missing) from None
    except OSError as error:
        raise KeyringRefused(path, f"it can't be read ({error.strerror})", "check its folder") from None
    try:
        # What was opened is checked, not what the name points to now.
        _check_private(path, os.fstat(fd))
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(_MOST_BYTES)
    finally:
        os.close(fd)


def _check_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise KeyringRefused(path, "it isn't a file", "name the keyring's file")
    if found.st_uid != os.geteuid():
        why = f"it belongs to user {found.st_uid}, and Reclave runs as user {os.geteuid()}"
        raise KeyringRefused(path, why, f"chown {os.geteuid()} {path}")
    if found.st_mode & _OTHERS:
        why = f"others may use it (mode {stat.S_IMODE(found.st_mode):04o})"
        raise KeyringRefused(path, why, f"chmod 600 {path}")


def _encoded(keys: list[Key]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_File(_FORMAT, keys)), indent=2) + b"\n"


def _write(path: Path, content: bytes, *, new: bool = False) -> None:
    """Make or replace a file in one step: a stop at any line leaves the old one or the new one, whole.

    Raises `FileExistsError` where the file is to be `new` and is there.
    """
    path = path if new else path.resolve()
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # O_EXCL, mode 0600
    draft = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(fd)
        if new:
            path.hardlink_to(draft)
            draft.unlink()
        else:
            draft.replace(path)
    except BaseException:  # whatever ended it, also a cancellation: no draft stays
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One change at a time, between processes too: the lock is on the folder, as the files are replaced."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
