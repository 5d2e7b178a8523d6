"""TLS with a certificate that may be renewed while we run."""

from pathlib import Path

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.logger import Logger
from zope.interface import implementer

from parloir.config.stamp import stamp
from parloir.web.errors import BadCertificate


@implementer(IOpenSSLContextFactory)
class Certificate:
    """The TLS context of every new connection: read again when a file changed; a broken renewal keeps the old one.

    Raises BadCertificate if the files cannot be used at the start.
    """

    log = Logger()

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._stamp = stamp((certificate, key))
        self._context = self._load()

    def getContext(self) -> SSL.Context:  # noqa: N802
        """The present context (called by Twisted for each connection)."""
        now = stamp((self._certificate, self._key))
        if now != self._stamp:
            self._stamp = now
            try:
                self._context = self._load()
                self.log.info("certificate {path} was renewed", path=str(self._certificate))
            except BadCertificate as error:
                self.log.error("the renewed certificate is not used: {error}", error=str(error))
        return self._context

    def _load(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        try:
            for path in (self._certificate, self._key):
                path.open("rb").close()
            context.use_certificate_chain_file(str(self._certificate))
            context.use_privatekey_file(str(self._key))
            context.check_privatekey()
        except OSError as error:
            raise BadCertificate(f"{error.filename}: {error.strerror}") from error
        except SSL.Error as error:
            raise BadCertificate(f"{self._certificate} and {self._key} are not a certificate and its key") from error
        return context
