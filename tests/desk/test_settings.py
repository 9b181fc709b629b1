"""Where the desk listens and under which address people open it: never so that somebody in between could read along."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lifecycle.desk.settings import DeskSettings
from lifecycle.errors import InvalidDeclaration
from lifecycle.settings import Settings
from lifecycle.wiring import Departments

LOCAL: dict[str, Any] = {"host": "127.0.0.1", "port": 3001, "origin": "http://localhost:3001"}
CERTIFIED: dict[str, Any] = {"certificate": Path("desk.pem"), "certificate_key": Path("desk.key")}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"host": "0.0.0.0"}, "without TLS"),
        ({"host": "192.0.2.7"}, "without TLS"),
        ({"host": "desk.example.com"}, "without TLS"),
        ({"origin": "http://desk.example.com"}, "passkeys speak over TLS only"),
        ({"origin": "http://127.0.0.1:3001"}, "passkeys speak over TLS only"),
        ({"origin": "https://desk.example.com/"}, "no address"),
        ({"origin": "https://desk.example.com/path"}, "no address"),
        ({"origin": "https://DESK.example.com"}, "no address"),
        ({"origin": "desk.example.com"}, "no address"),
        ({"certificate": Path("desk.pem")}, "makes no TLS"),
        ({"certificate_key": Path("desk.key")}, "makes no TLS"),
        (CERTIFIED, "has a certificate, but people would open it at http://localhost:3001"),
    ],
)
def test_a_desk_that_somebody_could_listen_in_on_does_not_start(tmp_path: Path, given: dict[str, Any], word: str) -> None:
    """Each is told in words, with the setting that mends it."""
    with pytest.raises(InvalidDeclaration, match=word) as wrong:
        DeskSettings(folder=tmp_path, **LOCAL | given)
    assert "LIFECYCLE_DESK_" in wrong.value.next_step


ELSEWHERE = "https://desk.example.com"
OPENED: dict[str, tuple[dict[str, Any], str, str, bool]] = {
    "on this machine": ({}, "localhost", "localhost:3001", False),
    "on this machine by IPv6": ({"host": "::1"}, "localhost", "localhost:3001", False),
    "behind a proxy here": ({"origin": ELSEWHERE}, "desk.example.com", "desk.example.com", True),
    "with a certificate": (
        {"host": "0.0.0.0", "origin": f"{ELSEWHERE}:8443", **CERTIFIED},
        "desk.example.com",
        "desk.example.com:8443",
        True,
    ),
    "behind a proxy elsewhere": (
        {"host": "0.0.0.0", "origin": ELSEWHERE, "behind_proxy": True},
        "desk.example.com",
        "desk.example.com",
        True,
    ),
}


@pytest.mark.parametrize("way", OPENED)
def test_what_follows_from_where_it_is_opened(tmp_path: Path, way: str) -> None:
    """Whom passkeys are made for, which host is ours, and over TLS a cookie that browsers hold to this very host."""
    given, rp_id, netloc, secure = OPENED[way]
    settings = DeskSettings(folder=tmp_path, **LOCAL | given)
    assert (settings.rp_id, settings.netloc, settings.secure) == (rp_id, netloc, secure)
    assert settings.cookie.startswith("__Host-") is secure


def test_the_settings_of_the_environment(tmp_path: Path) -> None:
    """A name by itself follows the port; the folder is its user's alone."""
    (tmp_path / "workspace.yaml").touch()

    def of(**environ: str) -> DeskSettings:
        read = Settings.from_environment(
            {"LIFECYCLE_PROJECT": str(tmp_path)} | {f"LIFECYCLE_DESK_{name}": value for name, value in environ.items()}
        )
        return DeskSettings.of(Departments(read))

    plain = of()
    assert (plain.host, plain.port, plain.origin) == ("127.0.0.1", 3001, "http://localhost:3001")
    assert stat.S_IMODE(plain.folder.stat().st_mode) == 0o700
    assert of(PORT="4000").origin == "http://localhost:4000"
    assert of(ORIGIN="https://desk.example.com", BEHIND_PROXY="yes", HOST="0.0.0.0").behind_proxy
    certified = of(CERTIFICATE="/etc/desk.pem", CERTIFICATE_KEY="/etc/desk.key")
    assert (certified.origin, certified.certificate) == ("https://localhost:3001", Path("/etc/desk.pem"))
    with pytest.raises(InvalidDeclaration, match="LIFECYCLE_DESK_BEHIND_PROXY is 'perhaps'"):
        of(BEHIND_PROXY="perhaps")


def test_the_command_line_stands_above_the_environment(tmp_path: Path) -> None:
    """As for the gateway; the address follows."""
    (tmp_path / "workspace.yaml").touch()
    departments = Departments(Settings.from_environment({"LIFECYCLE_PROJECT": str(tmp_path)}))
    assert DeskSettings.of(departments, port=5000) == replace(DeskSettings.of(departments), port=5000, origin="http://localhost:5000")
