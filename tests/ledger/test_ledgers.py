"""Claims: each ledger keeps the contract, on a real file and on a real server."""

from __future__ import annotations

import pytest

from ledger.ledger_contract import LedgerContract


class TestSqlite(LedgerContract):
    @pytest.fixture
    def url(self, new_sqlite: str) -> str:
        return new_sqlite


class TestPostgres(LedgerContract):
    @pytest.fixture
    def url(self, new_postgres: str) -> str:
        return new_postgres
