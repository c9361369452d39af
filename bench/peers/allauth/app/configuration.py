"""django-allauth without pages (headless): settings as its documentation asks for, rate limits off."""

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
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "allauth",
    "allauth.account",
    "allauth.headless",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
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
PASSWORD_HASHERS = ["configuration.CheapestAllowed"]
USE_I18N = False
EMAIL_HOST = "127.0.0.1"
EMAIL_PORT = int(os.environ["PEER_SMTP_PORT"])
DEFAULT_FROM_EMAIL = "portal@correo.example"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_RATE_LIMITS = False
HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("browser",)
_FRONTEND = "http://127.0.0.1/account"
HEADLESS_FRONTEND_URLS = {
    "account_confirm_email": _FRONTEND + "/verify-email/{key}",
    "account_reset_password": _FRONTEND + "/password/reset",
    "account_reset_password_from_key": _FRONTEND + "/password/reset/key/{key}",
    "account_signup": _FRONTEND + "/signup",
}
