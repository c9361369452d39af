"""The keyring file: whole or not there, closed to others, and clear about what is wrong with it."""

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reclave.adapters import keyring
from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import (
    KeyringRefused,
    KeyState,
    add_key,
    bump_epoch,
    create_keyring,
    epoch_path,
    load_keyring,
    mark_compromised,
    retire_key,
    signature,
)

ENTROPY = SystemEntropy()
MADE = 1_793_793_600_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keyring.json"
    create_keyring(path, ENTROPY, MADE)
    return path


@pytest.fixture
def generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def rewrite(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_new_keyring_has_one_active_key_and_the_first_epoch(path: Path) -> None:
    ring = load_keyring(path)
    assert list(ring.keys) == ["k1"]
    assert (ring.newest.state, ring.newest.created_at, len(ring.newest.secret)) == (KeyState.ACTIVE, MADE, 32)
    assert ring.epoch == 1


@pytest.mark.usefixtures("generous_umask")
def test_a_new_keyring_is_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    create_keyring(path, ENTROPY, MADE)
    add_key(path, ENTROPY, MADE)
    bump_epoch(path)
    assert [file.stat().st_mode & 0o777 for file in sorted(tmp_path.iterdir())] == [0o600, 0o600]


def test_two_keyrings_have_different_keys(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    create_keyring(other, ENTROPY, MADE)
    assert load_keyring(other).newest.secret != load_keyring(path).newest.secret


def test_an_existing_keyring_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyringRefused, match="here already") as refusal:
        create_keyring(path, ENTROPY, MADE)
    assert refusal.value.path == path
    assert path.read_bytes() == before


def test_of_many_that_create_at_the_same_time_one_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"

    def create(_: int) -> bool:
        try:
            create_keyring(path, ENTROPY, MADE)
        except KeyringRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(create, range(16))) == 1
    assert load_keyring(path).newest.id == "k1"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_lost_keyring_is_made_anew_without_going_back_in_epochs(path: Path) -> None:
    bump_epoch(path)
    path.unlink()
    create_keyring(path, ENTROPY, MADE)
    assert load_keyring(path).epoch == 2


