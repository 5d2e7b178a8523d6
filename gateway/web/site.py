"""The web server: routes, the files of the pages, the WebSocket, and who may use which."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from klein import Klein
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.websocket import WebSocketResource
from werkzeug.exceptions import HTTPException

from parloir import __version__
from parloir.calls.trace import Seen
from parloir.errors import ParloirError
from parloir.store.staff import Staff
from parloir.web.answer import write, write_refusal
from parloir.web.api import Api, Endpoint
from parloir.web.asker import Askers
from parloir.web.bearer import Bearer
from parloir.web.desk import Board, Desk
from parloir.web.door import Door
from parloir.web.errors import Refused, refusal
from parloir.web.files import File, read_files
from parloir.web.login import Login
from parloir.web.metrics import Metrics
from parloir.web.models import Health
from parloir.web.office import Office
from parloir.web.officer import Guardroom, OfficerApi
from parloir.web.officer_operations import ACTS, WATCHERS
from parloir.web.officer_socket import OfficerEntrance, OfficerPages
from parloir.web.openapi import document
from parloir.web.operations import LOGINS, OPERATIONS, Operation
from parloir.web.origin import Network, client_address, networks, origin_allowed
from parloir.web.plugin_pages import PluginPages
from parloir.web.plugin_routes import METHODS, PluginRoutes
from parloir.web.recording_files import RecordingFiles
from parloir.web.recording_operations import RECORDINGS
from parloir.web.recordings import FILES, Archive, RecordingsApi
from parloir.web.request import WebRequest, WebSite, cautions
from parloir.web.sessions import Sessions
from parloir.web.tls import Certificate
from parloir.web.visitor import Pages, Visitor
from parloir.webrtc.errors import WebRtcError

LONGEST_TOKEN = 128


class Web:
    """Everything the gateway answers over HTTP.

    `health` says for each part whether it works; `proxies` are the addresses or networks whose X-Forwarded-For
    counts. `office` is where staff log in and plugins' routes and pages come from; `archive` has the recordings,
    `guardroom` the live wall. Raises BadToken or BadCertificate where a file cannot be used.
    """

    log = Logger()

    def __init__(
        self,
        desk: Desk,
        *,
        host: str,
        port: int,
        public_url: str,
        token_file: Path,
        certificate: Path | None = None,
        key: Path | None = None,
        trusted_proxies: Sequence[str | Network] = (),
        metrics: Metrics | None = None,
        health: Callable[[], Mapping[str, bool]] = dict,
        office: Office | None = None,
        archive: Archive | None = None,
        guardroom: Guardroom | None = None,
        trace: Callable[[str, str, int], Sequence[Seen]] = lambda facility, station, after: (),
        board: Board | None = None,
        reactor: Any = None,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self._reactor = reactor
        self._address = (host, port)
        self._public_url = public_url
        self._tls = Certificate(certificate, key) if certificate and key else None
        self._proxies = networks(trusted_proxies)
        self._metrics = metrics or Metrics()
        self._health = health
        self._seconds = seconds
        self._let_in(office, Bearer(token_file))
        self._take_plugins(office)
        links = self._plugin_pages.links if self._plugin_pages else lambda who: []
        self._endpoint = Endpoint(Api(desk, public_url, office, links, trace, board), self._door)
        self._take_officers(desk, archive, guardroom)
        self._pages = Pages(desk, seconds, reactor.callLater)
        self._files = read_files()
        self._port: Any = None
        self._request_class = type("Request", (WebRequest,), {"cautions": cautions(public_url)})

    def _let_in(self, office: Office | None, bearer: Bearer) -> None:
        """Let in who has the API's token, and staff where there is an office to log in at."""
        sessions = Sessions(office, self._public_url) if office else None
        self._door = Door(bearer, self._client, self._public_url, self._seconds, sessions)
        self._login = Login(self._door, sessions, self._client, self._seconds)

    def _take_officers(self, desk: Desk, archive: Archive | None, guardroom: Guardroom | None) -> None:
        """Have the recordings and the live wall, where there are any."""
        self._recordings = RecordingsApi(desk, archive) if archive else None
        self._officer = OfficerApi(desk, guardroom) if guardroom else None
        wall = guardroom.wall if guardroom else None
        self._officers = OfficerPages(wall, self._seconds, self._reactor.callLater) if wall else None

    def _take_plugins(self, office: Office | None) -> None:
        """Have the routes and pages of plugins, where there is staff to use them."""
        askers = Askers(office, self._door, self._client, self._seconds) if office else None
        self._plugin_routes = PluginRoutes(office, askers) if office and askers else None
        self._plugin_pages = PluginPages(office, self._door, self._public_url) if office else None

    async def listen(self) -> tuple[str, int]:
        """Begin to serve; the host and port that it does so at (port 0 is replaced by a free one)."""
        site = WebSite(self._routes().resource(), self._request_class)
        host, port = self._address
        if self._tls:
            listening = self._reactor.listenSSL(port, site, self._tls, interface=host)
        else:
            listening = self._reactor.listenTCP(port, site, interface=host)
        self._port = listening
        bound = listening.getHost()
        return bound.host, bound.port

    async def close(self) -> None:
        """Stop serving and close every page's WebSocket."""
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()
        self._pages.close()
        if self._officers:
            self._officers.close()

    def _routes(self) -> Klein:
        app = Klein()
        for operation in OPERATIONS:
            self._add(app, operation)
        for operation in LOGINS:
            self._add_login(app, operation)
        if self._recordings:
            self._add_recordings(app, self._recordings)
        if self._officer:
            endpoint = Endpoint(self._officer, self._door)
            for operation in ACTS:
                self._add(app, operation, endpoint)
            app.route("/api/v1/officers", methods=["GET"])(self._officer_socket)
        app.route("/api/openapi.json", methods=["GET"])(self._openapi)
        app.route("/api/v1/ws", methods=["GET"])(self._socket)
        app.route("/healthz", methods=["GET"])(self._healthz)
        app.route("/metrics", methods=["GET"])(self._show_metrics)
        app.route("/visit/<token>", methods=["GET"])(self._visit)
        for page in ("login", "staff", "officer"):
            self._add_page(app, page)
        app.route("/static/<name>", methods=["GET"])(self._static)
        if self._plugin_routes:
            route = "/api/v1/plugins/<facility>/<plugin>/<path:path>"
            app.route(route, methods=METHODS)(self._plugin_routes.serve)
        if self._plugin_pages:
            app.route("/plugins/<facility>/<plugin>/", methods=["GET"])(self._plugin_page)
            app.route("/plugins/<facility>/<plugin>/<path:path>", methods=["GET"])(self._plugin_page)
        app.handle_errors(Exception)(self._failed)
        return app

    def _add_recordings(self, app: Klein, recordings: RecordingsApi) -> None:
        endpoint, files = Endpoint(recordings, self._door), RecordingFiles(recordings, self._door)
        for operation in RECORDINGS:
            self._add(app, operation, endpoint)

        def add(what: str, path: str) -> None:
            async def serve(request: WebRequest, id: str) -> Any:
                return await files.serve(request, id, what)

            app.route(f"/api/v1/recordings/<id>/{path}", methods=["GET"], endpoint=f"{what}_file")(serve)

        for what, (path, _) in FILES.items():
            add(what, path)
        app.route("/api/v1/recordings/<id>/thumbnails/<name>", methods=["GET"])(files.thumbnail)

    def _add(self, app: Klein, operation: Operation, endpoint: Endpoint | None = None) -> None:
        asked = endpoint or self._endpoint

        async def serve(request: WebRequest, **path: str) -> bytes:
            return await asked.serve(operation, request, **path)

        rule = operation.path.replace("{", "<").replace("}", ">")
        app.route(rule, methods=[operation.method], endpoint=operation.name)(serve)

    def _add_login(self, app: Klein, operation: Operation) -> None:
        async def serve(request: WebRequest) -> bytes:
            return await self._login.serve(operation, request)

        app.route(operation.path, methods=[operation.method], endpoint=operation.name)(serve)

    def _add_page(self, app: Klein, name: str) -> None:
        def serve(request: WebRequest) -> bytes:
            return self._file(request, self._files[f"{name}.html"])

        app.route(f"/{name}", methods=["GET"], endpoint=f"page_{name}")(serve)

    async def _plugin_page(self, request: WebRequest, facility: str, plugin: str, path: str = "") -> bytes:
        assert self._plugin_pages is not None
        answer = await self._plugin_pages.serve(request, facility, plugin, path)
        return self._file(request, answer) if isinstance(answer, File) else answer

    def _client(self, request: WebRequest) -> str:
        return client_address(request.peer, request.headers("x-forwarded-for"), self._proxies)

    def _openapi(self, request: WebRequest) -> bytes:
        request.say("content-type", "application/json")
        return json.dumps(document((*OPERATIONS, *self._more(), *LOGINS), __version__, self._public_url)).encode()

    def _healthz(self, request: WebRequest) -> bytes:
        parts = dict(self._health())
        well = all(parts.values())
        request.say("cache-control", "no-store")
        return write(request, 200 if well else 503, Health(status="ok" if well else "degraded", parts=parts))

    def _show_metrics(self, request: WebRequest) -> bytes:
        self._door.admit_holder(request)
        request.say("content-type", "text/plain; version=0.0.4; charset=utf-8")
        return self._metrics.text().encode()

    def _visit(self, request: WebRequest, token: str) -> bytes:
        return self._file(request, self._files["visit.html"])

    def _static(self, request: WebRequest, name: str) -> bytes:
        file = self._files.get(name)
        if file is None:
            raise Refused(404, "not_found", "there is no such file")
        return self._file(request, file)

    def _file(self, request: WebRequest, file: File) -> bytes:
        request.say("content-type", file.type)
        # The files have no version in their names: always ask, and mostly hear 304.
        request.say("cache-control", "no-cache")
        return b"" if request.unchanged(file.etag) else file.content

    def _more(self) -> tuple[Operation, ...]:
        return (*(RECORDINGS if self._recordings else ()), *(ACTS if self._officer else ()))

    async def _officer_socket(self, request: WebRequest) -> Any:
        self._admit_socket(request)

        async def admit() -> Staff:
            who = await self._door.admit(request)
            who.require(*WATCHERS)
            return who

        assert self._officers is not None
        return WebSocketResource(OfficerEntrance(await admit(), admit, self._officers))

    def _admit_socket(self, request: WebRequest) -> None:
        if not origin_allowed(request.header("origin"), request.header("host"), self._public_url):
            raise Refused(403, "wrong_origin", "the page that opens this WebSocket is not ours: see gateway.public_url")
        if (request.header("upgrade") or "").lower() != "websocket":
            raise Refused(426, "not_a_websocket", "open this as a WebSocket", None, {"Upgrade": "websocket"})

    def _socket(self, request: WebRequest) -> Any:
        self._admit_socket(request)
        client = self._client(request)
        if not self._pages.strangers.left(client, self._seconds()):
            wait = {"Retry-After": "10"}
            raise Refused(429, "too_many_guesses", "too many unknown links from your address", None, wait)
        tokens = (request.args or {}).get(b"visit", [])
        if len(tokens) != 1 or not 0 < len(tokens[0]) <= LONGEST_TOKEN:
            raise Refused(422, "invalid", "give the visit's token once", "visit")
        return WebSocketResource(Entrance(tokens[0].decode("latin-1"), client, self._pages))

    def _failed(self, request: WebRequest, failure: Failure) -> bytes:
        error = failure.value
        if isinstance(error, ParloirError):
            return write_refusal(request, refusal(error))
        if isinstance(error, WebRtcError):
            return write_refusal(request, Refused(422, "offer_refused", str(error), "sdp"))
        if isinstance(error, HTTPException):
            return write_refusal(request, _unrouted(error))
        self.log.failure("{request} failed", failure, request=request)
        return write_refusal(request, Refused(500, "internal", "the gateway failed; its log says why"))


class Entrance:
    """Makes the one page that a WebSocket's handshake lets in."""

    def __init__(self, token: str, client: str, pages: Pages) -> None:
        self._token = token
        self._client = client
        self._pages = pages

    def buildProtocol(self, request: Any) -> Visitor:  # noqa: N802
        """The page (called by Twisted)."""
        return Visitor(self._token, self._client, self._pages)


def _unrouted(error: HTTPException) -> Refused:
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name.lower() in ("allow", "location")}
    code = (error.name or "error").lower().replace(" ", "_")
    return Refused(status, code, "there is nothing here" if status == 404 else str(error.name), None, headers)
