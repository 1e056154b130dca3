"""A PostgreSQL server of the tests' own: in a temporary folder, on no network port."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.provide import postgres_bin


class Server:
    """A running server, for as long as it takes."""

    def __init__(self, folder: Path):
        self.folder = folder

    def empty_database(self) -> str:
        """The address of its one database, emptied."""
        url = f"postgresql+psycopg://studio@/postgres?host={self.folder}"
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()
        return url


@contextmanager
def server() -> Iterator[Server]:
    """Start a server and stop it at the end.

    Raises
    ------
    FileNotFoundError
        If this machine has no PostgreSQL; the message says how to get it.
    """
    programs = postgres_bin()
    if programs is None:
        raise FileNotFoundError(
            "No PostgreSQL server here. `python tests/provide.py` installs one "
            "(or: apt-get install postgresql); these tests need the real thing."
        )
    folder = Path(tempfile.mkdtemp(prefix="studio-postgres-", dir="/tmp"))  # sockets: short paths
    as_server = _server_account(folder)
    data = folder / "data"

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, "-D", data, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            timeout=120,
            **as_server,
        )

    try:
        call("initdb", "-U", "studio", "--auth=trust", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        call("pg_ctl", "-w", "-l", str(folder / "log.txt"), "-o", options, "start")
        try:
            yield Server(folder)
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _server_account(folder: Path) -> dict:
    """PostgreSQL refuses to run as root: then it runs as the account made for it."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
