"""A Dovecot of the test's own: a private process on loopback ports, all its files in one directory."""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

PASSWORD = "sekret"
OTHER_PASSWORD = 'pä ßw"ört'
OLD_SERVER = "IMAP4rev1"
"""What a server from the nineties announces: no IDLE, no MOVE, no UIDPLUS."""

_CONFIG = """
protocols = imap
base_dir = {run}
log_path = {top}/log
listen = 127.0.0.1
ssl = {ssl}
{certificate}
disable_plaintext_auth = no
auth_mechanisms = plain
auth_failure_delay = 0
auth_username_chars =
{capability}
default_login_user = {login_user}
default_internal_user = {internal_user}
default_internal_group = {internal_group}
first_valid_uid = 1
mail_max_userip_connections = 1000
mail_location = maildir:{top}/mail/%u
mailbox_list_index = no
passdb {{
  driver = static
  args = password={password}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {top}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={top}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = {ssl}
  }}
}}
service anvil {{
  chroot =
  # Whoever failed before from the same address, as all tests do, would be kept waiting for up to 15 seconds.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Certificate:
    """A certificate for one name, and the authority that signed it."""

    authority: Path
    certificate: Path
    key: Path


def make_certificate(directory: Path, names: str) -> Certificate:
    """`names` as OpenSSL writes them: `DNS:localhost,IP:127.0.0.1`."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(
        "req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test authority",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip
    openssl("req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server")
    (directory / "server.ext").write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    openssl(
        "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", "server.ext", "-out", "server.pem",
    )  # fmt: skip
    return Certificate(directory / "ca.pem", directory / "server.pem", directory / "server.key")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Dovecot:
    """Takes any user with PASSWORD, and each has a mailbox of their own."""

    def __init__(self, *, capability: str | None = None, certificate: Certificate | None = None) -> None:
        program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if program is None:
            raise RuntimeError(
                "dovecot is not installed; expected Debian's dovecot-imapd (apt-get install dovecot-imapd)"
            )
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        if not version.startswith("2.3"):
            raise RuntimeError(f"dovecot is {version.strip()}; expected a 2.3, whose configuration these tests write")
        # Not below pytest's directory: the path of a Unix socket has room for 107 bytes.
        self.top = Path(tempfile.mkdtemp(prefix="dovecot-", dir="/tmp"))
        self.top.chmod(0o755)
        self.port, self.tls_port = free_port(), free_port()
        self._users = count(1)
        self._files = count(1)
        me = pwd.getpwuid(os.getuid())
        # Dovecot never serves mail as root.
        self.owner = pwd.getpwnam("nobody") if me.pw_uid == 0 else me
        as_root = me.pw_uid == 0
        (self.top / "mail").mkdir()
        (self.top / "home").mkdir()
        for name in ("mail", "home"):
            os.chown(self.top / name, self.owner.pw_uid, self.owner.pw_gid)
        (self.top / "users").write_text(f"jürgen müller:{{PLAIN}}{OTHER_PASSWORD}\n", encoding="utf-8")
        (self.top / "conf").write_text(
            _CONFIG.format(
                top=self.top,
                run=self.top / "run",
                ssl="yes" if certificate else "no",
                certificate=f"ssl_cert = <{certificate.certificate}\nssl_key = <{certificate.key}"
                if certificate
                else "",
                capability=f"imap_capability = {capability}" if capability else "",
                login_user="dovenull" if as_root else me.pw_name,
                internal_user="dovecot" if as_root else me.pw_name,
                internal_group="dovecot" if as_root else grp.getgrgid(me.pw_gid).gr_name,
                uid=self.owner.pw_uid,
                gid=self.owner.pw_gid,
                password=PASSWORD,
                port=self.port,
                tls_port=self.tls_port if certificate else 0,
            ),
            encoding="utf-8",
        )
        # It ends with the test run even when that is killed.
        command = ["setpriv", "--pdeathsig", "TERM", program, "-F", "-c", str(self.top / "conf")]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as client:
                    if client.recv(4) == b"* OK":
                        return
            except OSError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                assert self._process.stderr is not None
                self._process.kill()
                said = self._process.stderr.read().decode()
                raise RuntimeError(f"dovecot did not start: {said}\n{self.log()}")
            time.sleep(0.05)

    def log(self) -> str:
        path = self.top / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
        shutil.rmtree(self.top, ignore_errors=True)

    def new_user(self) -> str:
        return f"abuse{next(self._users)}"

    def maildir(self, user: str, folder: str = "INBOX") -> Path:
        top = self.top / "mail" / user
        return top if folder == "INBOX" else top / f".{folder}"

    def put(self, user: str, raw: bytes) -> Path:
        """A mail arrives, as a delivery agent does it: written to `tmp`, then moved to `new`."""
        box = self.maildir(user)
        for directory in (box, box / "tmp", box / "new", box / "cur"):
            if not directory.exists():
                directory.mkdir(parents=True)
                os.chown(directory, self.owner.pw_uid, self.owner.pw_gid)
        name = f"{int(time.time())}.{next(self._files):06d}.test"
        draft = box / "tmp" / name
        draft.write_bytes(raw)
        final = box / "new" / name
        draft.rename(final)
        return final

    def client(self, user: str) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        client.login(user, PASSWORD)
        return client

    def contents(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """What the folder holds, as the server gives it to any client."""
        client = self.client(user)
        try:
            if client.select(folder, readonly=True)[0] != "OK":
                return []
            _, [numbers] = client.search(None, "ALL")
            mails = []
            for number in numbers.split():
                _, [part, *_] = client.fetch(number.decode(), "(BODY.PEEK[])")
                assert isinstance(part, tuple)
                mails.append(part[1])
            return mails
        finally:
            client.logout()

    def count(self, user: str, folder: str = "INBOX") -> int:
        client = self.client(user)
        try:
            status, [exists] = client.select(folder, readonly=True)
            return int(exists or b"0") if status == "OK" else 0
        finally:
            client.logout()
