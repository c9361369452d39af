"""Hashes of other systems, read: which are taken, which are refused and how, what each one costs."""

import base64
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reclave.domain.foreign_hashes import ForeignHashRefused, bcrypt_base64, from_bcrypt_base64, parse_foreign_hash
from reclave.domain.foreign_recipes import NATIVE, Recipe, read_recipe, recipe_like, scheme_of

BCRYPT = "$2b$12$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
KEY = base64.b64encode(bytes(32)).decode()
BARE = KEY.rstrip("=")


@pytest.mark.req("S19")
@pytest.mark.parametrize(
    ("written", "scheme"),
    [
        (BCRYPT, "bcrypt:12"),
        (BCRYPT.replace("$2b$", "$2y$"), "bcrypt:12"),
        (f"  {BCRYPT}\n", "bcrypt:12"),
        (f"bcrypt${BCRYPT}", "bcrypt:12"),
        (f"{{CRYPT}}{BCRYPT}", "bcrypt:12"),
        (f"bcrypt_sha256${BCRYPT}", "bcrypt_sha256:12"),
        (f"pbkdf2_sha256$600000$salt${KEY}", "pbkdf2_sha256:600000:32"),
        (f"$pbkdf2-sha512$25000$c2FsdA${BARE}", "pbkdf2_sha512:25000:32"),
        (f"scrypt$16384$salt$8$1${KEY}", "scrypt:16384:8:1:32"),
        (f"$scrypt$ln=14,r=8,p=1$c2FsdA${BARE}", "scrypt:16384:8:1:32"),
        (f"argon2$argon2id$v=19$m=102400,t=2,p=8$c29tZXNhbHQ${BARE}", "argon2id:19:102400:2:8:32"),
        (f"{{ARGON2}}$argon2d$m=8,t=1,p=1$c29tZXNhbHQ${BARE}", "argon2d:16:8:1:1:32"),
        ("$P$984478476IagS59wHZvyQMArzfx58u.", "phpass:11"),
        ("{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng==", "sha1"),
        ("{sha}uJ6qx+YUFzQbcQtyd2gpTQ5qJ3s=", "sha1"),
        ("AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==", "pbkdf2_sha1:1000:32"),
    ],
)
def test_the_scheme_of_a_hash_says_all_that_its_work_depends_on(written: str, scheme: str) -> None:
    foreign = parse_foreign_hash(written)
    assert foreign.recipe.scheme == scheme
    assert read_recipe(foreign.recipe.written) == foreign.recipe
    alike = recipe_like(scheme)
    assert alike is not None
    assert alike.scheme == scheme


def test_what_one_fast_digest_made_is_called_weak() -> None:
    assert parse_foreign_hash("{SHA}uJ6qx+YUFzQbcQtyd2gpTQ5qJ3s=").weak
    assert parse_foreign_hash("{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng==").weak
    assert not parse_foreign_hash("$P$984478476IagS59wHZvyQMArzfx58u.").weak


@pytest.mark.req("S19")
@pytest.mark.parametrize(
    ("written", "scheme", "why"),
    [
        (BCRYPT.replace("$12$", "$15$"), "bcrypt", "15 cost"),
        (f"pbkdf2_sha256$2000001$salt${KEY}", "PBKDF2 (Django)", "2000001 iterations"),
        (f"pbkdf2_sha1$1000001$salt${KEY}", "PBKDF2 (Django)", "2000000 iterations in all"),
        (f"pbkdf2_sha256$1000$salt${KEY[:8]}", "PBKDF2 (Django)", "6 bytes of digest"),
        (f"$scrypt$ln=19,r=8,p=1$c2FsdA${BARE}", "scrypt (passlib)", "256 MiB"),
        (f"$scrypt$ln=18,r=8,p=16$c2FsdA${BARE}", "scrypt (passlib)", "a second"),
        (f"scrypt$16383$salt$8$1${KEY}", "scrypt (Django)", "no power of two"),
        (f"$argon2id$v=19$m=262145,t=1,p=1$c29tZXNhbHQ${BARE}", "Argon2", "262145 KiB"),
        (f"$argon2id$v=19$m=262144,t=5,p=1$c29tZXNhbHQ${BARE}", "Argon2", "a second"),
        (f"$argon2id$v=18$m=65536,t=1,p=1$c29tZXNhbHQ${BARE}", "Argon2", "not those of any Argon2"),
        ("$P$H84478476IagS59wHZvyQMArzfx58u.", "phpass", "19 rounds"),
        ("{SSHA}uJ6qx+YUFzQbcQtyd2gpTQ5qJ3s=", "LDAP", "damaged"),
        ("{SHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng==", "LDAP", "damaged"),
        ("AQAAAAkAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==", "ASP.NET", "damaged"),
        (BCRYPT[:-1], "bcrypt", "cut off"),
        ("$6$salt$" + "a" * 86, "SHA-512-crypt", "not supported"),
        ("{CRYPT}$6$salt$" + "a" * 86, "LDAP {CRYPT}", "not supported"),
        ("secreto$de$maría", "unknown scheme", "not supported"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "unknown scheme", "not supported"),
        (f"pbkdf2_sha256$1000${'s' * 1000}${KEY}", "PBKDF2", "not supported"),
        ("", "unknown scheme", "not supported"),
    ],
)
def test_what_is_not_taken_says_which_scheme_why_and_what_to_do_without_quoting_it(
    written: str, scheme: str, why: str
) -> None:
    with pytest.raises(ForeignHashRefused, match=re.escape(why)) as refused:
        parse_foreign_hash(written)
    assert refused.value.scheme.startswith(scheme)
    assert "recovery" in str(refused.value)
    assert "maría" not in str(refused.value)
    assert written[-8:] not in str(refused.value) or not written


@given(st.text(max_size=80) | st.from_regex(r"\$(argon2id|scrypt|pbkdf2|2b|P)\$[\w=,$./+]{0,60}"))
@example("A" * 68)
@example("AQ" + "A" * 80)
@example("{SHA}=")
@example("pbkdf2_sha256$1$s$_")
def test_every_other_text_is_refused_and_never_a_failure(text: str) -> None:
    try:
        recipe = parse_foreign_hash(text).recipe
    except ForeignHashRefused:
        return
    assert recipe.excess() is None


@pytest.mark.parametrize(
    "written", ["", ";", "bcrypt:12", "bcrypt;", "bcrypt:15;", "bcrypt:x;", "bcrypt:12;?", "nothing:1;", "sha1:1;"]
)
def test_a_row_that_somebody_wrote_into_the_database_is_no_recipe(written: str) -> None:
    assert read_recipe(written) is None


@given(st.binary(max_size=23))
def test_bcrypts_base_64_goes_both_ways(raw: bytes) -> None:
    assert from_bcrypt_base64(bcrypt_base64(raw)) == raw


def test_the_scheme_of_a_stored_hash_is_read_without_its_salt() -> None:
    recipe = parse_foreign_hash(f"pbkdf2_sha256$600000$salt${KEY}").recipe
    phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA"
    assert scheme_of(f"k1:{recipe.written}{phc}") == "pbkdf2_sha256:600000:32"
    assert scheme_of(f"k1:{phc}") == NATIVE
    assert [scheme_of(stored) for stored in (None, "", "!")] == [None, None, None]
    assert [recipe_like(scheme) for scheme in (NATIVE, None, "bcrypt:31")] == [None, None, None]
    assert recipe_like("sha1") == Recipe(
        parse_foreign_hash("{SHA}uJ6qx+YUFzQbcQtyd2gpTQ5qJ3s=").recipe.algorithm, (), bytes(16)
    )
