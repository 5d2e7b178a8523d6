"""TLS as phones and PBXs get it: 1.2 or newer, with a certificate that may be renewed while we run."""

from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.internet.ssl import CertificateOptions, TLSVersion
from zope.interface import implementer

from parloir.config.stamp import Stamp, stamp
from parloir.sip.errors import BadCertificate
from parloir.sip.settings import Tls
from parloir.sip.surroundings import Log


@implementer(IOpenSSLContextFactory)
class Certificate:
    """The TLS context of every new connection, either way; connections that are up keep theirs.

    With authorities, peers must show a certificate that one of them signed, whoever called. A renewal that cannot be
    used leaves the old one in force.
    """

    def __init__(self, files: Tls, log: Log) -> None:
        self._files = files
        self._log = log
        self._stamp: Stamp = ()
        self._context: SSL.Context | None = None

    def load(self) -> None:
        """Read the files for the first time. Raises BadCertificate."""
        self._stamp = stamp(self._paths())
        self._context = self._load()

    def getContext(self) -> SSL.Context | None:  # noqa: N802
        """The present context; Twisted asks for each connection."""
        if stamp(self._paths()) != self._stamp:
            self.renew()
        return self._context

    def renew(self) -> None:
        """Read the files again, whether they have changed or not."""
        self._stamp = stamp(self._paths())
        try:
            self._context = self._load()
            self._log("sip.tls_renewed", certificate=str(self._files.certificate))
        except BadCertificate as error:
            self._log("sip.tls_refused", why=str(error))

    def _paths(self) -> list[Path]:
        return [path for path in (self._files.certificate, self._files.key, self._files.authorities) if path]

    def _load(self) -> SSL.Context:
        files = self._files
        try:
            first, *chain = load_pem_x509_certificates(files.certificate.read_bytes())
            given: dict[str, Any] = {
                "privateKey": load_pem_private_key(files.key.read_bytes(), password=None),
                "certificate": first,
                "extraCertChain": chain,
                "raiseMinimumTo": TLSVersion.TLSv1_2,
            }
            context: SSL.Context = CertificateOptions(**given).getContext()
            context.check_privatekey()
            if files.authorities is not None:
                context.load_verify_locations(str(files.authorities))
                context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
        except OSError as error:
            raise BadCertificate(f"{error.filename}: {error.strerror}") from error
        except (SSL.Error, UnsupportedAlgorithm, TypeError, ValueError) as error:
            names = " and ".join(str(path) for path in self._paths())
            raise BadCertificate(f"{names} do not work together as certificate and key") from error
        return context
