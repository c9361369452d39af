"""fastapi-users as its documentation puts it together: SQLAlchemy on asyncpg, JWT sign-in, the reset router."""

import os
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Annotated
from uuid import UUID

import aiosmtplib
from fastapi import Depends, FastAPI, Request
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.password import PasswordHelper
from fastapi_users_db_sqlalchemy import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

SECRET = os.environ["PEER_SECRET"]
SMTP_PORT = int(os.environ["PEER_SMTP_PORT"])

engine = create_async_engine(
    os.environ["PEER_DATABASE"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=16
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
passwords = PasswordHelper(PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),)))


class Base(DeclarativeBase):
    """The tables."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """An account."""


class UserManager(UUIDIDMixin, BaseUserManager[User, UUID]):
    """What is done with accounts."""

    reset_password_token_secret = SECRET
    verification_token_secret = SECRET

    async def on_after_forgot_password(self, user: User, token: str, request: Request | None = None) -> None:  # noqa: ARG002 - its signature is the library's
        """Send the link: the library leaves this to the application."""
        message = EmailMessage()
        message["From"] = "portal@correo.example"
        message["To"] = user.email
        message["Subject"] = "Password reset"
        message.set_content(f"You asked for a new password. Choose it here:\nhttp://127.0.0.1/reset?token={token}\n")
        await aiosmtplib.send(message, hostname="127.0.0.1", port=SMTP_PORT)


async def _session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


async def _users(session: Annotated[AsyncSession, Depends(_session)]) -> AsyncIterator[SQLAlchemyUserDatabase]:
    yield SQLAlchemyUserDatabase(session, User)


async def _manager(users: Annotated[SQLAlchemyUserDatabase, Depends(_users)]) -> AsyncIterator[UserManager]:
    yield UserManager(users, passwords)


def _strategy() -> JWTStrategy:
    return JWTStrategy(secret=SECRET, lifetime_seconds=3600)


backend = AuthenticationBackend("jwt", BearerTransport("auth/jwt/login"), _strategy)
accounts = FastAPIUsers[User, UUID](_manager, [backend])
app = FastAPI(openapi_url=None)
app.include_router(accounts.get_auth_router(backend), prefix="/auth/jwt")
app.include_router(accounts.get_reset_password_router(), prefix="/auth")


async def create_tables() -> None:
    """Lay the tables out."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


if __name__ == "__main__":
    import asyncio

    asyncio.run(create_tables())
