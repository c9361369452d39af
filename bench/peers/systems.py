"""The systems, in the order of their first turns."""

from bench.peers.allauth.peer import Allauth
from bench.peers.bare import Bare
from bench.peers.better_auth.peer import BetterAuth
from bench.peers.canaille.peer import Canaille
from bench.peers.django.peer import Django
from bench.peers.fastapi_users.peer import FastApiUsers
from bench.peers.flask_security.peer import FlaskSecurity, FlaskSecurityMd5
from bench.peers.peer import Peer
from bench.peers.reclave import Reclave, ReclavePages
from bench.peers.reclave_built import ReclaveBuilt

SYSTEMS: tuple[Peer, ...] = (
    Reclave(),
    ReclavePages(),
    ReclaveBuilt(),
    Bare(),
    Django(),
    Allauth(),
    FastApiUsers(),
    FlaskSecurity(),
    FlaskSecurityMd5(),
    BetterAuth(),
    Canaille(),
)
