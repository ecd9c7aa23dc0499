# SPDX-License-Identifier: Apache-2.0
"""An API that speaks HTTPS, with certificates of an authority of the test's own."""
import socket
import ssl
import subprocess

from programs import ADDRESS, Program, free_port

PATIENCE = 60


class Authority:
    """Signs certificates; `files` of a name are its certificate and its key."""

    def __init__(self, folder):
        self.folder, self.file = folder, folder / "ca.crt"
        self.openssl("ec", "-subj", "/CN=test authority", "-keyout", folder / "ca.key", "-out", self.file)

    @staticmethod
    def openssl(kind, *arguments):
        key = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}[kind]
        subprocess.run(["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", "1", *arguments], check=True,
                       capture_output=True)

    def sign(self, name, kind="ec"):
        key, certificate = (self.folder / f"{name}.{end}" for end in ("key", "crt"))
        self.openssl(kind, "-CA", self.file, "-CAkey", self.folder / "ca.key", "-subj", f"/CN={name}", "-addext",
                     f"subjectAltName=IP:{ADDRESS},DNS:localhost", "-keyout", key, "-out", certificate)
        return certificate, key


class Secured:
    """An API that speaks HTTPS, and clients for it."""

    def __init__(self, stack, authority, folder, kind):
        self.authority, self.port, self.ops = authority, free_port(), free_port()
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"
        self.install(*authority.sign(f"first-{kind}", kind))
        self.settings = stack.env | {"BIND_ADDRESS": ADDRESS, "PORT": str(self.port), "OPS_BIND": ADDRESS,
                                     "OPS_PORT": str(self.ops), "TLS_CERT_FILE": str(self.certificate),
                                     "TLS_KEY_FILE": str(self.key)}
        self.binary = stack.bin / "bulkhead-api"
        self.program = Program(self.binary, environment=self.settings)
        self.ops_api = self.program.wait_until_ready(f"http://{ADDRESS}:{self.ops}", PATIENCE)

    def install(self, certificate, key):
        self.certificate.write_bytes(certificate.read_bytes())
        self.key.write_bytes(key.read_bytes())

    def context(self, **changes):
        out = ssl.create_default_context(cafile=self.authority.file)
        for name, value in changes.items():
            setattr(out, name, value)
        return out

    def plain(self):
        return socket.create_connection((ADDRESS, self.port), timeout=PATIENCE)

    def connect(self, context=None):
        return (context or self.context()).wrap_socket(self.plain(), server_hostname=ADDRESS)

    def serving(self):
        """Whose certificate a new client is shown."""
        with self.connect() as client:
            return dict(part[0] for part in client.getpeercert()["subject"])["commonName"]

    def metric(self, name):
        text = self.ops_api.get("/metrics").body.decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))
