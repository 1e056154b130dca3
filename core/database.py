"""The database under the library: opening it, its transactions, and its failures in plain words.

SQLite in WAL mode (readers never wait for a writer, a killed process loses only what it had not
committed), or PostgreSQL. Never SQLite on a network mount: its locks do not hold there.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event, inspect, text
from sqlalchemy.engine import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    TimeoutError,
)
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateColumn

from core.errors import LibraryError
from core.revisions import Base

LOCK_WAIT_S = 15.0  # a writer holds the lock for milliseconds; whoever waits longer has a problem

_POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")
_SCHEMA_LOCK = zlib.crc32(b"carnatic-riffusion-studio")  # any number only we use


class Database:
    """One open database; safe to share between threads."""

    def __init__(self, url: str, lock_wait_s: float = LOCK_WAIT_S):
        """Open `url` and make the tables it lacks.

        Raises
        ------
        LibraryError
            If the address is wrong, or nothing answers there.
        """
        self._url = _checked(url)
        self._engine = _engine(self._url, lock_wait_s)
        with self.writing() as session:
            _make_tables(session.connection())

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment of the database."""
        with self._plainly(), Session(self._engine) as session, session.begin():
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are all kept, or none of them if an error is raised in it."""
        engine = self._engine.execution_options(is_writing=True)
        with self._plainly(), Session(engine) as session, session.begin():
            session.connection()  # take the lock now, not at the first statement
            yield session

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError, TimeoutError) as error:
            raise LibraryError(_explain(error, self._url)) from error
        except DatabaseError as error:
            if type(error) is not DatabaseError:  # its subclasses are mistakes of ours
                raise
            raise LibraryError(_explain(error, self._url)) from error


def _checked(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise LibraryError(
            f"{address!r} is no database address. Set DATABASE_URL to one such as "
            "postgresql://user:password@host/name, or unset it to use a file in the workspace."
        ) from error
    if url.drivername in _POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername != "sqlite":
        raise LibraryError(
            f"DATABASE_URL names {url.drivername!r}. Use postgresql:// or sqlite:///."
        )
    return url


def _engine(url: URL, lock_wait_s: float) -> Engine:
    if url.drivername != "sqlite":
        return create_engine(
            url,
            pool_pre_ping=True,  # a server that was restarted meanwhile is not the user's problem
            connect_args={
                "connect_timeout": 10,
                "options": f"-c lock_timeout={round(1000 * lock_wait_s)}",
            },
        )
    try:
        engine = create_engine(url, connect_args={"timeout": lock_wait_s})
    except NoSuchModuleError as error:
        raise LibraryError(f"This Python has no SQLite. {error}") from error
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection, _record) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see below
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: one that reads first and then writes would be refused if
    # another wrote in between, however long it waits.
    writes = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _make_tables(connection: Connection) -> None:
    """Make what is missing; a library of an earlier version gains the columns added since."""
    if connection.dialect.name == "postgresql":  # two processes may start at once
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
    Base.metadata.create_all(connection)
    inspector = inspect(connection)
    for table in Base.metadata.sorted_tables:
        present = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in present:
                spelled = CreateColumn(column).compile(dialect=connection.dialect)
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {spelled}"))


def _explain(error: Exception, url: URL) -> str:
    where = url.render_as_string(hide_password=True)
    reason = " ".join(str(getattr(error, "orig", None) or error).split())
    lowered = reason.lower()
    if "locked" in lowered or "lock timeout" in lowered:
        advice = "Another program is writing to it for too long: close it and try again."
    elif "full" in lowered or "no space" in lowered:
        advice = "Free some disk space and try again; what was saved before is safe."
    elif "not a database" in lowered or "malformed" in lowered:
        advice = "Put back a copy of that file, or move it away to begin an empty library."
    elif "readonly" in lowered or "read-only" in lowered or "unable to open" in lowered:
        advice = "Check that its folder exists and that you may write there."
    else:
        advice = "Check that the database runs and that DATABASE_URL is right."
    return f"The library at {where} cannot be used: {reason}. {advice}"
