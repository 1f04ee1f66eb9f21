"""Database servers of our own, from the machine's packages, in a folder that goes when they stop."""

import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

import pytest

USER = "seqrank"
PASSWORD = "a b'c\\d\"é;${x}"  # of everything that a shell, SQL or a connection line could trip over
_PATIENCE = 60  # seconds until a server must have begun, on a busy machine
_PROGRAMS = {
    "postgresql": ("/usr/lib/postgresql/*/bin/initdb", "/usr/lib/postgresql/*/bin/postgres"),
    "mysql": ("/usr/bin/mariadb-install-db", "/usr/sbin/mariadbd", "/usr/bin/mariadb"),
}


@contextlib.contextmanager
def server(kind):
    """Starts one; gives `run.metadata` as --set would say it, but for the database's name."""
    programs = [_newest(pattern, kind) for pattern in _PROGRAMS[kind]]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="seqrank-services-"))
    try:
        _give(folder)
        process, port = (_postgresql if kind == "postgresql" else _mariadb)(folder, *programs)
        try:
            yield {
                "kind": kind,
                "host": "127.0.0.1",
                "port": port,
                "user": USER,
                "password_env": "SEQRANK_TEST_PASSWORD",
            }
        finally:
            process.terminate()
            process.wait(timeout=_PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _newest(pattern, kind):
    found = sorted(pathlib.Path("/").glob(pattern.removeprefix("/")))
    if not found:
        pytest.skip(f"needs {kind}'s server (make setup-databases)")
    return str(found[-1])


def _postgresql(folder, initdb, postgres):
    (folder / "password").write_text(PASSWORD)
    _run(initdb, "--pgdata", folder / "data", "--username", USER, "--auth", "scram-sha-256",
         "--pwfile", folder / "password", "--no-sync")  # fmt: skip
    port = _free_port()
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "unix_socket_directories="]
    return _start(folder, port, postgres, "-D", folder / "data", "-p", str(port), *options), port


def _mariadb(folder, install, mariadbd, client):
    data = f"--datadir={folder / 'data'}"
    _run(install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db")
    port, door = _free_port(), f"--socket={folder / 'socket'}"
    options = [f"--port={port}", "--bind-address=127.0.0.1", door, f"--pid-file={folder / 'pid'}"]
    process = _start(folder, port, mariadbd, "--no-defaults", data, *options)
    secret = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    rights = f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{secret}'; GRANT ALL ON `seqrank%`.* TO '{USER}'@'%';"
    subprocess.run([client, "--no-defaults", "-u", "root", door, "-e", rights], check=True)
    return process, port


def _start(folder, port, *command):
    log = folder / "log"
    process = subprocess.Popen(
        [str(word) for word in command], stdout=log.open("wb"), stderr=subprocess.STDOUT, **_who()
    )
    until = time.monotonic() + _PATIENCE
    while True:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return process
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)


def _run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **_who())
    assert done.returncode == 0, done.stdout + done.stderr


def _who():
    """Servers refuse to be root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}


def _give(folder):
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
