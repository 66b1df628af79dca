"""Source files hashed again: what was changed under the same size and time is found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aimsight.monitors.source_check import CHANGED, MISSING, check_sources

if TYPE_CHECKING:
    from aimsight.tests.monitors.sandbox import Sandbox


def test_a_file_of_the_same_size_and_time_with_another_content_is_named(sandbox: Sandbox) -> None:
    """A run does not read it again; a file that is gone, or plainly another one, is counted and no finding."""
    sandbox.model()
    sandbox.days(*range(6))
    sandbox.run(6)
    before = check_sources(sandbox.store)
    assert (before.findings, before.left_out) == ((), {})
    path, other, gone = (sandbox.path(day) for day in (5, 4, 3))
    was = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    other.write_bytes(other.read_bytes() + b" ")
    gone.unlink()
    after = check_sources(sandbox.store)
    assert [finding.partition(":")[0] for finding in after.findings] == [str(path)]
    assert after.left_out == {CHANGED: 1, MISSING: 1}
    assert after.compared == before.compared - 2
    assert "1 file with another content" in next(iter(after.lines()))
