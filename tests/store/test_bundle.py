"""Audit bundles: verified by their own program, in a plain interpreter, and every kind of tampering is found."""

from __future__ import annotations

import ast
import json
import random
import shutil
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.configs.errors import NotFoundError, StoreError
from aimsight.store import check_bundle
from aimsight.store.bundle import Bundle, Choice, export, program
from aimsight.store.database import Store
from aimsight.store.records import append_event
from aimsight.store.runs import plan_slots
from aimsight.store.signing import Signer, make_key, public_text

if TYPE_CHECKING:
    from pathlib import Path

    from aimsight.tests.store.conftest import Samples


def made(store: Store, folder: Path, choice: Choice | None = None) -> Bundle:
    """Export a bundle."""
    evidence = folder.parent / "evidence"
    evidence.mkdir(exist_ok=True)
    (evidence / "a.html").write_bytes(b"a page")
    return export(
        store, folder, choice or Choice(), organisation="Example GmbH", version="1.0", evidence=evidence, actor="ann"
    )


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
    assert told.startswith("Integrity     intact\nCompleteness  every window planned by entry"), told
    assert "Authority     " in told


def test_a_bundle_of_before_references_is_still_read(filled: Store, tmp_path: Path) -> None:
    """It has no references: nothing is compared with them, and that is said where there is something to compare."""
    folder = made(filled, tmp_path / "bundle").folder
    shutil.rmtree(folder / "references")
    _edit_line(folder / "manifest.json", '"bundle": 3', '"bundle": 2')
    _resealed(folder)
    code, told = check(folder)
    assert code == 0, told


def test_the_same_choice_gives_the_same_bytes(filled: Store, tmp_path: Path) -> None:
    """Two exports are equal file by file."""
    first, second = (made(filled, tmp_path / name) for name in ("a", "b"))
    assert first.manifest_sha256 == second.manifest_sha256
    names = [sorted(p.relative_to(b.folder) for p in b.folder.rglob("*") if p.is_file()) for b in (first, second)]
    assert names[0] == names[1]
    assert all((first.folder / name).read_bytes() == (second.folder / name).read_bytes() for name in names[0])


def test_the_checker_imports_the_standard_library_only() -> None:
    """Everything at its top level comes with Python; the one exception is inside the check of signatures."""
    tree = ast.parse(program())
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


