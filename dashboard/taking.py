"""Files that are taken from the page of reviews: rendered when somebody asks, and on record with who took them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aimsight.aims.review import service
from aimsight.aims.review.render import FORMATS
from aimsight.dashboard import editing
from aimsight.store.exported import ExportedFile, last_entry, record_export

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.aims.review.pack import Pack
    from aimsight.aims.review.render import Results
    from aimsight.dashboard import ui
    from aimsight.store.registers import RecordVersion


def file_name(review: RecordVersion, pack: Pack, suffix: str) -> str:
    """What a rendered pack is called."""
    return f"{review.record}-pack-{pack.cover.version}.{suffix}"


def made(
    scene: ui.Scene, who: str | None, review: RecordVersion, pack: Pack, results: Results | None, suffix: str
) -> Callable[[], bytes]:
    """What renders a pack, and puts on record who takes it where somebody says so; called when it is asked for."""

    def make() -> bytes:
        content = FORMATS[suffix](pack, results)
        if who is not None:
            store, actor = editing.desk(scene, who)
            file = ExportedFile(file_name(review, pack, suffix), hashlib.sha256(content).hexdigest(), len(content))
            with store.read() as reader:
                entries = last_entry(reader)
            about = service.named(review, pack)
            record_export(store, actor.id, service.KIND, [file], entries=entries, about=about)
        return content

    return make
