"""django-allauth without pages (headless): settings as its documentation asks for, rate limits off."""

import common_configuration
from common_configuration import *  # noqa: F403 - how Django's settings build on others

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
    *common_configuration.MIDDLEWARE,
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
