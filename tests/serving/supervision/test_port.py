"""Where the gateway listens when nobody says where."""

from __future__ import annotations

import socket
from pathlib import Path

from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.supervision.supervisor import listen_again

HOST = "127.0.0.1"


def test_a_gateway_that_starts_again_listens_where_it_did(tmp_path: Path) -> None:
    """Without a port of its own choosing, its callers find it again."""
    folder = GatewayFolder(tmp_path)
    with listen_again(HOST, 0, folder) as first:
        port = first.getsockname()[1]
    with listen_again(HOST, 0, folder) as again:
        assert again.getsockname()[1] == port


def test_a_port_that_somebody_took_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    """Another one is chosen, and remembered from then on."""
    folder = GatewayFolder(tmp_path)
    with listen_again(HOST, 0, folder) as first:
        port = first.getsockname()[1]
    with socket.create_server((HOST, port)), listen_again(HOST, 0, folder) as other:
        chosen = other.getsockname()[1]
        assert chosen != port
    assert folder.port.read_text() == str(chosen)
