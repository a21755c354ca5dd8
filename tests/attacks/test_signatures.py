from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mersalg import BundleError, MersalgError, load
from mersalg.cli import main
from mersalg.signing import sign_bundle
from toy_bundle import rewrite, write_bundle

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def write_keys(folder: Path, name: str, key: Any = None, password: bytes | None = None) -> tuple[Path, Path]:
    """The files of a private and a public key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return write_keys(tmp_path, "shop")


def refuse(folder: Path, public: Path, *words: str) -> None:
    with pytest.raises(MersalgError) as refusal:
        load(folder, public_key=public)
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_a_signed_bundle_loads_with_its_key_and_also_without_asking(folder: Path, tmp_path: Path, curve: Any) -> None:
    private, public = write_keys(tmp_path, "curve", ec.generate_private_key(curve))
    sign_bundle(folder, private)
    assert load(folder, public_key=public).recommend(["bread"]).reason is None
    load(folder)


def test_a_bundle_without_a_signature_is_refused_where_one_is_required(folder: Path, keys: tuple[Path, Path]) -> None:
    load(folder)
    refuse(folder, keys[1], "model.sig", "got nothing", "mersalg sign")


def test_another_key_is_refused(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    sign_bundle(folder, keys[0])
    refuse(folder, write_keys(tmp_path, "other")[1], "model.sig", "Key mismatch")


@pytest.mark.usefixtures("no_runtime")
def test_any_change_is_refused_also_when_the_manifest_agrees(folder: Path, keys: tuple[Path, Path]) -> None:
    sign_bundle(folder, keys[0])
    rewrite(folder, "CARD.md", b"# changed\n")
    refuse(folder, keys[1], "Hash mismatch for 'CARD.md'")


def test_a_further_file_of_the_manifest_is_refused_and_one_that_nobody_lists_is_not(
    folder: Path, keys: tuple[Path, Path]
) -> None:
    sign_bundle(folder, keys[0])
    (folder / "notes.txt").write_text("not part of the bundle")
    load(folder, public_key=keys[1])
    rewrite(folder, "more.bin", b"1")
    refuse(folder, keys[1], "Extra files", "more.bin")


def test_a_signature_of_another_bundle_is_refused(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    other = write_bundle(tmp_path / "other", {"CARD.md": b"# other\n"})
    (folder / "model.sig").write_bytes(sign_bundle(other, keys[0]).read_bytes())
    refuse(folder, keys[1], "Hash mismatch")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"verificationMaterial": 5}']
)
def test_a_signature_that_is_none_is_refused(folder: Path, keys: tuple[Path, Path], content: bytes) -> None:
    (folder / "model.sig").write_bytes(content)
    refuse(folder, keys[1], "model.sig", "expected a signature of this bundle")


def test_no_part_of_a_signature_may_change(folder: Path, keys: tuple[Path, Path]) -> None:
    whole = json.loads(sign_bundle(folder, keys[0]).read_text())
    envelope = whole["dsseEnvelope"]
    for changed in (
        {**envelope, "payload": envelope["payload"][:-8] + "AAAAAAA="},
        {**envelope, "payloadType": "text/plain"},
        {**envelope, "signatures": []},
        {**envelope, "signatures": [{**envelope["signatures"][0], "sig": "AAAA"}]},
    ):
        (folder / "model.sig").write_text(json.dumps({**whole, "dsseEnvelope": changed}))
        refuse(folder, keys[1], "model.sig")


def test_a_signature_is_a_regular_file_within_its_cap(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    signature = sign_bundle(folder, keys[0])
    signature.rename(tmp_path / "elsewhere")
    signature.symlink_to(tmp_path / "elsewhere")
    refuse(folder, keys[1], "got a link")
    signature.unlink()
    signature.write_bytes(b" " * (2**20 + 1))
    refuse(folder, keys[1], "at most 1048576 bytes")


def test_keys_that_are_none_are_refused_by_name(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    sign_bundle(folder, keys[0])
    refuse(folder, tmp_path / "none", "public key cannot be read")
    (tmp_path / "text").write_text("not a key")
    refuse(folder, tmp_path / "text", "expected a public key in PEM")
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256K1())):
        private, public = write_keys(tmp_path, "odd", key)
        refuse(folder, public)
        with pytest.raises(MersalgError, match=r"odd\.key"):
            sign_bundle(folder, private)
    with pytest.raises(MersalgError, match="without a password"):
        sign_bundle(folder, write_keys(tmp_path, "locked", password=b"secret")[0])
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []


def test_a_bundle_that_is_not_whole_is_not_signed(folder: Path, keys: tuple[Path, Path]) -> None:
    (folder / "CARD.md").write_bytes(b"changed")
    with pytest.raises(BundleError, match="CARD"):
        sign_bundle(folder, keys[0])
    assert not (folder / "model.sig").exists()


def test_signing_and_verifying_need_no_network(
    folder: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_socket(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse_socket)
    monkeypatch.setattr(socket, "getaddrinfo", refuse_socket)
    sign_bundle(folder, keys[0])
    load(folder, public_key=keys[1])


def test_the_librarys_own_command_reads_and_writes_the_same(folder: Path, keys: tuple[Path, Path]) -> None:
    def run(*words: str | Path) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "model_signing", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    signature = folder / "model.sig"
    sign_bundle(folder, keys[0])
    run("verify", "key", folder, "--signature", signature, "--public_key", keys[1])
    signature.unlink()
    run("sign", "key", folder, "--signature", signature, "--private_key", keys[0])
    load(folder, public_key=keys[1])


def test_the_commands_sign_and_verify(
    folder: Path, keys: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = map(str, keys)
    assert main(["verify", str(folder), "--public-key", public]) == 2
    assert main(["sign", str(folder), "--private-key", private]) == 0
    assert main(["verify", str(folder), "--public-key", public]) == 0
    assert f"signature of these files by {public}" in capsys.readouterr().out


def test_without_the_library_the_extra_is_named(
    folder: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_bundle(folder, keys[0])
    monkeypatch.setitem(sys.modules, "model_signing", None)
    refuse(folder, keys[1], "mersalg[signing]")
    with pytest.raises(MersalgError, match="signing"):
        sign_bundle(folder, keys[0])
