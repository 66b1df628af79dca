"""Operational records as xAPI 1.0.3 statements: actor, verb, object, result, context, timestamp.

xAPI comes from learning records and asks for IRIs and forbids nulls outside of extensions; nothing else is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = "https://aimsight.invalid/xapi"
"""Names what is ours; it leads nowhere on purpose."""
VERSION = "1.0.3"
_SUCCESS = {"conforming": True, "at risk": True, "nonconforming": False}
"""Verdicts that say whether the objective was met; of the others nobody knows."""


def statement(record: Mapping[str, Any]) -> dict[str, Any]:
    """The statement of an operational record.

    ``result.success`` is there for verdicts that rest on a measured value; ``result.response`` is the verdict, state or
    status. The whole content is an extension of the result.
    """
    subject, content = record["subject"], record["content"]
    verdict = content.get("verdict")
    result: dict[str, Any] = {"extensions": {f"{BASE}/extensions/content": content}}
    response = verdict or content.get("state") or content.get("status") or content.get("by") or content.get("outcome")
    if response:
        result["response"] = response
    if verdict in _SUCCESS:
        result["success"] = _SUCCESS[verdict]
    context: dict[str, Any] = {
        "platform": "aimsight",
        "extensions": {
            f"{BASE}/extensions/{name}": record[name]
            for name in ("kind", "organisation", "model", "clauses", "ledger", "recorded_at")
            if name in record
        },
    }
    return {
        "id": record["id"].removeprefix("urn:uuid:"),
        "actor": {
            "objectType": "Agent",
            "name": record["actor"]["id"],
            "account": {"homePage": f"{BASE}/{record['actor']['type']}", "name": record["actor"]["id"]},
        },
        "verb": {
            "id": f"{BASE}/verbs/{record['event']}",
            "display": {"en": record["event"].partition(".")[2].replace("_", " ")},
        },
        "object": {
            "objectType": "Activity",
            "id": f"{BASE}/objects/{subject['type']}/{quote(subject['id'])}",
            "definition": {
                "type": f"{BASE}/types/{subject['type']}",
                "name": {"en": subject["id"]},
                "description": {"en": record["summary"]},
            },
        },
        "result": result,
        "context": context,
        "timestamp": record["occurred_at"],
        "version": VERSION,
    }
