"""One HTTP connection from this host's command line to the running gateway's API."""

import json
import ssl
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from pydantic import TypeAdapter

from parloir.config.schema import Gateway
from parloir.errors import ParloirError

PATIENCE = 10.0
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
_PARTS = TypeAdapter(dict[str, bool])


class NotRunning(ParloirError):
    """No gateway answers where the configuration says that it listens."""


class Rejected(ParloirError):
    """The gateway refused, with its reason."""


class Connection:
    """Asks the gateway at `base`; over TLS the gateway must show the certificate that the configuration names."""

    def __init__(self, base: str, token: str, certificate: Path | None = None) -> None:
        self._base = base
        self._token = token
        context = ssl.create_default_context()
        if certificate is not None:
            # The configured file itself is what we trust, whatever name it is for and whoever signed it.
            context.load_verify_locations(certificate)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.check_hostname = False
        self._opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))

    @classmethod
    def to(cls, gateway: Gateway) -> "Connection":
        """The connection that a configuration describes. Raises NotRunning where its token cannot be read."""
        host = ANY.get(gateway.http.host, gateway.http.host)
        host = f"[{host}]" if ":" in host else host
        try:
            token = gateway.token_file.read_text().strip()
        except OSError as error:
            raise NotRunning(f"{gateway.token_file}: {error.strerror}: 'parloir init' makes the token") from error
        certificate = gateway.tls.certificate if gateway.tls else None
        return cls(f"{'https' if certificate else 'http'}://{host}:{gateway.http.port}", token, certificate)

    def ask(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Any:
        """The gateway's answer, parsed; raises NotRunning or Rejected."""
        url = self._base + quote(path) + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        try:
            with self._opener.open(Request(url, data, headers, method=method), timeout=PATIENCE) as answer:
                content = answer.read()
            return json.loads(content) if content else None
        except HTTPError as error:
            with error:
                raise Rejected(_why(error)) from error
        except (OSError, HTTPException) as error:
            raise self._silence(error) from error

    def health(self) -> dict[str, bool]:
        """Whether each part of the gateway works, as /healthz says; raises NotRunning."""
        try:
            with self._opener.open(Request(f"{self._base}/healthz"), timeout=PATIENCE) as answer:
                content = answer.read()
        except HTTPError as error:  # 503: some part does not work
            with error:
                content = error.read()
        except (OSError, HTTPException) as error:
            raise self._silence(error) from error
        try:
            return _PARTS.validate_python(json.loads(content)["parts"])
        except (ValueError, KeyError, TypeError) as error:
            raise NotRunning(f"something else than a gateway answers at {self._base}") from error

    def _silence(self, error: Exception) -> NotRunning:
        reason = getattr(error, "reason", error)
        return NotRunning(f"no gateway answers at {self._base} ({reason}): start it with 'parloir run'")


def _why(error: HTTPError) -> str:
    try:
        problem = json.loads(error.read())["error"]
        return f"{problem['field']}: {problem['message']}" if problem["field"] else str(problem["message"])
    except (ValueError, KeyError, TypeError):
        return f"the gateway answered {error.code} {error.reason}"
