"""The pages: what each shows is a frozen view, read through life/ and the ledger; `routes` only asks for it and has it rendered."""

from __future__ import annotations

from lifecycle.desk.pages.routes import ROUTES as ROUTES
