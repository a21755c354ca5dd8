"""An MLflow tracking server by plain REST: what an alias names, and the files of a version.

The address and the credentials come from the environment, under MLflow's own names. No redirect is followed, since
urllib would send the credentials along. Of what a server sends nothing is believed: names and sizes are checked here,
and the hashes of the files by whoever asks for them.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Timer
from typing import Any, Final

from mersalg.errors import MersalgError, RegistryError
from mersalg.registry.address import ModelAddress

HIDDEN: Final = "***"
"""Stands for a password."""
MAX_ANSWER_BYTES: Final = 2**20
"""Bytes of a JSON answer."""
DEFAULT_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of a registered model, and where the server keeps it."""

    name: str
    version: str
    source: str
    """Changes when a registry is made anew and counts its versions from 1 again."""

    def __str__(self) -> str:
        return f"models:/{self.name}/{self.version}"


class TimedRequest(urllib.request.Request):
    """A request whose connection is cut when the time for its whole answer is over."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        super().__init__(url, headers=dict(headers))
        self.sockets: list[socket.socket] = []
        self.is_late = False

    @contextmanager
    def cut_at(self, until: float) -> Iterator[None]:
        """Cut it off then, if the block has not ended. OSError, which says so, instead of what the cut breaks."""
        timer = Timer(max(0.0, until - time.monotonic()), self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (OSError, http.client.HTTPException, MersalgError):
            if not self.is_late:
                raise
        finally:
            timer.cancel()
        if self.is_late:  # a head that breaks off looks like a whole one
            raise TimeoutError("the whole answer did not come in time")

    def cut(self) -> None:
        """End what is being read, so that its reader ends, too."""
        self.is_late = True
        for connected in self.sockets:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


class NotesSockets(urllib.request.AbstractHTTPHandler):
    """Tells a TimedRequest the socket by which it is asked."""

    def do_open(self, http_class: Any, req: Any, **arguments: Any) -> http.client.HTTPResponse:
        """As the handler that this is mixed into."""

        def connected_by(host: str, **more: Any) -> Any:
            connection = http_class(host, **more)
            connect = connection.connect

            def connect_and_note() -> None:
                connect()
                req.sockets.append(connection.sock)

            connection.connect = connect_and_note
            return connection

        return super().do_open(connected_by, req, **arguments)


class TimedHTTP(NotesSockets, urllib.request.HTTPHandler):
    """HTTP whose answers can be cut off."""


class TimedHTTPS(NotesSockets, urllib.request.HTTPSHandler):
    """HTTPS whose answers can be cut off."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as the refusal that it then is."""

    def redirect_request(self, *_: Any) -> None:
        """No request follows."""


