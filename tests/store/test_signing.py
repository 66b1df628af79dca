"""Signed checkpoints: who vouches, who does not, and what each kind of forgery looks like."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from aimsight.configs.errors import StoreError
from aimsight.store.checkpoints import parse
from aimsight.store.database import Store
from aimsight.store.records import append_event
from aimsight.store.signing import (
    PASSPHRASE,
    TAG,
    Signature,
    Signer,
    is_valid,
    key_id,
    make_key,
    public_key,
    public_text,
)
from aimsight.store.verify import VerifyReport, verify

if TYPE_CHECKING:
    from pathlib import Path


def write(store: Store, times: int = 1) -> None:
    """Commit some entries, one a commit."""
    for i in range(times):
        with store.write() as tx:
            append_event(tx, "test.happened", f"thing {i}", "ann", {})


def signed_store(folder: Path, key: Path) -> tuple[Store, Path]:
    """A store whose checkpoints are signed, and their file."""
    anchors = folder / "anchors.jsonl"
    return Store(folder / "s.duckdb", checkpoints=(anchors,), signer=Signer(key)), anchors


def report(store: Store, anchors: Path, *trusted: bytes) -> VerifyReport:
    """Verify with these keys."""
    return verify(store, [anchors], trusted=trusted)


def test_every_commit_is_signed_and_vouched_for(tmp_path: Path) -> None:
    """The whole ledger has checkpoints, all of them signed by the trusted key."""
    public = make_key(tmp_path / "key.pem")
    store, anchors = signed_store(tmp_path, tmp_path / "key.pem")
    write(store, 3)
    found = report(store, anchors, public)
    assert (found.intact, found.anchored, found.signed) == (True, found.entries, found.entries)
    assert found.limits == ()


def test_anyone_can_check_a_signature_with_openssl(tmp_path: Path) -> None:
    """The signature is plain Ed25519 over the tag and the line without it: nothing of ours is needed to check it."""
    make_key(tmp_path / "key.pem")
    store, anchors = signed_store(tmp_path, tmp_path / "key.pem")
    write(store)
    checkpoint = parse(anchors.read_bytes().splitlines()[-1])
    assert checkpoint is not None
    assert checkpoint.signature is not None
    fields = json.loads(anchors.read_text().splitlines()[-1])
    kept = {name: fields[name] for name in ("head", "origin", "size", "time")}
    (tmp_path / "content").write_bytes(TAG + json.dumps(kept, separators=(",", ":"), sort_keys=True).encode())
    (tmp_path / "signature").write_bytes(base64.b64decode(fields["signature"]))
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-rawin", "-inkey", "key.pem", "-in", "content", "-sigfile", "signature"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verified Successfully" in done.stdout, done.stdout + done.stderr


def test_a_line_signed_by_another_key_is_found(tmp_path: Path) -> None:
    """Whoever rewrites ledger and checkpoints without the key can only sign with one that nobody trusts."""
    public = make_key(tmp_path / "key.pem")
    make_key(tmp_path / "forged.pem")
    store, anchors = signed_store(tmp_path, tmp_path / "forged.pem")
    write(store)
    found = report(store, anchors, public)
    assert not found.intact
    assert "by none of the trusted keys" in str(found.findings[0])
    assert found.signed == 0


@pytest.mark.parametrize("field", ["head", "size", "time", "origin", "signature", "key"])
def test_a_changed_field_breaks_the_signature(tmp_path: Path, field: str) -> None:
    """Each field of a signed line is covered."""
    public = make_key(tmp_path / "key.pem")
    store, anchors = signed_store(tmp_path, tmp_path / "key.pem")
    write(store, 2)
    lines = anchors.read_text().splitlines()
    first = json.loads(lines[0])
    first[field] = {
        "head": "0" * 64,
        "size": first["size"] - 1,
        "time": "2020-01-01T00:00:00.000000Z",
        "origin": "aimsight/other",
        "signature": first["signature"][:-4] + "AAA=",
        "key": "0" * 16,
    }[field]
    anchors.write_text("\n".join([json.dumps(first, separators=(",", ":"), sort_keys=True), *lines[1:]]) + "\n")
    assert not report(store, anchors, public).intact


def test_unsigned_checkpoints_count_but_are_told_apart(tmp_path: Path) -> None:
    """Entries from before the signing began have plain checkpoints, until the next signed one covers them too."""
    anchors = tmp_path / "anchors.jsonl"
    plain = Store(tmp_path / "s.duckdb", checkpoints=(anchors,))
    write(plain, 2)
    public = make_key(tmp_path / "key.pem")
    before = report(plain, anchors, public)
    assert (before.intact, before.anchored, before.signed) == (True, before.entries, 0)
    assert before.limits == (f"entries 1 to {before.entries} have checkpoints, but none that a trusted key has signed",)
    store, _ = signed_store(tmp_path, tmp_path / "key.pem")
    write(store)
    after = report(store, anchors, public)
    assert (after.anchored, after.signed) == (after.entries, after.entries)


def test_without_the_key_nothing_is_written(tmp_path: Path) -> None:
    """A key that cannot be read stops the write before anything is in the store."""
    make_key(tmp_path / "key.pem")
    store, anchors = signed_store(tmp_path, tmp_path / "key.pem")
    write(store)
    (tmp_path / "key.pem").unlink()
    again, _ = signed_store(tmp_path, tmp_path / "key.pem")
    lines = anchors.read_bytes()
    with pytest.raises(StoreError, match="`aimsight keys new FILE` makes one"):
        write(again)
    assert anchors.read_bytes() == lines


def test_a_passphrase_protects_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable set the file is encrypted, and without it the key cannot be used."""
    monkeypatch.setenv(PASSPHRASE, "correct horse")
    public = make_key(tmp_path / "key.pem")
    assert b"ENCRYPTED" in (tmp_path / "key.pem").read_bytes()
    assert Signer(tmp_path / "key.pem").public == public
    monkeypatch.setenv(PASSPHRASE, "wrong")
    with pytest.raises(StoreError, match="passphrase is another one"):
        Signer(tmp_path / "key.pem").ready()
    monkeypatch.delenv(PASSPHRASE)
    with pytest.raises(StoreError, match=f"set {PASSPHRASE}"):
        Signer(tmp_path / "key.pem").ready()


