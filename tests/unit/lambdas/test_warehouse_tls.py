"""`verify-full` means that the server proves its name by a certificate whose issuer is trusted."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lambdas.adapters.warehouse import SqlWarehouses
from lambdas.domain.errors import KpiError
from tests.unit.lambdas.memory import kpi, make_run


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that issued itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / f"{name}.pem", folder / f"{name}.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return public, private


class Server:
    """Takes the request for encryption as PostgreSQL does, and ends the connection after the handshake."""

    def __init__(self, public: Path, private: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(public, private)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.handshakes = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            with caller:
                caller.recv(8)
                caller.sendall(b"S")
                try:
                    with self._context.wrap_socket(caller, server_side=True) as encrypted:
                        # What comes first is the startup message, which only a client that trusts the server sends.
                        self.handshakes += bool(encrypted.recv(8))
                except OSError:
                    continue

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(*certificate(tmp_path, "ours"))
    yield made
    made.close()


def reach(server: Server, tls: str) -> str:
    """Why the warehouse could not be reached: this one never can."""
    url = f"postgresql+psycopg://reader:secret@127.0.0.1:{server.port}/finance?sslmode={tls}"
    with pytest.raises(KpiError) as error, SqlWarehouses(lambda _run: url).open(make_run(kpi()), timedelta(seconds=5)):
        pass
    return error.value.message


def test_a_server_whose_issuer_is_trusted_is_talked_to(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "ours.pem"))
    reach(server, "verify-full")
    assert server.handshakes == 1


def test_a_server_whose_issuer_is_unknown_is_not(server: Server) -> None:
    assert "certificate verify failed" in reach(server, "verify-full")
    assert server.handshakes == 0


def test_without_verification_nobody_asks_who_issued_it(server: Server) -> None:
    reach(server, "require")
    assert server.handshakes == 1
