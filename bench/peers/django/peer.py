"""Django's own sign-in and password-reset views."""

from urllib.parse import urlencode

from bench.peers.on_django import CSRF, OnDjango
from bench.peers.peer import Asker, Kind, Place, get, post, statuses, typed
from bench.service import People


class Django(OnDjango):
    """The views of `django.contrib.auth`."""

    name = "Django"
    folder = "django"
    package = "django"
    setting = "gunicorn, 2 sync workers; psycopg 3, connections kept; index on upper(email)"
    answers = statuses(first_page=200, request=302, sign_in=302, wrong=200)

    def asker(self, place: Place, people: People) -> Asker:  # noqa: ARG002 - its forms need no page first
        def ask(kind: Kind, person: int) -> bytes:
            if kind is Kind.FIRST_PAGE:
                return get("/login/", place.port)
            address = People.address(person)
            path, form = "/password_reset/", {"email": address}
            if kind not in {Kind.KNOWN, Kind.UNKNOWN}:
                path, form = "/login/", {"username": address, "password": typed(kind)}
            return post(path, place.port, "application/x-www-form-urlencoded", urlencode(form), CSRF)

        return ask
