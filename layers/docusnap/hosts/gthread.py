"""gunicorn's threads with bounds: a slow client holds one for seconds only, and what is no HTTP is a problem document too."""

from __future__ import annotations

import logging
import select
import socket
import uuid
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors as gunicorn_errors
from gunicorn.workers.gthread import ThreadWorker

from docusnap import errors
from docusnap.api import problems
from docusnap.hosts import connection
from docusnap.hosts.connection import Connection

log = logging.getLogger(__name__)

# As gunicorn answers them itself; all others are 400.
STATUS = {
    gunicorn_errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    gunicorn_errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    gunicorn_errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    gunicorn_errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    gunicorn_errors.ForbiddenProxyRequest: HTTPStatus.FORBIDDEN,
}
OURS = (gunicorn_errors.ConfigurationProblem, gunicorn_errors.InvalidResponseHeader, gunicorn_errors.InvalidResponseHeaderName)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The worker class of every host. With TLS, which ends at the proxy in front, it is gunicorn's own."""

    _under_way = 0  # connections with the pool, those that wait for a thread among them; changed by the main thread alone

    def init_process(self) -> None:
        # A worker's settings are what they are. To ask gunicorn's object for one is a search, and a request asks for twenty of them.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        self._under_way += 1
        super().enqueue_req(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        self._under_way -= 1
        super().finish_request(conn, fs)

    def set_accept_enabled(self, enabled: bool) -> None:
        """At its end it answers who has connected by then, and closes its door: gunicorn alone leaves later ones waiting, to be cut off."""
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            for _ in range(self.cfg.backlog):
                if not select.select([listener], [], [], 0)[0]:
                    break
                self.accept(listener)
            listener.close()

    def handle(self, conn: Any) -> Any:
        """In a thread of the pool: a request, and those that follow at once. False: the connection is at its end.

        To hand a connection to the main thread and get it back costs as much as all else that gunicorn does for a request.
        """
        kept = self._handle_one(conn)
        while kept is True and self._stays(conn):
            kept = self._handle_one(conn)
        return kept

    def _stays(self, conn: Any) -> bool:
        """Whether this thread has nothing else to do, and the next request is there."""
        if not self.alive or self._under_way > self.cfg.threads or not isinstance(conn.sock, Connection):
            return False
        unreader = conn.parser.unreader
        if unreader.buf.getvalue():
            return True
        if (more := conn.sock.next()) is None:
            return False
        unreader.unread(more)  # nothing, where the client has closed: who reads on meets it
        return True

    def _handle_one(self, conn: Any) -> Any:
        """False: the connection is at its end."""
        if type(conn.sock) is socket.socket and not self.cfg.is_ssl:
            conn.sock = Connection(conn.sock)
        client = conn.sock
        if not isinstance(client, Connection):
            return super().handle(conn)
        client.allow(connection.HEAD_SECONDS, late=errors.RequestTimeout)
        kept = super().handle(conn)
        if kept is False:
            client.linger()  # here, since it is the main thread who closes, and nobody is served while that waits for a client
        return kept

    def handle_request(self, req: Any, conn: Any) -> Any:
        client = conn.sock
        if not isinstance(client, Connection):
            return super().handle_request(req, conn)
        client.serve(req.force_close)
        client.gather()
        try:
            kept = super().handle_request(req, conn)
        except BaseException:
            client.drop()
            raise
        client.deliver()
        return kept

    def _keepalive_after(self, conn: Any, keepalive: Any) -> Any:
        if isinstance(conn.sock, Connection):
            conn.sock.allow(connection.DRAIN_SECONDS)
        return super()._keepalive_after(conn, keepalive)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ARG002  gunicorn's signature
        """gunicorn's own repeats what it was sent, in HTML and in the log, and a path may hold a token."""
        problem, request_id = _problem(exc), uuid.uuid4().hex
        told = {"status": problem.http_status, "reason": type(exc).__name__, "request_id": request_id}
        if problem.http_status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("a request failed", extra=told, exc_info=exc)
        else:
            log.info("a request was refused", extra=told)
        try:
            client.sendall(_raw(problems.answer(problem, request_id), request_id))
        except OSError:
            log.info("a refused client has gone", extra={"request_id": request_id})


def _problem(exc: BaseException) -> errors.DocuSnapError:
    if isinstance(exc, errors.DocuSnapError):
        return exc
    if isinstance(exc, gunicorn_errors.ParseException) and not isinstance(exc, OURS):
        return errors.MalformedRequest(STATUS.get(type(exc), HTTPStatus.BAD_REQUEST))
    return errors.DocuSnapError()


def _raw(answer: problems.Answer, request_id: str) -> bytes:
    body = answer.body.encode()
    headers = {**answer.headers, "X-Request-Id": request_id, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
