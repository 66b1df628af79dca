"""Audit bundles: verified by their own program, in a plain interpreter, and every kind of tampering is found."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.configs.errors import NotFoundError, StoreError
from aimsight.store import check_bundle
from aimsight.store.bundle import Bundle, Choice, export
from aimsight.store.database import Store
from aimsight.store.records import append_event
from aimsight.store.signing import Signer, make_key, public_text

if TYPE_CHECKING:
    from pathlib import Path

    from aimsight.tests.store.conftest import Samples


def made(store: Store, folder: Path, choice: Choice | None = None) -> Bundle:
    """Export a bundle."""
    return export(store, folder, choice or Choice(), organisation="Example GmbH", version="1.0")


def check(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the bundle's own program without any installed package (-I -S)."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(folder / check_bundle.CHECKER), str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_bundle_verifies_without_anything_installed(filled: Store, tmp_path: Path) -> None:
    """Chain, checkpoints, records, rows of runs and recomputed values agree, and limits are stated."""
    bundle = made(filled, tmp_path / "bundle")
    code, told = check(bundle.folder)
    assert code == 0, told
    assert f"ok    ledger entries 1 to {bundle.last} follow from each other" in told
    assert f"checkpoints vouch for the chain up to entry {bundle.last}" in told
    assert "records are what the ledger's entries say" in told
    assert "have the digests that the ledger states" in told
    assert "note  the checkpoints come with the bundle" in told


def test_the_same_choice_gives_the_same_bytes(filled: Store, tmp_path: Path) -> None:
    """Two exports are equal file by file."""
    first, second = (made(filled, tmp_path / name) for name in ("a", "b"))
    assert first.manifest_sha256 == second.manifest_sha256
    names = [sorted(p.relative_to(b.folder) for p in b.folder.rglob("*") if p.is_file()) for b in (first, second)]
    assert names[0] == names[1]
    assert all((first.folder / name).read_bytes() == (second.folder / name).read_bytes() for name in names[0])


def test_the_checker_imports_the_standard_library_only() -> None:
    """Everything at its top level comes with Python; the one exception is inside the check of signatures."""
    tree = ast.parse(__import__("inspect").getsource(check_bundle))
    top = {
        (node.module or "").partition(".")[0] if isinstance(node, ast.ImportFrom) else name.name.partition(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert top <= set(sys.stdlib_module_names)


def _edit_line(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, old
    path.write_text(text.replace(old, new, 1))


def _resealed(folder: Path) -> None:
    """Bring the manifest into line, as a careful forger would."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    for name in list(manifest["files"]):
        path = folder / name
        if path.is_file():
            manifest["files"][name] = check_bundle.sha256(path.read_bytes())
        else:
            del manifest["files"][name]
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))


def _swap(path: Path) -> None:
    lines = path.read_text().splitlines()
    lines[2], lines[3] = lines[3], lines[2]
    path.write_text("\n".join(lines) + "\n")


def _drop(path: Path, position: int) -> None:
    lines = path.read_text().splitlines()
    del lines[position]
    path.write_text("\n".join(lines) + "\n")


def _change_a_row(folder: Path, table: str) -> None:
    path = next(iter(sorted(folder.glob(f"runs/*/{table}.jsonl"))))
    lines = path.read_text().splitlines()
    cells = json.loads(lines[0])
    place = next(i for i, cell in enumerate(cells) if isinstance(cell, int) and not isinstance(cell, bool))
    cells[place] += 1
    lines[0] = json.dumps(cells, separators=(",", ":"))
    path.write_text("\n".join(lines) + "\n")


TAMPERING: dict[str, tuple[Any, str]] = {
    "an entry is edited": (lambda f: _edit_line(f / "ledger.jsonl", "wage-band", "wage-bend"), "does not follow"),
    "an entry is deleted": (lambda f: _drop(f / "ledger.jsonl", 4), "does not follow"),
    "two entries are swapped": (lambda f: _swap(f / "ledger.jsonl"), "does not follow"),
    "the tail is cut off": (lambda f: _drop(f / "ledger.jsonl", -1), "the ledger ends at entry"),
    "a record is edited": (
        lambda f: _edit_line(f / "records" / "nonconformity.json", '"detected"', '"closed"'),
        "records/nonconformity.json: not what the entries",
    ),
    "a measurement is edited": (lambda f: _change_a_row(f, "measurement"), "the rows of measurement"),
    "a statistic is edited": (lambda f: _change_a_row(f, "statistics_segment"), "the rows of statistics_segment"),
    "a checkpoint is edited": (
        lambda f: _edit_line(next((f / "checkpoints").glob("*")), '{"head":"', '{"head":"00'),
        "is not what it was at this checkpoint",
    ),
    "a file is added": (lambda f: (f / "note.txt").write_text("x"), "does not name this file"),
    "the checker is not looked at alone": (lambda f: (f / "README.txt").unlink(), "is missing"),
}


