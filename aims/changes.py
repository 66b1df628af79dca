"""Changes of objectives (6.3): an edited file is a proposal, with its consequences, until a second person approves it.

A project says what an edit does. ``approve``: runs keep judging by the version in force until somebody other than the
proposer approves the change. ``record``: the new version holds from the next run on, which puts the change on record
as a draft that nobody has approved yet. Either way old verdicts keep the target that was in force then.

A new objective judges the windows that are run from its approval on. Those run before are judged from the day on that
its change states; where nothing of a model was judged before, that is the day of the first window.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Literal

from aimsight.aims import consequences as replayed
from aimsight.aims import objectives
from aimsight.aims.consequences import Consequences
from aimsight.aims.objective_lint import lint
from aimsight.aims.objective_texts import config_of, declaration_of, differences
from aimsight.aims.registers import service
from aimsight.aims.registers.fields import day_of
from aimsight.aims.registers.service import RegisterError
from aimsight.configs.errors import NotFoundError, StoreVersionError
from aimsight.configs.hashes import objective_hash
from aimsight.store.records import ObjectiveVersion, latest_objective, save_objective_version
from aimsight.store.registers import RecordVersion, latest_versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aimsight.aims.people import Actor
    from aimsight.configs.schema import ModelConfig, ObjectiveConfig
    from aimsight.store.database import Reader, Store, Transaction

Policy = Literal["record", "approve"]
Kind = Literal["new", "changed", "withdrawn"]

TYPE = "change"
CONFIGURATION = "configuration"
"""The origin of changes that a run put on record by itself."""
NOT_STATED = "Not stated: the file was changed, and this project puts changes on record without asking."

EVER = date(2, 1, 1)
"""A day before every window, in every time zone."""

_NUMBERS = frozenset({"target", "tolerance", "zero_tolerance", "min_rows", "opens"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """A difference between an objective as declared and the version in force.

    Parameters
    ----------
    before
        The version in force; ``None`` for a new objective.
    after
        The objective as declared; ``None`` when it was taken out of the file.
    key
        Names exactly this difference; a proposal on record carries it.
    config
        The model as declared.
    record
        The change on record for it, if somebody has proposed it.
    since
        For a new objective: the day from which it judges windows that were run before; ``None``: none of them.
    """

    model: str
    objective: str
    before: ObjectiveVersion | None
    after: ObjectiveConfig | None
    differences: tuple[tuple[str, str, str], ...]
    key: str
    config: ModelConfig = field(repr=False, compare=False)
    record: RecordVersion | None = None
    since: date | None = None

    @property
    def kind(self) -> Kind:
        """Whether the objective is new, changed or withdrawn."""
        return "new" if self.before is None else "withdrawn" if self.after is None else "changed"

    @property
    def subject(self) -> str:
        """``threshold`` when what is demanded or when it counts as missed changes, else ``objective``."""
        return "threshold" if self.before and any(key in _NUMBERS for key, _, _ in self.differences) else "objective"

    @property
    def title(self) -> str:
        """What the change is, in a few words."""
        name = f"{self.model}/{self.objective}"
        if self.kind != "changed":
            return f"{name}: objective {self.kind}"
        return f"{name}: {', '.join(key for key, _, _ in self.differences)} changed"


def in_force_now(reader: Reader, model: str) -> dict[str, ObjectiveVersion]:
    """By id: the latest version of every objective of a model that was not withdrawn."""
    rows = reader.rows(
        "SELECT * FROM objective_version WHERE model = ? "
        "QUALIFY version = max(version) OVER (PARTITION BY objective) ORDER BY objective",
        [model],
    )
    found = [ObjectiveVersion.from_row(row) for row in rows]
    gone = _withdrawn(reader)
    return {one.objective: one for one in found if _withdrawal(one) not in gone}


def proposals(reader: Reader, model: ModelConfig) -> list[Proposal]:
    """Everything in which the objectives as declared differ from those in force, in the order of the file."""
    known = in_force_now(reader, model.model)
    on_record = {
        record.fields["proposal"]: record
        for record in latest_versions(reader, [TYPE])
        if record.status in {"draft", "in review"} and "proposal" in record.fields
    }
    found: list[Proposal] = []
    since: date | None = None
    for declared in model.objectives:
        before = known.pop(declared.id, None)
        content = objective_hash(declared)
        if before is not None and before.content_hash == content:
            continue
        key = f"{model.model}/{declared.id}:{before.version if before else 0}:{content}"
        old = config_of(reader, before) if before else None
        changed = tuple(differences(old, declared))
        record = on_record.get(key)
        if before is None and not any(one.kind == "new" for one in found):
            since = _first_unjudged(reader, model)
        stated = since if record is None else record.effective_from
        day = None if before else stated
        found.append(Proposal(model.model, declared.id, before, declared, changed, key, model, record, day))
    for before in known.values():
        changed = tuple(differences(config_of(reader, before), None))
        key = _withdrawal(before)
        found.append(Proposal(model.model, before.objective, before, None, changed, key, model, on_record.get(key)))
    return found


def consequences(reader: Reader, proposal: Proposal) -> Consequences:
    """Which past verdicts would have been others, or (of a new objective) are given for the first time.

    Both are judged from the stored measurements.
    """
    if proposal.after is None:
        return Consequences(0, ())
    before = proposal.before
    if before is not None:
        after = objectives.version_of(proposal.model, proposal.after, before.version + 1, "", before.effective_from)
        return replayed.replay(reader, before, after)
    every = _not_judged(reader, proposal.config, {proposal.objective: EVER})
    start = datetime.max.replace(tzinfo=UTC) if proposal.since is None else _midnight(proposal.since, proposal.config)
    judged = sorted(window for window in every if window[0] >= start)
    first = objectives.version_of(proposal.model, proposal.after, 1, "", start)
    return replayed.first_verdicts(reader, first, judged, len(every) - len(judged))


def unjudged(reader: Reader, model: ModelConfig) -> set[tuple[datetime, datetime]]:
    """The windows that were run before an objective in force was approved, and are still to be judged by it.

    Parameters
    ----------
    model
        The model with the objectives in force (``governed``).
    """
    since: dict[str, date] = {}
    for record in latest_versions(reader, [TYPE]):
        subject, _, rest = str(record.fields.get("proposal", "")).partition(":")
        name, _, objective = subject.partition("/")
        if (record.status, name) == ("approved", model.model) and rest.startswith("0:") and record.effective_from:
            since[objective] = record.effective_from
    known = {one.id for one in model.objectives}
    return _not_judged(reader, model, {one: day for one, day in since.items() if one in known})


def _not_judged(reader: Reader, model: ModelConfig, since: Mapping[str, date]) -> set[tuple[datetime, datetime]]:
    """The windows with a result, from a day for each objective on, that one of these objectives has not judged."""
    if not since:
        return set()
    found = reader.tuples(
        "SELECT DISTINCT window_start, window_end FROM run AS r "
        "JOIN (SELECT unnest(?::VARCHAR[]) AS objective, unnest(?::TIMESTAMPTZ[]) AS since) AS o "
        "ON r.window_start >= o.since "
        "WHERE r.model = ? AND r.monitor = ? AND r.outcome = 'success' AND NOT EXISTS ("
        "SELECT 1 FROM evaluation AS e WHERE e.model = r.model AND e.objective = o.objective "
        "AND e.window_start = r.window_start AND e.window_end = r.window_end)",
        [list(since), [_midnight(day, model) for day in since.values()], model.model, model.monitor.name],
    )
    return {(start, end) for start, end in found}


def _first_unjudged(reader: Reader, model: ModelConfig) -> date | None:
    """The day of the first window that was run, where no window of the model was ever judged."""
    if reader.tuples("SELECT 1 FROM evaluation WHERE model = ? LIMIT 1", [model.model]):
        return None
    ((first,),) = reader.tuples(
        "SELECT min(window_start) FROM run WHERE model = ? AND monitor = ? AND outcome = 'success'",
        [model.model, model.monitor.name],
    )
    return None if first is None else first.astimezone(model.log.zone).date()


def _midnight(day: date, model: ModelConfig) -> datetime:
    return datetime.combine(day, time(), model.log.zone)


def governed(reader: Reader, model: ModelConfig, policy: Policy) -> ModelConfig:
    """The model with the objectives that runs judge by: those in force where changes are approved, else as declared."""
    if policy == "record":
        return model
    known = in_force_now(reader, model.model)
    return model.model_copy(update={"objectives": tuple(config_of(reader, one) for one in known.values())})


def governed_by(store: Store, model: ModelConfig, policy: Policy) -> ModelConfig:
    """The same, asked of a store that may not exist yet, or may have to be upgraded first."""
    if policy == "record":
        return model
    if not store.path.exists():
        return model.model_copy(update={"objectives": ()})
    try:
        with store.read() as reader:
            return governed(reader, model, policy)
    except (NotFoundError, StoreVersionError):
        with store.write() as tx:
            return governed(tx, model, policy)


def shown(store: Store, model: ModelConfig, policy: Policy) -> ModelConfig:
    """The model with every objective that people should see.

    That is those in force, also when they were taken out of the file, and those declared that are not in force yet.
    """
    if policy == "record" or not store.path.exists():
        return model
    with store.read() as reader:
        judged = governed(reader, model, policy)
    known = {objective.id for objective in judged.objectives}
    new = tuple(objective for objective in model.objectives if objective.id not in known)
    return judged.model_copy(update={"objectives": judged.objectives + new})


def is_registered(reader: Reader, model: ModelConfig, policy: Policy) -> bool:
    """Whether the store knows the (governed) model and nothing is left to be put on record."""
    if policy == "approve":
        return objectives.is_registered(reader, model)
    return objectives.is_registered(reader, model) and not proposals(reader, model)


def register(tx: Transaction, model: ModelConfig, actor: str, now: datetime, policy: Policy) -> bool:
    """Record the (governed) model; where changes need no approval, also its objectives and what changed in them.

    Returns
    -------
    bool
        Whether anything was new.
    """
    found = proposals(tx, model) if policy == "record" else []
    drafts = [(proposal, consequences(tx, proposal)) for proposal in found if _to_record(proposal)]
    back = [(one, one.after) for one in found if one.after and _returns(tx, one, one.after)]
    for proposal, after in back:
        _bring_into_force(tx, proposal, after, actor, {})
    changed = objectives.register(tx, model, actor, now) or bool(back)
    for proposal, effects in drafts:
        stated = {
            "owner": proposal.before.owner if proposal.before else model.owner,
            "purpose": NOT_STATED,
            "consequences": effects.sentence,
        }
        given = _content(proposal, effects, stated, trigger=CONFIGURATION)
        service.create(tx, TYPE, given, service.SYSTEM, origin=CONFIGURATION, reason="the file was changed")
    return changed or bool(drafts)


def propose(tx: Transaction, proposal: Proposal, stated: Mapping[str, Any], actor: Actor) -> RecordVersion:
    """Put a proposal on record, with what the person states about it.

    Parameters
    ----------
    stated
        Fields of the record: ``owner`` (by default the objective's), ``purpose``, ``consequences``, ``integrity``,
        ``reassessment`` ... ; to the consequences is added what follows for windows of the past. ``effective_from`` of
        a new objective is the day from which it judges windows that were run before.

    Raises
    ------
    RegisterError
        When it is on record already, or the objective is not measurable: every reason is named.
    """
    if proposal.record is not None:
        raise RegisterError(f"{proposal.title}: proposed already as {proposal.record.record}")
    now = tx.clock.now()
    _refuse_unmeasurable(proposal, now)
    day = stated.get("effective_from")
    if day is not None:
        proposal = replace(proposal, since=day_of(day))
        _refuse_day(proposal, now)
    effects = consequences(tx, proposal)
    stated_too = str(stated.get("consequences") or "").strip()
    stop = "" if not stated_too or stated_too.endswith((".", "!", "?")) else "."
    told = f"{stated_too}{stop} {effects.sentence}".strip()
    since = proposal.since.isoformat() if proposal.since else None
    owner = proposal.after.owner if proposal.after else actor.id
    stated = {"owner": owner, **stated, "consequences": told, "effective_from": since}
    given = _content(proposal, effects, stated, trigger=stated.get("trigger", "other"))
    return service.create(tx, TYPE, given, actor)


def approve(
    tx: Transaction,
    models: Mapping[str, ModelConfig],
    record: str,
    actor: Actor,
    *,
    expected: int | None,
    reason: str = "",
) -> RecordVersion:
    """Approve a change; one of an objective comes into force with it.

    Parameters
    ----------
    models
        The project's models as declared now: what was proposed must still be what the file says.

    Raises
    ------
    RegisterError
        When the file was changed since the proposal, the objective is not measurable, or a field is missing.
    AuthorityError
        When the actor may not approve, or proposed it.
    """
    key = service.latest(tx, TYPE, record, expected).fields.get("proposal")
    name = str(key).partition("/")[0]
    found = proposals(tx, models[name]) if name in models else []  # before an approval makes a withdrawal hold
    approved = service.approve(tx, TYPE, record, actor, expected=expected, reason=reason)
    if key is None or record in _automatic(tx) or _holds(tx, key):
        return approved
    proposal = next((one for one in found if one.key == key), None)
    if proposal is None:
        raise RegisterError(
            f"{record} cannot be approved: the objective was changed since it was proposed, in the file or in force; "
            "reject it and propose anew (`aimsight check` shows the present difference)"
        )
    _refuse_unmeasurable(proposal, tx.clock.now())
    if approved.effective_from is not None:
        _refuse_day(replace(proposal, since=approved.effective_from), tx.clock.now())
    if proposal.after is not None:
        _bring_into_force(tx, proposal, proposal.after, actor.id, {"change": f"{TYPE}:{record}"})
    return approved


def pending(reader: Reader) -> list[RecordVersion]:
    """The changes on record that wait for an approval, in the order of their numbers."""
    return service.list_records(reader, [TYPE], statuses=["draft", "in review"])


def reject(tx: Transaction, record: str, actor: Actor, *, expected: int | None, reason: str) -> RecordVersion:
    """Refuse a proposed change, with a reason; the version in force stays."""
    change = service.latest(tx, TYPE, record, expected)
    if change.status == "approved":
        raise RegisterError(f"{record} is approved; propose the opposite change")
    key = change.fields.get("proposal")
    if record in _automatic(tx) or (key and _holds(tx, key)):
        raise RegisterError(f"{record} holds already; to undo it edit the file back, which is a change of its own")
    return service.withdraw(tx, TYPE, record, actor, expected=expected, reason=reason)


def _bring_into_force(
    tx: Transaction, proposal: Proposal, after: ObjectiveConfig, actor: str, details: Mapping[str, Any]
) -> None:
    number = objectives.next_version(tx, proposal.model, proposal.objective)
    version = objectives.version_of(proposal.model, after, number, objective_hash(after), tx.clock.now())
    save_objective_version(tx, version, actor=actor, declaration=declaration_of(after), details=details)


def _returns(reader: Reader, proposal: Proposal, after: ObjectiveConfig) -> bool:
    """Whether an objective that was withdrawn stands in the file again just as it was."""
    last = latest_objective(reader, proposal.model, proposal.objective) if proposal.before is None else None
    return last is not None and last.content_hash == objective_hash(after)


def _to_record(proposal: Proposal) -> bool:
    """Whether a run puts it on record: a change or withdrawal that nobody has proposed."""
    return proposal.kind != "new" and proposal.record is None


def _holds(reader: Reader, key: str) -> bool:
    """Whether the version in force is what was proposed."""
    subject, _, content = key.partition(":")
    model, _, objective = subject.partition("/")
    known = in_force_now(reader, model).get(objective)
    return known is not None and known.content_hash == content.rpartition(":")[2]


def _refuse_day(proposal: Proposal, now: datetime) -> None:
    """Refuse a day from which a change is to hold, where that is not the day of its approval."""
    today = now.astimezone(proposal.config.log.zone).date()
    if proposal.since is None or proposal.since == now.date():
        return
    if proposal.before is not None:
        raise RegisterError(
            f"{proposal.title}: a changed objective holds from its approval on, and old verdicts keep their target; "
            "leave effective_from (--since) out"
        )
    if proposal.since > today:
        raise RegisterError(
            f"{proposal.title}: {proposal.since} is still to come; an objective is in force from its approval on, so "
            "approve it then"
        )


def _refuse_unmeasurable(proposal: Proposal, now: datetime) -> None:
    if proposal.after is None:
        return
    blocking = lint(proposal.after, now.date()).blocking
    if blocking:
        raise RegisterError(f"{proposal.model}/{proposal.objective} cannot be approved: {'; '.join(blocking)}")


def _content(proposal: Proposal, effects: Consequences, stated: Mapping[str, Any], *, trigger: str) -> dict[str, Any]:
    link = {"objective": f"objective:{proposal.model}/{proposal.objective}"} if proposal.before else {}
    return {
        "title": proposal.title,
        "model": proposal.model,
        "subject": proposal.subject,
        "before": _lines((key, old) for key, old, _ in proposal.differences) or "no such objective",
        "after": _lines((key, new) for key, _, new in proposal.differences) or "withdrawn",
        "proposal": proposal.key,
        "differing_verdicts": len(effects.differing),
        "compared_verdicts": effects.compared,
        **link,
        **{key: value for key, value in stated.items() if value is not None},
        "trigger": trigger,
    }


def _lines(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{key}: {value}" for key, value in pairs if value)


def _withdrawal(version: ObjectiveVersion) -> str:
    return f"{version.model}/{version.objective}:{version.version}:withdrawn"


def _withdrawn(reader: Reader) -> set[str]:
    """The versions whose withdrawal was approved, or put on record where that needs no approval."""
    automatic = _automatic(reader)
    return {
        record.fields["proposal"]
        for record in latest_versions(reader, [TYPE])
        if (record.status == "approved" or (record.record in automatic and record.status != "withdrawn"))
        and str(record.fields.get("proposal", "")).endswith(":withdrawn")
    }


def _automatic(reader: Reader) -> set[str]:
    """The changes that a run put on record after the fact, whoever has completed them since."""
    sql = "SELECT DISTINCT record FROM record_version WHERE record_type = ? AND origin = ?"
    return {record for (record,) in reader.tuples(sql, [TYPE, CONFIGURATION])}
