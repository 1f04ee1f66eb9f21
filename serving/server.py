"""Runs the application until a signal: first nobody new is sent here, then what is under way is answered."""

from __future__ import annotations

import contextlib
import logging
import os
import pathlib
import socket
import threading
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from schemas.errors import ConfigError, SeqrankError
from serving.app import create_app

if TYPE_CHECKING:
    import types

    from serving.options import Options

_log = logging.getLogger(__name__)
TOKEN_VARIABLE: Final = "SEQRANK_SERVING_TOKEN"
_BACKLOG: Final = 2048


class Server(uvicorn.Server):
    """uvicorn's, which drains before it ends.

    Args:
        config: uvicorn's; its app has `state.context`.
        drain: seconds between the signal and the end of listening.
        context: the server's.
    """

    def __init__(self, config: uvicorn.Config, drain: float, context: Any) -> None:
        super().__init__(config)
        self._drain, self._context = drain, context

    def handle_exit(self, sig: int, frame: types.FrameType | None) -> None:
        """A second signal doesn't wait, and a third doesn't even for requests under way.

        uvicorn's own would raise the signal once more at the end: whoever asked for an orderly end gets status 0.
        """
        if self._context.draining or self._drain == 0:
            self._end()
            return
        self._context.draining = True
        _log.info("Asked to end: not ready any more, listening for %.1f s more.", self._drain)
        timer = threading.Timer(self._drain, self._end)
        timer.daemon = True
        timer.start()

    def _end(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(place: str, options: Options) -> None:
    """Serves until a signal.

    Args:
        place: a publish target or a model's folder.
        options: knobs.
    Raises: SeqrankError: no model that can be loaded, no such port, no such token or certificate.
    """
    if options.threads:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    token = _token(options.token_file)
    listening = _listen(options.host, options.port)
    app = create_app(place, options, token=token)
    tls: dict[str, Any] = {}
    if options.tls is not None:
        _readable(options.tls.certificate, options.tls.key)
        tls = {"ssl_certfile": options.tls.certificate, "ssl_keyfile": options.tls.key}
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=options.finish_seconds,
        timeout_keep_alive=60,
        **tls,
    )
    host, port = listening.getsockname()[:2]
    _log.info("Listening on %s://%s:%d for %s.", "https" if tls else "http", host, port, place)
    server = Server(config, options.drain_seconds, app.state.context)
    with contextlib.suppress(SystemExit):  # uvicorn's, where the application didn't start
        server.run(sockets=[listening])
    if app.state.context.failure is not None:
        raise app.state.context.failure


def _token(file: str | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        token = pathlib.Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("The bearer token can't be read.", where=file, why=str(error)) from error
    if not token:
        raise ConfigError("The file of the bearer token is empty.", where=file)
    return token


def _readable(*files: str) -> None:
    for file in files:
        if not os.access(file, os.R_OK):
            raise ConfigError("A file for TLS can't be read.", where=file)


def _listen(host: str, port: int) -> socket.socket:
    """Raises: SeqrankError: another program has the port, or the host is no address of this machine."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SeqrankError(
            "Nothing can be served here.",
            where=f"{host}:{port}",
            why=str(error),
            next_step="Choose another port (--port 0: any free one) or host.",
        ) from error
