"""Claims: a ledger opens with one key alone, which is found where it is said to be and shown nowhere."""

from __future__ import annotations

import hashlib
import hmac
import stat
import sys
from datetime import datetime
from pathlib import Path

import pytest

from mersalg import LedgerError
from mersalg_service.ledger import (
    Key,
    find_key,
    key_of_file,
    make_key,
    make_ledger,
    open_ledger,
    record_wish,
    stats,
)
from mersalg_service.ledger.keys import own_key_file
from shop_spellings import TEXT_IDS

SECRET = b"0123456789abcdef"


def test_a_hash_is_hmac_sha256_so_that_any_language_can_make_it(key: Key) -> None:
    expected = hmac.new(key.secret, b"customer\0anna", hashlib.sha256).hexdigest()[:32]
    assert key.hash("anna") == expected


def test_a_customer_has_one_hash_however_the_id_is_spelled(key: Key) -> None:
    for spelled, expected in TEXT_IDS.items():
        if expected is None:
            with pytest.raises(LedgerError, match="expected the shop's id of a customer"):
                key.hash(spelled)
        else:
            assert key.hash(spelled) == hmac.digest(key.secret, b"customer\0" + expected.encode(), "sha256")[:16].hex()


def test_another_key_or_customer_gives_another_hash(key: Key) -> None:
    other = Key(SECRET, "other")
    assert len({key.hash("anna"), key.hash("berta"), other.hash("anna"), key.check_value(), other.check_value()}) == 5


def test_the_secret_is_shown_nowhere(key: Key) -> None:
    assert "nowhere else" not in repr(key) + str(key)


def test_a_short_key_is_refused_without_being_shown() -> None:
    with pytest.raises(LedgerError, match="at least 16 bytes, got 5") as refused:
        Key(b"short", "here")
    assert "short" not in str(refused.value)


def test_a_made_key_is_the_owners_alone_and_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "new" / "key"
    made = make_key(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key_of_file(file) == made
    with pytest.raises(LedgerError, match="never written over"):
        make_key(file)
    assert list(file.parent.iterdir()) == [file]


def test_the_named_file_comes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_key(tmp_path / "a")
    monkeypatch.setenv("MERSALG_LEDGER_KEY", SECRET.decode())
    assert find_key() == Key(SECRET, "MERSALG_LEDGER_KEY")
    assert find_key(tmp_path / "a") == key_of_file(tmp_path / "a")
    monkeypatch.setenv("MERSALG_LEDGER_KEY_FILE", str(tmp_path / "a"))
    with pytest.raises(LedgerError, match="both set"):
        find_key()
    monkeypatch.delenv("MERSALG_LEDGER_KEY")
    assert find_key() == key_of_file(tmp_path / "a")


def test_a_key_file_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        find_key(tmp_path / "none")


def test_a_new_ledger_without_a_key_gets_one_in_the_users_own_place(new_url: str) -> None:
    assert find_key() is None
    make_ledger(new_url).close()
    assert find_key() == key_of_file(own_key_file())
    open_ledger(new_url).close()


def test_a_ledger_that_is_not_there_is_refused_and_not_made(new_url: str, key: Key) -> None:
    for _ in range(2):
        with pytest.raises(LedgerError, match=r"expected a ledger, found none\..*`mersalg ledger init URL`"):
            open_ledger(new_url, key)
    make_ledger(new_url, key).close()
    open_ledger(new_url, key).close()


def test_an_empty_file_is_no_ledger(tmp_path: Path, key: Key) -> None:
    (tmp_path / "ledger.db").touch()
    with pytest.raises(LedgerError, match="expected a ledger, found none"):
        open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", key)
    with pytest.raises(LedgerError, match="expected a ledger, found none"):
        open_ledger(f"sqlite:///{tmp_path / 'other.db'}", key)
    assert not (tmp_path / "other.db").exists()


def test_a_ledger_is_never_made_anew(new_url: str, key: Key) -> None:
    with make_ledger(new_url, key) as ledger:
        record_wish(ledger, "anna", "opted-out", datetime(2017, 12, 1))
    with pytest.raises(LedgerError, match="there is a ledger already"):
        make_ledger(new_url, key)
    with open_ledger(new_url, key) as ledger:
        assert stats(ledger)["opted_out"] == 1


def test_a_ledger_that_is_there_is_never_given_a_new_key(new_url: str, key: Key) -> None:
    make_ledger(new_url, key).close()
    with pytest.raises(LedgerError, match="no key is given"):
        open_ledger(new_url)
    assert find_key() is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ledger.db", "expected a URL"),
        ("sqlite://ledger.db", "expected a URL"),
        ("mysql://me:secret@host/db", "expected a URL"),
        ("sqlite:///:memory:", "forgets"),
        ("sqlite:////no/such/folder/ledger.db", "does not exist"),
    ],
)
def test_what_is_no_ledger_is_refused(url: str, reason: str, key: Key) -> None:
    with pytest.raises(LedgerError, match=reason) as refused:
        make_ledger(url, key)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path, key: Key) -> None:
    (tmp_path / "notes.txt").write_text("not a database, and longer than a hundred bytes" * 9)
    with pytest.raises(LedgerError, match="SQLite"):
        open_ledger(f"sqlite:///{tmp_path / 'notes.txt'}", key)


def test_a_server_that_is_not_there_is_refused_without_the_password(key: Key, tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(LedgerError, match="cannot connect") as refused:
        open_ledger(f"postgresql://me:secret@/db?host={tmp_path}", key)
    assert "secret" not in str(refused.value)


def test_postgresql_without_psycopg_names_the_extra(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError, match=r"mersalg\[ledger\]"):
        open_ledger("postgresql:///db", key)


def test_only_the_owner_reads_the_file_of_a_ledger(tmp_path: Path, key: Key) -> None:
    make_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", key).close()
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o600
