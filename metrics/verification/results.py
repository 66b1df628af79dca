"""Adds the digests of new metrics and new versions: ``python -m aimsight.metrics.verification.results``.

A digest that is there is never replaced: numbers that changed need a higher ``version=`` in the catalogue. Who corrects
a version that was never released deletes its line first.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from aimsight.metrics.verification.verify import Verification, known_digests, verify

FILE = Path(__file__).with_name("results.csv")


def changed(found: list[Verification], known: dict[tuple[str, int], str]) -> list[str]:
    """What is wrong with the table, a sentence a metric: numbers changed, or a version is not in it."""
    out = []
    for one in found:
        before = known.get((one.metric, one.version))
        if before is None:
            out.append(
                f"{one.metric}: version {one.version} is not in results.csv; add it with "
                "python -m aimsight.metrics.verification.results"
            )
        elif before != one.digest:
            out.append(
                f"{one.metric}: its numbers changed but its version is still {one.version}; raise version= in the "
                "catalogue, then run python -m aimsight.metrics.verification.results"
            )
    return out


def main() -> int:
    """Write what is new; 1 when numbers changed under an old version."""
    found, known = verify(), known_digests()
    wrong = [text for text in changed(found, known) if "numbers changed" in text]
    for text in wrong:
        sys.stderr.write(text + "\n")
    table = known | {
        (one.metric, one.version): one.digest for one in found if one.checks and (one.metric, one.version) not in known
    }
    with FILE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["metric", "version", "digest"])
        writer.writerows([metric, version, digest] for (metric, version), digest in sorted(table.items()))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
