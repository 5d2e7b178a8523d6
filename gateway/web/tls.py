"""TLS with a certificate that may be renewed while we run."""

import re
from pathlib import Path

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.internet.ssl import CertificateOptions
from twisted.logger import Logger
from zope.interface import implementer

from parloir.web.errors import BadCertificate

CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
Stamp = tuple[tuple[int, int], ...]


@implementer(IOpenSSLContextFactory)
class Certificate:
    """The TLS context of every new connection: read again when a file changed; a broken renewal keeps the old one.

    Raises BadCertificate if the files cannot be used at the start.
    """

    log = Logger()

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._stamp = self._now()
        self._context = self._load()

    def getContext(self) -> SSL.Context:  # noqa: N802
        """The present context (called by Twisted for each connection)."""
        stamp = self._now()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._context = self._load()
                self.log.info("certificate {path} was renewed", path=str(self._certificate))
            except BadCertificate as error:
                self.log.error("the renewed certificate is not used: {error}", error=str(error))
        return self._context

    def _now(self) -> Stamp:
        stamps = []
        for path in (self._certificate, self._key):
            try:
                status = path.stat()
                stamps.append((status.st_mtime_ns, status.st_ino))
            except OSError:
                stamps.append((0, 0))
        return tuple(stamps)

    def _load(self) -> SSL.Context:
        try:
            pems = CERTIFICATE.findall(self._certificate.read_bytes())
            if not pems:
                raise BadCertificate(f"{self._certificate}: holds no PEM certificate")
            first, *chain = [crypto.load_certificate(crypto.FILETYPE_PEM, pem) for pem in pems]
            key = crypto.load_privatekey(crypto.FILETYPE_PEM, self._key.read_bytes())
            context = CertificateOptions(privateKey=key, certificate=first, extraCertChain=chain).getContext()
            context.check_privatekey()
        except OSError as error:
            raise BadCertificate(f"{error.filename}: {error.strerror}") from error
        except (crypto.Error, SSL.Error, ValueError) as error:
            raise BadCertificate(f"{self._certificate} and {self._key} are not a certificate and its key") from error
        return context