def test_a_key_is_private_and_never_written_over(tmp_path: Path) -> None:
    """Its owner alone can read the file, and a second `new` leaves it as it is."""
    path = tmp_path / "keys" / "key.pem"
    make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_bytes()
    with pytest.raises(StoreError, match="never written over"):
        make_key(path)
    assert path.read_bytes() == content


def test_other_keys_are_refused(tmp_path: Path) -> None:
    """An elliptic key of another kind, and a file that is no key."""
    other = generate_private_key(SECP256R1())
    text = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "ec.pem").write_bytes(text)
    with pytest.raises(StoreError, match="another kind of key"):
        Signer(tmp_path / "ec.pem").ready()
    (tmp_path / "no.pem").write_text("no key")
    with pytest.raises(StoreError, match="holds no private key"):
        Signer(tmp_path / "no.pem").ready()


def test_public_keys_as_text(tmp_path: Path) -> None:
    """They are read as they are written, and anything else is refused."""
    public = make_key(tmp_path / "key.pem")
    assert public_key(public_text(public)) == public
    for text in ("", "ed25519:", "ed25519:AAAA", public_text(public)[8:], "rsa:" + public_text(public)[8:]):
        with pytest.raises(ValueError, match="is no public key"):
            public_key(text)


def test_a_signature_is_good_for_its_content_only(tmp_path: Path) -> None:
    """Other content, another key, or text that is no base64."""
    public = make_key(tmp_path / "key.pem")
    signature = Signer(tmp_path / "key.pem").sign(b"content")
    assert is_valid(b"content", signature, [public])
    assert not is_valid(b"other", signature, [public])
    assert not is_valid(b"content", signature, [])
    assert not is_valid(b"content", Signature(key_id(public), "%%%"), [public])