def _change_a_reference(folder: Path) -> None:
    path = folder / "references" / "4" / "statistics_column.jsonl"
    path.write_text(path.read_text().replace("37", "36", 1))


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
    "the rows of a run are taken out": (
        lambda f: shutil.rmtree(min(f.glob("runs/*"))),
        "the rows of measurement",
    ),
    "a run of nobody is put in": (
        lambda f: shutil.copytree(min(f.glob("runs/*")), f / "runs" / "other"),
        "runs/other: no entry",
    ),
    "an attachment is edited": (
        lambda f: _edit_line(min(f.glob("evidence/*")), "a page", "a Page"),
        "evidence file a.html: it is not in the bundle as it was frozen",
    ),
    "an attachment is taken out": (
        lambda f: min(f.glob("evidence/*")).unlink(),
        "evidence file a.html: it is not in the bundle as it was frozen",
    ),
    "records are taken out": (
        lambda f: (f / "records" / "nonconformity.json").unlink(),
        "records/nonconformity.json: not what the entries",
    ),
    "the choice is made smaller": (
        lambda f: _edit_line(f / "manifest.json", '"choice": {}', '"choice": {"about": "wage-band"}'),
        "no entry that the bundle is about finished this run",
    ),
    "an entry is no text": (
        lambda f: _edit_line(f / "ledger.jsonl", '{"seq": 3', '{"seq": '),
        "line 3: it is no entry",
    ),
    "a reference is edited": (_change_a_reference, "references/4: the rows of statistics_column"),
    "a reference is taken out": (lambda f: shutil.rmtree(f / "references"), "the rows of reference_column are not"),
    "a reference of nobody is put in": (
        lambda f: shutil.copytree(f / "references" / "4", f / "references" / "other"),
        "references/other: no entry froze",
    ),
    "columns are taken out": (lambda f: (f / "columns.json").unlink(), "a part of it cannot be read"),
}
"""What a careful forger does, who brings the manifest into line, and what is said then."""
PLAIN: dict[str, tuple[Any, str]] = {
    "a file is added": (lambda f: (f / "note.txt").write_text("x"), "does not name this file"),
    "a file is taken out": (lambda f: (f / "README.txt").unlink(), "is missing"),
    "the manifest is gone": (lambda f: (f / "manifest.json").unlink(), "this is no bundle"),
    "the manifest is cut off": (lambda f: (f / "manifest.json").write_text("{"), "this is no bundle"),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_is_found(filled: Store, tmp_path: Path, what: str) -> None:
    """With the manifest left as it was, and with one made to fit."""
    tamper, said = TAMPERING[what]
    folder = made(filled, tmp_path / "bundle").folder
    tamper(folder)
    assert check(folder)[0] == 1
    _resealed(folder)
    code, told = check(folder)
    assert code == 1, told
    assert said in told
    assert "Traceback" not in told


def test_any_changed_byte_is_found(filled: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever byte of ledger, records, rows or evidence is another one, with a manifest made to fit."""
    folder = made(filled, tmp_path / "bundle").folder
    assert check_bundle.main([str(folder)]) == 0
    kinds = ("ledger.jsonl", "records/*", "runs/*/*", "evidence/*")
    files = [path for kind in kinds for path in sorted(folder.glob(kind))]
    drawn = random.Random(7)
    unseen = []
    for path in drawn.choices(files, k=150):
        content = path.read_bytes()
        place = drawn.randrange(len(content))
        other = bytes([content[place] ^ (1 << drawn.randrange(8))])
        path.write_bytes(content[:place] + other + content[place + 1 :])
        _resealed(folder)
        if check_bundle.main([str(folder)]) == 0:
            unseen.append(f"{path.relative_to(folder)} {place}: {content[place : place + 1]!r} -> {other!r}")
        path.write_bytes(content)
    capsys.readouterr()
    _resealed(folder)
    assert check_bundle.main([str(folder)]) == 0
    assert unseen == []


@pytest.mark.parametrize("what", PLAIN)
def test_the_manifest_names_every_file(filled: Store, tmp_path: Path, what: str) -> None:
    """A file more or less is named, and a folder without its manifest is no bundle."""
    tamper, said = PLAIN[what]
    folder = made(filled, tmp_path / "bundle").folder
    tamper(folder)
    code, told = check(folder)
    assert (code, said in told, "Traceback" in told) == (1, True, False), told


def test_a_bundle_made_anew_is_seen_by_ones_own_checkpoints(filled: Store, tmp_path: Path, samples: Samples) -> None:
    """A whole other history agrees with itself; a copy of the checkpoints from before does not agree with it."""
    kept = tmp_path / "kept.jsonl"
    shutil.copy(filled.checkpoints[0], kept)
    bundle = made(filled, tmp_path / "true")
    assert "your own checkpoints vouch for" in check(bundle.folder, "--checkpoints", str(kept))[1]
    manifest = json.loads((bundle.folder / "manifest.json").read_text())
    lines = [json.loads(line) for line in (bundle.folder / "ledger.jsonl").read_text().splitlines()]
    previous, forged = "00" * 32, []
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
    """The ledger is there from its first entry to the next checkpoint, records and runs are those of the period."""
    with filled.read() as reader:
        times = [row[0] for row in reader.tuples("SELECT recorded_at FROM ledger ORDER BY seq")]
    choice = Choice(start=times[3], end=times[6] + timedelta(microseconds=1))
    bundle = made(filled, tmp_path / "part", choice)
    assert bundle.last >= 7
    assert bundle.chosen == 4
    code, told = check(bundle.folder)
    assert code == 0, told


def test_one_record_with_what_belongs_to_it(filled: Store, tmp_path: Path) -> None:
    """A nonconformity brings the run that failed and its objective."""
    bundle = made(filled, tmp_path / "nc", Choice(subject="NC-2026-0001"))
    code, told = check(bundle.folder)
    assert code == 0, told
    assert json.loads((bundle.folder / "records" / "nonconformity.json").read_text())
    assert list(bundle.folder.glob("runs/*/measurement.jsonl"))
    record = made(filled, tmp_path / "record", Choice(subject="RISK-2026-0001"))
    assert json.loads((record.folder / "records" / "record_version.json").read_text())
    assert check(record.folder)[0] == 0
    with pytest.raises(NotFoundError, match=r"no record .NC-2026-0099.; did you mean NC-2026-0001"):
        made(filled, tmp_path / "none", Choice(subject="NC-2026-0099"))


def test_authority_is_judged_from_the_first_entry_on(store: Store, tmp_path: Path) -> None:
    """A record approved by its author is named, also in a bundle of a later record; who the people are came first."""
    people = {"people": {"ann": ["owner"], "bo": ["approver"]}, "single_person": None, "changes": ""}
    row = {"record_type": "risk", "record": "R-1", "version": 1, "status": "draft", "author": "ann", "approver": "ann"}
    with store.write() as tx:
        append_event(tx, "people.recorded", "project", "aimsight", people)
        append_event(tx, "record.created", "R-1", "ann", {"row": row})
        append_event(tx, "record.approved", "R-1", "ann", {"row": row})
        append_event(tx, "test.happened", "thing", "bo", {})
    folder = made(store, tmp_path / "bundle", Choice(subject="thing")).folder
    code, told = check(folder)
    assert code == 1
    assert "Authority     BROKEN: 2 findings" in told, told
    assert "(record.approved of R-1): ann: had owner then, and this takes approver or top management" in told
    assert "ann: they wrote it, and no single-person mode was declared" in told


def test_a_planned_window_without_outcome_is_told(store: Store, samples: Samples, tmp_path: Path) -> None:
    """A break where the bundle reaches to the end of the ledger, a remark where it may have come later."""
    with store.write() as tx:
        plan_slots(tx, "wage-band", "daily", [(samples.start, samples.start + timedelta(days=1))], samples.start)
        append_event(tx, "test.happened", "thing", "aimsight", {})
    code, told = check(made(store, tmp_path / "all").folder)
    assert (code, "WRONG planned, without an outcome: wage-band, daily" in told) == (1, True), told
    code, told = check(made(store, tmp_path / "part", Choice(subject="thing")).folder)
    assert (code, "no outcome yet at entry" in told) == (0, True), told


def test_nothing_is_written_over(filled: Store, tmp_path: Path) -> None:
    """A folder that holds something is refused."""
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    with pytest.raises(StoreError, match="is not empty"):
        made(filled, tmp_path / "taken")
    assert (tmp_path / "taken" / "mine.txt").read_text() == "mine"
