"""Edge. Certificates of a throw-away authority, as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Files:
    """Where everything is. `stranger` is a client that another authority vouches for."""

    ca: Path
    cert: Path
    key: Path
    client_cert: Path
    client_key: Path
    stranger_cert: Path
    stranger_key: Path


def issue(folder: Path) -> Files:
    """Write a server's and two clients' certificates."""
    folder.mkdir(parents=True, exist_ok=True)
    files = Files(
        *(folder / name for name in ("ca.pem", "cert.pem", "key.pem", "client.pem", "client.key", "stranger.pem", "stranger.key"))
    )
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(files.ca))
    _write(authority.issue_cert("127.0.0.1", "localhost"), files.cert, files.key)
    _write(authority.issue_cert("prometheus.example", common_name="prometheus"), files.client_cert, files.client_key)
    _write(other.issue_cert("prometheus.example", common_name="prometheus"), files.stranger_cert, files.stranger_key)
    return files


def _write(leaf: trustme.LeafCert, cert: Path, key: Path) -> None:
    leaf.private_key_pem.write_to_path(str(key))
    cert.unlink(missing_ok=True)
    for blob in leaf.cert_chain_pems:
        blob.write_to_path(str(cert), append=True)
