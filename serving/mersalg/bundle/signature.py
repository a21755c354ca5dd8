"""Signatures of bundles by OpenSSF Model Signing with plain keys: no certificate, no log, no network.

The signature is the file model.sig of the bundle's folder: a Sigstore bundle around a DSSE envelope around the digests
of the manifest and of every file that it lists (github.com/sigstore/model-transparency). `model_signing sign key` and
`model_signing verify key` of the library model-signing write and read the same. The library never walks the folder
here: it is given the digests of bytes that are already read, so that what is verified is what is used.
"""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mersalg.bundle.files import SIGNATURE
from mersalg.errors import BundleError, MersalgError

SERIALIZATION: Final = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": [SIGNATURE]}
MAKE_KEYS: Final = (
    "`openssl ecparam -name prime256v1 -genkey -noout` makes a private key, `openssl ec -pubout` its public"
)


def check_signature(signature: bytes, digests: dict[str, str], public_key: Path, where: str) -> None:
    """Refuse a signature that is not of exactly these files' sha256 digests by the key of `public_key` (PEM)."""
    library = import_library()
    key = read_key(public_key, "public key")
    with tempfile.TemporaryDirectory(prefix="mersalg-") as folder:
        copies = Path(folder, SIGNATURE), Path(folder, "key.pub")
        for copy, content in zip(copies, (signature, key), strict=True):
            copy.write_bytes(content)
        try:
            verifier = library.verifying.Config().use_elliptic_key_verifier(public_key=copies[1])
        except Exception as error:
            raise MersalgError(
                f"{public_key}: expected a public key in PEM on P-256, P-384 or P-521, got {reason(error)}; {MAKE_KEYS}"
            ) from error
        try:
            verifier.set_hashing_config(known_digests(library, digests)).verify(Path(folder), copies[0])
        except Exception as error:
            raise BundleError(
                f"{where}: expected a signature of this bundle by the key of {public_key}, got {reason(error)}; "
                "do not use the bundle, ask who signs it"
            ) from error


def known_digests(library: Any, digests: dict[str, str]) -> Any:
    """The library's hashing, which gives these digests for any folder and reads nothing."""
    kinds = library.manifest
    form = kinds.SerializationType.from_args(SERIALIZATION)
    digest = library.hashing.hashing.Digest

    class Known(library.hashing.Config):  # type: ignore[misc]
        """Gives what is known already."""

        def hash(self, model_path: Any, *, files_to_hash: Any = None) -> Any:
            """The digests as the library's manifest."""
            items = [
                kinds.FileManifestItem(path=PurePosixPath(name), digest=digest("sha256", bytes.fromhex(sha256)))
                for name, sha256 in digests.items()
            ]
            return kinds.Manifest(Path(model_path).name, items, form)

        def add_ignored_paths(self, *, model_path: Any, paths: Any) -> None:
            """Ignore nothing: which files belong to a bundle is not for the signature to say."""

    return Known()


def read_key(path: Path, what: str) -> bytes:
    """The bytes of a key's file, which may be a link."""
    try:
        with path.open("rb") as file:
            content = file.read(2**16 + 1)
    except OSError as error:
        raise MersalgError(f"{path}: the {what} cannot be read: {error.strerror or error}") from None
    if len(content) > 2**16:
        raise MersalgError(f"{path}: expected a {what} in PEM, got a file of more than {2**16} bytes")
    return content


def reason(error: Exception) -> str:
    """What the library says, or else the name of its refusal, in one line."""
    return (" ".join(str(error).split()) or type(error).__name__)[:300]


def import_library() -> Any:
    """The library model-signing."""
    try:
        import model_signing  # noqa: PLC0415
    except ImportError as error:
        raise MersalgError(
            f"signatures need the extra `signing`: pip install 'mersalg[signing]' (model-signing, pyopenssl); {error}"
        ) from None
    return model_signing
