"""The digests of other systems' hashes, against vectors that those systems published themselves.

From: crypt_blowfish and phpass (Openwall), passlib's and Django's tests, ASP.NET Core Identity's tests, the Argon2
reference implementation and argon2-jni, hashcat's list of example hashes.
"""

import base64
import hashlib

import pytest

from reclave.adapters.foreign_hashes import foreign_digest
from reclave.domain.foreign_hashes import parse_foreign_hash

LETMEIN = "l\u00e8tmein"
LONG = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored"
ARGON2_KEY = "\x00\x01\x02\x04\x08\x10\x21\x7f"
SCRYPT_LETMEIN = "Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw=="
ARGON2_SECRET = "gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg"

VECTORS = [
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U*U", "$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    (LONG, "bcrypt$$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"),
    ("", "bcrypt_sha256$$2a$06$/3OeRpbOf8/l6nPPRdZPp.nRiyYqPobEZGdNRBWihQhiFDh1ws1tu"),
    (LETMEIN, "bcrypt_sha256$$2a$08$NDjSAIcas.EcoxCRiArvT.MkNiPYVhrsrnJsRkLueZOoV1bsQqlmC"),
    ("hashcat", "pbkdf2_sha256$20000$H0dPx8NeajVu$GiC4k5kqbbR9qWBlsRgDywNqC2vd9kqfk7zdorEnNas="),
    (LETMEIN, "pbkdf2_sha256$36000$seasalt$mEUPPFJkT/xtwDU8rB7Q+puHRZnR07WRjerTkt/3HI0="),
    (LETMEIN, "pbkdf2_sha1$30000$seasalt2$pMzU1zNPcydf6wjnJFbiVKwgULc="),
    ("password", "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M"),
    (LETMEIN, f"scrypt$16384$seasalt$8$1${SCRYPT_LETMEIN}"),
    ("password", "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"),
    ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
    ("password", "argon2$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
    ("secret", f"argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ${ARGON2_SECRET}"),
    (ARGON2_KEY, "$argon2i$v=19$m=4096,t=3,p=1$gAABAgQIECE$dAcOK478Oesqg2adlw9OLg"),
    (ARGON2_KEY, "$argon2d$v=16$m=4096,t=3,p=1$gAABAgQIECE$JmUJUzmjgYIqdk4MWOW9qA"),
    (ARGON2_KEY, "$argon2d$v=19$m=4096,t=3,p=1$gAABAgQIECE$XoGtAdtp6jfZjX4J4cHVGA"),
    ("my password", "AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg=="),
    ("my password", "AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw=="),
    ("hashcat", "{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng=="),
    ("hashcat", "{SHA}uJ6qx+YUFzQbcQtyd2gpTQ5qJ3s="),
    ("hashcat", "{SSHA256}OZiz0cnQ5hgyel3Emh7NCbhBRCQ+HVBwYplQunHYnER7TLuV"),
    (
        "hashcat",
        "{SSHA512}ALtwKGBdRgD+U0fPAy31C28RyKYx7+a8kmfksccsOeLknLHv2DBXYI7TDnTolQMBuPkWDISgZr2cHfnNPFjGZTEyNDU4OTkw",
    ),
    ("test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
    ("hashcat", "$H$984478476IagS59wHZvyQMArzfx58u."),
]


def fits(written: str, password: str) -> bool:
    foreign = parse_foreign_hash(written)
    return foreign_digest(foreign.recipe, password) == foreign.digest


@pytest.mark.req("S19")
@pytest.mark.parametrize(("password", "written"), VECTORS)
def test_the_published_password_fits_and_no_other(password: str, written: str) -> None:
    assert fits(written, password)
    assert not fits(written, "x" + password)


@pytest.mark.req("S19")
def test_formats_without_a_published_vector_are_what_their_definition_says() -> None:
    salt = bytes(range(16))

    def b64(raw: bytes) -> str:
        return base64.b64encode(raw).decode()

    sha512 = hashlib.pbkdf2_hmac("sha512", b"clave", salt, 1000)
    header = b"\x01" + b"".join(number.to_bytes(4, "big") for number in (2, 1000, len(salt)))
    ab64 = [b64(raw).rstrip("=").replace("+", ".") for raw in (salt, sha512)]
    written = [
        b64(header + salt + sha512),
        f"$pbkdf2-sha512$1000${'$'.join(ab64)}",
        f"{{SMD5}}{b64(hashlib.md5(b'clave' + salt, usedforsecurity=False).digest() + salt)}",
        f"{{SSHA384}}{b64(hashlib.sha384(b'clave' + salt).digest() + salt)}",
        f"{{SHA512}}{b64(hashlib.sha512(b'clave').digest())}",
    ]
    assert [fits(one, "clave") for one in written] == [True] * 5
    assert [fits(one, "Clave") for one in written] == [False] * 5


@pytest.mark.req("S20")
def test_what_was_typed_in_decomposed_letters_fits_what_was_hashed_composed() -> None:
    assert fits("pbkdf2_sha1$30000$seasalt2$pMzU1zNPcydf6wjnJFbiVKwgULc=", "le\u0300tmein")


def test_bcrypt_takes_a_salt_with_bits_that_count_for_nothing() -> None:
    assert fits("$2a$05$CCCCCCCCCCCCCCCCCCCCCAE5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U")
