"""A PostgreSQL server to throw away: on loopback, on a free port, with a password."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

USER, PASSWORD = "bench", "s3cret@%/word"
DEADLINE_S = 60


def programs():
    """The folder of initdb and postgres, or None."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


def is_required():
    """Whether a machine must have a server: continuous integration as root on Debian."""
    return bool(os.environ.get("CI")) and os.geteuid() == 0 and Path("/etc/debian_version").exists()


@contextmanager
def server():
    """A running server; yields a function that makes an empty database and returns its URL."""
    folder = Path(tempfile.mkdtemp(prefix="howrobust-postgresql-"))
    as_user = []
    if os.geteuid() == 0:  # the server refuses to be root
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}"]
        as_user = ["setpriv", *ids, "--clear-groups"]
    data, words = folder / "data", folder / "password"
    words.write_text(PASSWORD)
    words.chmod(0o644)
    made = [*as_user, programs() / "initdb", "-D", data, "-U", USER, "-A", "scram-sha-256"]
    quiet = {"check": True, "capture_output": True, "cwd": folder}
    subprocess.run([*made, f"--pwfile={words}", "-E", "UTF8", "--no-sync"], **quiet)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
        "fsync": "off", "max_connections": 30,
    }  # fmt: skip
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [*as_user, programs() / "postgres", "-D", data, *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield _maker(port, process, folder / "log")
    finally:
        process.send_signal(signal.SIGINT)  # not SIGTERM: that waits for clients to leave
        process.wait(DEADLINE_S)
        shutil.rmtree(folder)


def _maker(port, process, log):
    where = {"host": "127.0.0.1", "port": port, "user": USER, "password": PASSWORD}
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            psycopg.connect(**where, dbname="postgres").close()
            break
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not answer: {log.read_text()}") from None
            time.sleep(0.1)
    count = 0

    def make():
        nonlocal count
        count += 1
        with psycopg.connect(**where, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE results_{count}")
        return (
            f"postgresql+psycopg://{USER}:{quote(PASSWORD, safe='')}"
            f"@127.0.0.1:{port}/results_{count}"
        )

    return make