@dataclass(frozen=True)
class MlflowServer:
    """A tracking server over HTTP."""

    uri: str
    """Without a slash at its end and without credentials."""
    headers: Mapping[str, str] = field(repr=False)
    timeout_seconds: float
    opener: urllib.request.OpenerDirector = field(repr=False)

    def version_of(self, address: ModelAddress) -> ModelVersion:
        """The version that the address names now. RegistryError when there is none or the server is down."""
        number = address.version
        if number is None:
            query = {"name": address.name, "alias": address.alias or ""}
            result = self.ask("/api/2.0/mlflow/registered-models/alias", query, str(address))
            number = text_of(result, "model_version", "version", where=str(address))
        query = {"name": address.name, "version": number}
        result = self.ask("/api/2.0/mlflow/model-versions/get-download-uri", query, str(address))
        if not re.fullmatch("[0-9]{1,9}", number):
            raise RegistryError(f"{address}: expected the number of a version from {self.uri}, got {number[:40]!r}")
        return ModelVersion(address.name, number, text_of(result, "artifact_uri", where=str(address)))

    @contextmanager
    def file_of(self, version: ModelVersion, path: str, until: float) -> Iterator[http.client.HTTPResponse]:
        """The bytes of a file of a version as a stream; the server reads them from wherever it keeps artifacts.

        `until`, in time.monotonic's seconds, all of them have to be here.
        """
        query = {"name": version.name, "version": version.version, "path": path}
        with self.answer("/model-versions/get-artifact", query, f"{version}: {path}", until) as stream:
            yield stream

    def ask(self, route: str, query: Mapping[str, str], where: str) -> Any:
        """A JSON answer."""
        with self.answer(route, query, where, time.monotonic() + self.timeout_seconds) as stream:
            content = stream.read(MAX_ANSWER_BYTES + 1)
            refuse_broken(stream, where)
        try:
            if len(content) > MAX_ANSWER_BYTES:
                raise ValueError(f"more than {MAX_ANSWER_BYTES} bytes")
            return json.loads(content.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise RegistryError(
                f"{where}: expected JSON from {self.uri}{route}, got {error}; is this an MLflow server?"
            ) from None

    @contextmanager
    def answer(
        self, route: str, query: Mapping[str, str], where: str, until: float
    ) -> Iterator[http.client.HTTPResponse]:
        """The body of an answer with status 200. RegistryError otherwise; `unreachable` when trying again may help.

        A server that sends now and then a byte keeps within the time-out of each read; `until` cuts it off.
        """
        request = TimedRequest(f"{self.uri}{route}?{urllib.parse.urlencode(query)}", headers=dict(self.headers))
        try:
            with request.cut_at(until), self.opener.open(request, timeout=self.timeout_seconds) as stream:
                yield stream
        except urllib.error.HTTPError as error:
            with error:
                raise refused(error, where, self.uri) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise RegistryError(
                f"{where}: no answer from the MLflow server {self.uri}: {reason}; start it, or correct "
                "MLFLOW_TRACKING_URI",
                unreachable=True,
            ) from None


def server_from_environment() -> MlflowServer:
    """The server that MLFLOW_REGISTRY_URI or MLFLOW_TRACKING_URI names, with MLflow's variables for credentials."""
    text = os.environ.get("MLFLOW_REGISTRY_URI") or os.environ.get("MLFLOW_TRACKING_URI") or ""
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RegistryError(
            f"MLFLOW_TRACKING_URI: expected the http(s) address of an MLflow server, got {without_password(text)!r}; "
            "a registry in a file or database is reached through `mlflow server --backend-store-uri ...`"
        )
    host = parts.netloc.rpartition("@")[2]
    uri = urllib.parse.urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    return MlflowServer(uri, credentials(parts), read_timeout(), make_opener(parts.scheme))


def credentials(parts: urllib.parse.SplitResult) -> dict[str, str]:
    """The header of a user and password, or of a token, as MLflow's client sends it; nothing when there is none."""
    user = os.environ.get("MLFLOW_TRACKING_USERNAME") or urllib.parse.unquote(parts.username or "")
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD") or urllib.parse.unquote(parts.password or "")
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    if user and password:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    return {"Authorization": f"Bearer {token}"} if token else {}


def read_timeout() -> float:
    """MLFLOW_HTTP_REQUEST_TIMEOUT in seconds."""
    text = os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT", "")
    if not text:
        return DEFAULT_TIMEOUT_SECONDS
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]+)?", text) or float(text) <= 0:
        raise RegistryError(f"MLFLOW_HTTP_REQUEST_TIMEOUT: expected a number of seconds above 0, got {text!r}")
    return float(text)


def make_opener(scheme: str) -> urllib.request.OpenerDirector:
    """HTTP without redirects; over TLS with the certificates that MLflow's variables name."""
    if scheme != "https":
        return urllib.request.build_opener(NoRedirect, TimedHTTP)
    authority = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    own = os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH")
    try:
        context = ssl.create_default_context(cafile=authority)
        if own:
            context.load_cert_chain(own)
    except (OSError, ssl.SSLError) as error:
        raise RegistryError(
            f"MLFLOW_TRACKING_SERVER_CERT_PATH or MLFLOW_TRACKING_CLIENT_CERT_PATH: cannot be used: {error}"
        ) from None
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return urllib.request.build_opener(NoRedirect, TimedHTTPS(context=context))


def refused(error: urllib.error.HTTPError, where: str, uri: str) -> RegistryError:
    """The RegistryError of an HTTP status, with the words of the server."""
    words = message_of(error.read(MAX_ANSWER_BYTES))
    what_to_do = {
        401: "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
        403: "ask for the right to read this model",
        400: "is there such an alias?",
        404: "is there such a model, and such an alias or version?",
    }.get(error.code, "see the log of the server")
    return RegistryError(
        f"{where}: the MLflow server {uri} answers {error.code}: {words}; {what_to_do}",
        unreachable=error.code >= 500 or error.code in (408, 429),
        status=error.code,
    )


def refuse_broken(stream: http.client.HTTPResponse, where: str) -> None:
    """Refuse an answer that ended before its declared length: another try may bring the whole of it."""
    if stream.length and not stream.peek(1):
        raise RegistryError(f"{where}: broke off {stream.length} bytes before its end", unreachable=True)


def message_of(content: bytes) -> str:
    """What the server says: the message of MLflow's JSON, or the first words of anything else."""
    try:
        return str(json.loads(content)["message"])[:400]
    except (ValueError, KeyError, TypeError, RecursionError):
        return " ".join(content[:400].decode("utf-8", "replace").split())


def text_of(document: Any, *keys: str, where: str) -> str:
    """The text at a path of keys."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    if not isinstance(document, str) or not document:
        raise RegistryError(f"{where}: expected {'.'.join(keys)} in the server's answer; is this an MLflow server?")
    return document


def without_password(text: str) -> str:
    """A text without the passwords of its addresses, before their hosts or among their options."""
    text = re.sub(r"(://[^/\s:@]*):[^\s'\"]*@", rf"\1:{HIDDEN}@", text)
    return re.sub(r"(?i)([?&][a-z_]*(?:password|passwd|token|secret)=)[^&\s'\"]*", rf"\1{HIDDEN}", text)
