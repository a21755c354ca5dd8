"""Signing a bundle with a private key: `mersalg sign`. `mersalg.bundle.signature` says what a signature is."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from mersalg.bundle.files import MAX_BYTES, SIGNATURE, digests_of, parse_json, read_regular_file
from mersalg.bundle.signature import MAKE_KEYS, import_library, known_digests, read_key, reason
from mersalg.errors import BundleError, MersalgError
from mersalg.registry.opening import open_bundle


def sign_bundle(path: str | Path, private_key: Path) -> Path:
    """Sign the verified files of a bundle, and give the signature's path; an earlier one is replaced in one step."""
    library = import_library()
    bundle = open_bundle(path)
    where = bundle.folder / "manifest.json"
    content = read_regular_file(where, MAX_BYTES["manifest.json"])
    if parse_json(content, where) != bundle.manifest:
        raise BundleError(f"{where}: changed while it was read; sign it again")
    read_key(private_key, "private key")
    out = bundle.folder / SIGNATURE
    written = out.with_name(f".{SIGNATURE}.{uuid4().hex}.partial")
    config = library.signing.Config()
    config.set_hashing_config(known_digests(library, digests_of(bundle.manifest, content)))
    try:
        config.use_elliptic_key_signer(private_key=private_key).sign(bundle.folder, written)
        written.replace(out)
    except OSError as error:
        raise MersalgError(f"{out}: cannot be written: {error.strerror or error}") from None
    except Exception as error:
        raise MersalgError(
            f"{private_key}: expected a private key in PEM without a password, on P-256, P-384 or P-521, got "
            f"{reason(error)}; {MAKE_KEYS}"
        ) from error
    finally:
        written.unlink(missing_ok=True)
    return out
