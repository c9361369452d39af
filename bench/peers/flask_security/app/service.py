"""Flask-Security-Too with generic responses, on Flask-SQLAlchemy, as a front end of one's own uses it (JSON)."""

import os

from flask import Flask
from flask_mailman import Mail
from flask_security import Security, SQLAlchemyUserDatastore
from flask_security.models import fsqla_v3
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ["PEER_SECRET"],
    SQLALCHEMY_DATABASE_URI=os.environ["PEER_DATABASE"].replace("postgresql://", "postgresql+psycopg://"),
    MAIL_SERVER="127.0.0.1",
    MAIL_PORT=int(os.environ["PEER_SMTP_PORT"]),
    MAIL_USE_TLS=False,
    MAIL_DEFAULT_SENDER="portal@correo.example",
    WTF_CSRF_CHECK_DEFAULT=False,
    SECURITY_CSRF_IGNORE_UNAUTH_ENDPOINTS=True,
    SECURITY_EMAIL_SENDER="portal@correo.example",
    SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False},  # else it asks the DNS about every address
    SECURITY_PASSWORD_SALT=os.environ["PEER_SALT"],
    SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 - a scheme's name
    SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS={
        "argon2__rounds": 2,
        "argon2__memory_cost": 19_456,
        "argon2__parallelism": 1,
    },
    SECURITY_RECOVERABLE=True,
    SECURITY_RETURN_GENERIC_RESPONSES=True,
)
if schemes := os.environ.get("PEER_HASHING_SCHEMES"):
    app.config["SECURITY_HASHING_SCHEMES"] = [schemes]
database = SQLAlchemy(app)
fsqla_v3.FsModels.set_db_info(database)


class Role(database.Model, fsqla_v3.FsRoleMixin):
    """What somebody may do."""


class User(database.Model, fsqla_v3.FsUserMixin):
    """An account."""


Mail(app)
Security(app, SQLAlchemyUserDatastore(database, User, Role))

if __name__ == "__main__":
    with app.app_context():
        database.create_all()