def test_a_creation_that_stopped_halfway_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keyring.json"

    def full_disk(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(keyring, "_sync_folder", full_disk)
        with pytest.raises(OSError, match="No space"):
            create_keyring(path, ENTROPY, MADE)
    create_keyring(path, ENTROPY, MADE)
    assert load_keyring(path).epoch == 1


def test_what_is_written_is_on_the_disk_before_the_function_returns(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watched(fd: int) -> None:
        synced.append("folder" if os.path.isdir(f"/proc/self/fd/{fd}") else "file")  # noqa: PTH112 - a Path would resolve the link
        fsync(fd)

    monkeypatch.setattr(os, "fsync", watched)
    add_key(path, ENTROPY, MADE)
    bump_epoch(path)
    assert synced == ["file", "folder", "file", "folder"]


def test_a_write_that_fails_leaves_the_old_keyring_and_no_draft(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        add_key(path, ENTROPY, MADE)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 2


def test_an_added_key_makes_new_secrets_and_the_one_before_it_retires(path: Path) -> None:
    assert add_key(path, ENTROPY, MADE + 1) == "k2"
    assert add_key(path, ENTROPY, MADE + 2) == "k3"
    ring = load_keyring(path)
    assert [key.state for key in ring.keys.values()] == [KeyState.RETIRED, KeyState.RETIRED, KeyState.ACTIVE]
    assert (ring.newest.id, ring.oldest.id) == ("k3", "k1")
    assert ring.newest.created_at == MADE + 2


def test_keys_added_at_the_same_time_are_all_there(path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda _: add_key(path, ENTROPY, MADE), range(16)))
    assert sorted(added) == sorted(f"k{number}" for number in range(2, 18))
    assert len(load_keyring(path).keys) == 17


def test_epochs_raised_at_the_same_time_are_all_counted(path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        raised = list(threads.map(lambda _: bump_epoch(path), range(16)))
    assert sorted(raised) == list(range(2, 18))
    assert load_keyring(path).epoch == 17


def test_a_compromised_key_is_kept_and_never_the_newest_or_oldest(path: Path) -> None:
    add_key(path, ENTROPY, MADE)
    mark_compromised(path, "k1")
    ring = load_keyring(path)
    assert ring.keys["k1"].state is KeyState.COMPROMISED
    assert (ring.newest.id, ring.oldest.id) == ("k2", "k2")


def test_the_only_active_key_cannot_be_marked_as_compromised(path: Path) -> None:
    with pytest.raises(KeyringRefused, match="only active key") as refusal:
        mark_compromised(path, "k1")
    assert refusal.value.remedy == "add a key first: reclave keys add"
    with pytest.raises(KeyringRefused, match="no key k7"):
        mark_compromised(path, "k7")


def test_a_key_retires_once_another_makes_what_is_new(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyringRefused, match="reclave keys add"):
        retire_key(path, "k1")
    with monkeypatch.context() as patched:
        patched.setattr(keyring, "_in_state", lambda key, _state: key)
        add_key(path, SystemEntropy(), 1)
    retire_key(path, "k1")
    assert [key.state for key in load_keyring(path).keys.values()] == [KeyState.RETIRED, KeyState.ACTIVE]
    for gone in ("k1", "k9"):
        with pytest.raises(KeyringRefused, match=f"no active key {gone}"):
            retire_key(path, gone)


def test_a_keyring_behind_a_symbolic_link_is_changed_where_it_lies(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "linked"
    folder.mkdir()
    link = folder / "keyring.json"
    link.symlink_to(path)
    epoch_path(link).symlink_to(epoch_path(path))
    add_key(link, ENTROPY, MADE)
    bump_epoch(link)
    assert link.is_symlink()
    assert (load_keyring(path).newest.id, load_keyring(path).epoch) == ("k2", 2)


@pytest.mark.parametrize("which", ["keyring", "epoch"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666])
@pytest.mark.req("I4")
def test_a_file_that_others_may_use_is_refused(path: Path, which: str, mode: int) -> None:
    file = path if which == "keyring" else epoch_path(path)
    file.chmod(mode)
    with pytest.raises(KeyringRefused, match=f"mode {mode:04o}") as refusal:
        load_keyring(path)
    assert refusal.value.path == file
    assert refusal.value.remedy == f"chmod 600 {file}"


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: ours + 1)
    with pytest.raises(KeyringRefused, match=f"belongs to user {ours}") as refusal:
        load_keyring(path)
    assert refusal.value.remedy == f"chown {ours + 1} {path}"


def test_a_missing_keyring_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyringRefused, match="isn't there") as refusal:
        load_keyring(tmp_path / "keyring.json")
    assert refusal.value.remedy == f"make one: reclave keys new {tmp_path / 'keyring.json'}"


def test_a_missing_epoch_is_refused_and_not_begun_anew(path: Path) -> None:
    epoch_path(path).unlink()
    for use in (load_keyring, bump_epoch):
        with pytest.raises(KeyringRefused, match="isn't there") as refusal:
            use(path)
        assert refusal.value.path == epoch_path(path)
        assert "greater than every epoch before" in refusal.value.remedy


@pytest.mark.parametrize("content", ["", "uno", "-1", "1.5", "01", "1 2", "\n1", "1\n\n", "9" * 19])
def test_an_epoch_that_is_no_whole_number_is_refused(path: Path, content: str) -> None:
    epoch_path(path).write_text(content)
    with pytest.raises(KeyringRefused, match="whole number"):
        load_keyring(path)


def test_a_folder_or_a_pipe_in_place_of_the_keyring_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path in (tmp_path, pipe):
        with pytest.raises(KeyringRefused, match="isn't a file"):
            load_keyring(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"format": 1}', b'{"format": 1, "keys": [], "x": 1}'])
def test_a_damaged_keyring_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(KeyringRefused, match="damaged") as refusal:
        load_keyring(path)
    assert "backup" in refusal.value.remedy


def _key(**changes: object) -> Callable[[dict[str, object]], None]:
    def change(content: dict[str, object]) -> None:
        keys = content["keys"]
        assert isinstance(keys, list)
        keys[0] |= changes

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda content: content.update(format=2), "format is 2"),
        (lambda content: content.update(keys=[]), "none of its keys is active"),
        (lambda content: content.update(keys=content["keys"] * 2), "each once"),
        (_key(id="1"), "ids aren't k1"),
        (_key(id="k0"), "ids aren't k1"),
        (_key(secret=base64.b64encode(bytes(31)).decode()), "isn't 32 bytes"),
        (_key(secret="#"), "damaged"),
        (_key(state="retired"), "none of its keys is active"),
        (_key(state="other"), "damaged"),
        (_key(created_at="ayer"), "damaged"),
    ],
)
def test_a_keyring_with_a_wrong_value_says_what_is_wrong(
    path: Path, change: Callable[[dict[str, object]], None], why: str
) -> None:
    rewrite(path, change)
    with pytest.raises(KeyringRefused, match=re.escape(why)):
        load_keyring(path)


def test_no_message_and_no_representation_shows_a_key(path: Path) -> None:
    ring = load_keyring(path)
    secret = base64.b64encode(ring.newest.secret).decode()
    rewrite(path, _key(state="other", created_at=secret))
    with pytest.raises(KeyringRefused) as refusal:
        load_keyring(path)
    assert secret not in repr(ring) + repr(refusal.value) + str(refusal.value)
    assert repr(ring.newest.secret) not in repr(ring)


def test_the_signature_changes_with_the_keyring_and_with_the_epoch(path: Path) -> None:
    seen = [signature(path), signature(path)]
    add_key(path, ENTROPY, MADE)
    seen.append(signature(path))
    bump_epoch(path)
    seen.append(signature(path))
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3
    path.unlink()
    assert signature(path) == ()
