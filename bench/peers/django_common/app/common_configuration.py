"""What both systems on Django have in their settings: the database, the mail server, the cost of a hash."""

import os
from urllib.parse import urlsplit

from django.contrib.auth.hashers import Argon2PasswordHasher

_database = urlsplit(os.environ["PEER_DATABASE"])


class CheapestAllowed(Argon2PasswordHasher):
    """Argon2id at the cost that every system of the benchmark pays."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1


SECRET_KEY = os.environ["PEER_SECRET"]
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "addresses"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _database.hostname,
        "PORT": _database.port,
        "NAME": _database.path[1:],
        "USER": _database.username,
        "PASSWORD": _database.password,
        "CONN_MAX_AGE": None,  # a connection stays for as long as its process
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["common_configuration.CheapestAllowed"]
USE_I18N = False
EMAIL_HOST = "127.0.0.1"
EMAIL_PORT = int(os.environ["PEER_SMTP_PORT"])
DEFAULT_FROM_EMAIL = "portal@correo.example"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
