"""A web server of its own for each test, on a free port, and a plain client for it."""

import json
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from parloir.web.metrics import Metrics
from parloir.web.site import Web

from .web_desk import TOKEN, FakeDesk


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass
class Server:
    """A running Web with its desk."""

    web: Web
    desk: FakeDesk
    host: str
    port: int
    metrics: Metrics
    health: dict[str, bool] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://{self.host}:{self.port}"

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        token: str | None = TOKEN,
    ) -> Answer:
        """Ask it something; a body that is not bytes goes as JSON."""
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        answer: Answer = await deferToThread(self._ask, method, path, body, sent)
        return answer

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        connection = HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


async def serve(home: Path, **settings: Any) -> Server:
    """Start a server whose token file is in `home`."""
    token_file = home / "api.token"
    token_file.write_text(TOKEN + "\n")
    desk, metrics, health = FakeDesk(), Metrics(), {"relay": True}
    given = {"public_url": "https://visits.example", **settings}
    web = Web(desk, host="127.0.0.1", port=0, token_file=token_file, metrics=metrics, health=lambda: health, **given)
    host, port = await web.listen()
    return Server(web, desk, host, port, metrics, health)