@pytest.mark.parametrize("what", TAMPERING)
@pytest.mark.parametrize("resealed", [False, True])
def test_tampering_is_found(filled: Store, tmp_path: Path, what: str, resealed: bool) -> None:
    """With the manifest left as it was, and with one made to fit."""
    tamper, said = TAMPERING[what]
    folder = made(filled, tmp_path / "bundle").folder
    tamper(folder)
    if resealed and "file" not in what and "checker" not in what:
        _resealed(folder)
        code, told = check(folder)
        assert code == 1, told
        assert said in told
    else:
        assert check(folder)[0] == 1


def test_a_bundle_made_anew_is_seen_by_ones_own_checkpoints(filled: Store, tmp_path: Path, samples: Samples) -> None:
    """A whole other history agrees with itself; a copy of the checkpoints from before does not agree with it."""
    kept = tmp_path / "kept.jsonl"
    shutil.copy(filled.checkpoints[0], kept)
    bundle = made(filled, tmp_path / "true")
    assert "your own checkpoints vouch for" in check(bundle.folder, "--checkpoints", str(kept))[1]
    manifest = json.loads((bundle.folder / "manifest.json").read_text())
    lines = [json.loads(line) for line in (bundle.folder / "ledger.jsonl").read_text().splitlines()]
    previous, forged = manifest["previous"], []
    for row in lines:
        content = row["entry"].replace("ann", "bob").encode()
        text = check_bundle.LEDGER_TAG + row["seq"].to_bytes(8, "big") + bytes.fromhex(previous)
        previous = check_bundle.sha256(text + len(content).to_bytes(8, "big") + content)
        forged.append(json.dumps({"seq": row["seq"], "hash": previous, "entry": content.decode()}))
    (bundle.folder / "ledger.jsonl").write_text("\n".join(forged) + "\n")
    for path in (bundle.folder / "checkpoints").glob("*"):
        path.unlink()
    manifest["head"] = previous
    (bundle.folder / "manifest.json").write_text(json.dumps(manifest))
    _resealed(bundle.folder)
    code, told = check(bundle.folder, "--checkpoints", str(kept))
    assert (code, "is not what it was at this checkpoint" in told) == (1, True), told


def test_a_signature_shows_who_vouched(tmp_path: Path) -> None:
    """With the public key the signed checkpoints are told; with another one the bundle is wrong."""
    public = make_key(tmp_path / "key.pem")
    other = make_key(tmp_path / "other.pem")
    store = Store(tmp_path / "s.duckdb", checkpoints=(tmp_path / "c.jsonl",), signer=Signer(tmp_path / "key.pem"))
    with store.write() as tx:
        append_event(tx, "test.happened", "thing", "ann", {})
    folder = made(store, tmp_path / "bundle").folder
    command = [sys.executable, str(folder / check_bundle.CHECKER), str(folder), "--key"]
    good = subprocess.run([*command, public_text(public)], capture_output=True, text=True, check=False)
    assert (good.returncode, "signatures by your key cover the chain up to entry 2" in good.stdout) == (0, True)
    bad = subprocess.run([*command, public_text(other)], capture_output=True, text=True, check=False)
    assert (bad.returncode, "by none of the keys given" in bad.stdout) == (1, True)


def test_a_period_begins_in_the_middle_of_the_chain(filled: Store, tmp_path: Path) -> None:
    """The first entry's predecessor is stated; the bundle goes on to the next checkpoint."""
    with filled.read() as reader:
        times = [row[0] for row in reader.tuples("SELECT recorded_at FROM ledger ORDER BY seq")]
    choice = Choice(start=times[3], end=times[6] + timedelta(microseconds=1))
    bundle = made(filled, tmp_path / "part", choice)
    assert (bundle.first, bundle.last >= 7) == (4, True)
    code, told = check(bundle.folder)
    assert code == 0, told


def test_one_record_with_what_belongs_to_it(filled: Store, tmp_path: Path) -> None:
    """A nonconformity brings the run that failed and its objective."""
    bundle = made(filled, tmp_path / "nc", Choice(subject="NC-2026-0001"))
    code, told = check(bundle.folder)
    assert code == 0, told
    assert json.loads((bundle.folder / "records" / "nonconformity.json").read_text())
    assert list(bundle.folder.glob("runs/*/measurement.jsonl"))
    with pytest.raises(NotFoundError, match="no entry, about NC-2026-0099"):
        made(filled, tmp_path / "none", Choice(subject="NC-2026-0099"))


def test_nothing_is_written_over(filled: Store, tmp_path: Path) -> None:
    """A folder that holds something is refused."""
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    with pytest.raises(StoreError, match="is not empty"):
        made(filled, tmp_path / "taken")
    assert (tmp_path / "taken" / "mine.txt").read_text() == "mine"
