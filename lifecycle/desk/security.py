"""What holds for every request and every answer, whatever page it is about.

- The host that was asked for is this desk's: another site's name that leads here (DNS rebinding) gets nothing.
- What changes something comes from a page of this desk, by the Origin that browsers put on every POST.
- Pages may use only what the desk itself serves, and no script or style that stands in a page; nobody may put them in a frame.

`same-origin` is the strictest referrer policy under which browsers still say the Origin of a form: under `no-referrer` it is `null`.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lifecycle.desk.guard import LOOKING
from lifecycle.desk.settings import LOCAL_NAME, DeskSettings

_PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
#: A report is a document of its own that brings its scripts with it: it gets an origin that is nobody's, and reaches nothing.
_REPORT_POLICY = "; ".join(
    (
        "sandbox allow-scripts",
        "default-src 'none'",
        "script-src 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "font-src data:",
        "worker-src blob:",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _PAGE_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
_A_YEAR = "max-age=31536000"


def security_headers(settings: DeskSettings) -> dict[str, str]:
    """What every answer says, unless it says something of its own."""
    return _HEADERS | ({"Strict-Transport-Security": _A_YEAR} if settings.secure else {})


def report_response(html: bytes) -> Response:
    """A report as a page of its own, to be shown in a frame of ours: `<iframe sandbox="allow-scripts" src=…>`."""
    return HTMLResponse(html, headers={"Content-Security-Policy": _REPORT_POLICY, "X-Frame-Options": "SAMEORIGIN"})


class SecurityMiddleware:
    """Stands around the whole application."""

    def __init__(self, app: ASGIApp, settings: DeskSettings) -> None:
        self._app = app
        self._settings = settings
        self._headers = security_headers(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) or self._app
        await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, looking = Headers(scope=scope), scope["method"] in LOOKING
        if headers.get("host", "").lower() != self._settings.netloc:
            if looking and _is_this_machine(headers.get("host", "")) and self._settings.rp_id == LOCAL_NAME:
                # Browsers let no passkey speak at an address of numbers.
                return RedirectResponse(f"{self._settings.origin}{scope['path']}", 307)
            return PlainTextResponse(f"This is the approval desk of {self._settings.origin}; open it there.\n", 421)
        if not looking and headers.get("origin") != self._settings.origin:
            return PlainTextResponse(f"This did not come from a page of {self._settings.origin}.\n", 403)
        return None


def _is_this_machine(host: str) -> bool:
    return host.rpartition(":")[0] in ("127.0.0.1", "[::1]")
