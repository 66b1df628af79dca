"""Signatures of checkpoints (Ed25519, RFC 8032): who vouches for a head, checked with a public key alone.

The private key is a PEM file outside the store, best outside the project; with a passphrase it is taken from the
environment variable ``AIMSIGHT_SIGNING_PASSPHRASE``. Public keys are written ``ed25519:`` and 32 bytes in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.configs.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TAG = b"aimsight checkpoint v1\n"
"""Put before what is signed, so that a signature is good for nothing else."""
PREFIX = "ed25519:"
PASSPHRASE = "AIMSIGHT_SIGNING_PASSPHRASE"  # noqa: S105  # the name of the variable, not a passphrase
_SIZE = 32


def key_id(public: bytes) -> str:
    """What names a key in a signed line: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def public_text(public: bytes) -> str:
    """A public key as people pass it on: ``ed25519:`` and base64."""
    return PREFIX + base64.b64encode(public).decode("ascii")


def public_key(text: str) -> bytes:
    """The 32 bytes of a public key from its text.

    Raises
    ------
    ValueError
        When the text is no such key.
    """
    try:
        found = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != _SIZE:
        raise ValueError(f"{text} is no public key: it is {PREFIX} and 32 bytes in base64")
    return found


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature and the id of the key that it claims to be by."""

    key: str
    value: str
    """In base64."""


class Signer:
    """Signs with the private key of a file, which is read when it is first needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._key: Ed25519PrivateKey | None = None

    def ready(self) -> Ed25519PrivateKey:
        """The key.

        Raises
        ------
        StoreError
            When the file cannot be read or holds no Ed25519 private key that the passphrase opens.
        """
        if self._key is None:
            self._key = _load(self.path)
        return self._key

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self.ready().public_key().public_bytes_raw()

    def sign(self, content: bytes) -> Signature:
        """Sign a checkpoint's canonical content."""
        return Signature(key_id(self.public), base64.b64encode(self.ready().sign(TAG + content)).decode("ascii"))


def is_valid(content: bytes, signature: Signature, trusted: Sequence[bytes]) -> bool:
    """Whether a signature of this content is by one of the trusted public keys."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for public in trusted:
        if key_id(public) != signature.key:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(signature.value), TAG + content)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


def make_key(path: Path) -> bytes:
    """Make a private key in a new file that its owner alone can read; returns the public key.

    Raises
    ------
    StoreError
        When the file exists or cannot be written: a key is never written over.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    passphrase = os.environ.get(PASSPHRASE)
    protection: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise StoreError(f"{path} exists already; a key is never written over") from None
    except OSError as error:
        raise StoreError(f"{path}: the key cannot be written: {error.strerror or error}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
    return key.public_key().public_bytes_raw()


def _load(path: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    passphrase = os.environ.get(PASSPHRASE)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"{path}: the key that signs checkpoints cannot be read: {error.strerror or error}; "
            "`aimsight keys new FILE` makes one"
        ) from error
    try:
        key = serialization.load_pem_private_key(text, passphrase.encode() if passphrase else None)
    except TypeError:
        why = f"has a passphrase: set {PASSPHRASE}" if not passphrase else f"has no passphrase: unset {PASSPHRASE}"
        raise StoreError(f"{path}: the key that signs checkpoints {why}") from None
    except ValueError:
        raise StoreError(f"{path} holds no private key, or its passphrase is another one") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"{path} holds another kind of key; checkpoints are signed with Ed25519")
    return key
