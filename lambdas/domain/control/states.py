"""The lifecycle of one version in one environment, as one table (K20, K28, K31). What is not in the table cannot happen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lambdas.domain.access import Role
from lambdas.domain.errors import ErrorCode, KpiError


class VersionStatus(StrEnum):
    """The `status` of a definition row. A definition's own `status` field says nothing here: its row's does."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    ACTIVE = "active"
    DEPRECATED = "deprecated"
    RETIRED = "retired"


class Action(StrEnum):
    """What can be asked for, or happens by itself, to a version."""

    CREATE = "create"
    EDIT = "edit"
    SUBMIT = "submit"
    PROMOTE = "promote"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    REOPEN = "reopen"
    CANARY = "canary"
    CANARY_FAIL = "canary_fail"
    PUBLISH = "publish"
    SUPERSEDE = "supersede"
    UNPUBLISH = "unpublish"
    ROLLBACK = "rollback"
    RESTORE = "restore"
    DEPRECATE = "deprecate"
    RETIRE = "retire"


class Guard(StrEnum):
    """A guardrail; `guardrails.py` says what each demands."""

    SOUND = "sound"
    FIRST_ENVIRONMENT = "first_environment"
    GATES_PASSED = "gates_passed"
    BUMP_FITS = "bump_fits"
    NEVER_RAN = "never_ran"
    NO_CANARY = "no_canary"
    HAS_SLA = "has_sla"
    HAS_RULES = "has_rules"
    UPSTREAMS_ACTIVE = "upstreams_active"
    GATES = "gates"
    IN_WINDOW = "in_window"
    BASELINE = "baseline"
    NO_READERS = "no_readers"
    GRACE_OVER = "grace_over"
    LAST_HEALTHY = "last_healthy"


class Approval(StrEnum):
    """`opens`: asks for sign-off; `needs`: only with a request that was signed off for this action and this content."""

    NONE = "-"
    OPENS = "opens"
    NEEDS = "needs"


SYSTEM = "system"
"""The role of an actor that is no person: sweeps and evaluations."""
PACKS = "packs"
"""The role of the import of packs (docs/adr/0008): it writes drafts and asks for their publication, and signs nothing."""
ADMINS = frozenset({Role.PLATFORM_ADMIN.value, Role.CLIENT_ADMIN.value})
ANY = ADMINS | {SYSTEM}
AUTHORS = ADMINS | {PACKS}


@dataclass(frozen=True)
class Transition:
    """One line of the table. `origin` is None where the version does not exist yet in the environment."""

    origin: VersionStatus | None
    action: Action
    target: VersionStatus
    who: frozenset[str]
    approval: Approval = Approval.NONE
    guards: tuple[Guard, ...] = ()


_S, _A, _G = VersionStatus, Action, Guard
_TO_RUN = (_G.SOUND, _G.HAS_SLA, _G.HAS_RULES, _G.BUMP_FITS, _G.UPSTREAMS_ACTIVE)
_TO_EDIT = (_G.SOUND, _G.NEVER_RAN, _G.FIRST_ENVIRONMENT, _G.HAS_SLA, _G.HAS_RULES, _G.BUMP_FITS)

TABLE: tuple[Transition, ...] = (
    Transition(None, _A.CREATE, _S.DRAFT, AUTHORS, guards=(_G.SOUND, _G.FIRST_ENVIRONMENT)),
    Transition(None, _A.PROMOTE, _S.PROPOSED, ADMINS, Approval.OPENS, (_G.GATES, _G.SOUND, _G.HAS_SLA, _G.HAS_RULES, _G.BUMP_FITS)),
    Transition(_S.DRAFT, _A.PROMOTE, _S.PROPOSED, ADMINS, Approval.OPENS, (_G.GATES, _G.SOUND, _G.HAS_SLA, _G.HAS_RULES, _G.BUMP_FITS)),
    Transition(_S.DRAFT, _A.EDIT, _S.DRAFT, AUTHORS, guards=(_G.SOUND, _G.NEVER_RAN, _G.FIRST_ENVIRONMENT)),
    Transition(
        _S.DRAFT,
        _A.SUBMIT,
        _S.PROPOSED,
        AUTHORS,
        Approval.OPENS,
        (_G.GATES_PASSED, _G.SOUND, _G.HAS_SLA, _G.HAS_RULES, _G.BUMP_FITS),
    ),
    Transition(_S.PROPOSED, _A.EDIT, _S.PROPOSED, AUTHORS, guards=_TO_EDIT),
    Transition(_S.PROPOSED, _A.APPROVE, _S.APPROVED, ADMINS),
    Transition(_S.PROPOSED, _A.REJECT, _S.DRAFT, ADMINS),
    Transition(_S.PROPOSED, _A.WITHDRAW, _S.DRAFT, ADMINS),
    Transition(_S.PROPOSED, _A.EXPIRE, _S.DRAFT, ANY),
    Transition(
        _S.APPROVED,
        _A.EDIT,
        _S.PROPOSED,
        ADMINS,
        guards=(*_TO_EDIT, _G.NO_CANARY),
    ),
    Transition(_S.APPROVED, _A.WITHDRAW, _S.DRAFT, ADMINS, guards=(_G.NO_CANARY,)),
    Transition(_S.APPROVED, _A.EXPIRE, _S.DRAFT, ANY, guards=(_G.NO_CANARY,)),
    Transition(_S.APPROVED, _A.REOPEN, _S.PROPOSED, ANY, guards=(_G.NO_CANARY,)),
    Transition(_S.APPROVED, _A.CANARY, _S.APPROVED, ADMINS, Approval.NEEDS, (*_TO_RUN, _G.IN_WINDOW, _G.BASELINE, _G.NO_CANARY)),
    Transition(_S.APPROVED, _A.CANARY_FAIL, _S.DRAFT, ANY),
    Transition(_S.APPROVED, _A.PUBLISH, _S.ACTIVE, ANY, Approval.NEEDS, (*_TO_RUN, _G.IN_WINDOW, _G.NO_CANARY)),
    Transition(_S.ACTIVE, _A.SUPERSEDE, _S.DEPRECATED, ANY),
    Transition(_S.ACTIVE, _A.UNPUBLISH, _S.DRAFT, ANY, Approval.NEEDS, (_G.NO_READERS, _G.NO_CANARY, _G.IN_WINDOW)),
    Transition(_S.ACTIVE, _A.ROLLBACK, _S.DEPRECATED, ADMINS, guards=(_G.LAST_HEALTHY,)),
    Transition(_S.ACTIVE, _A.DEPRECATE, _S.DEPRECATED, AUTHORS, Approval.NEEDS, (_G.NO_CANARY,)),
    Transition(_S.DEPRECATED, _A.RESTORE, _S.ACTIVE, ADMINS, guards=(_G.LAST_HEALTHY,)),
    Transition(_S.DEPRECATED, _A.SUPERSEDE, _S.DEPRECATED, ANY),
    Transition(_S.DEPRECATED, _A.RETIRE, _S.RETIRED, ANY, Approval.NEEDS, (_G.GRACE_OVER, _G.NO_READERS, _G.IN_WINDOW)),
)

REQUESTABLE = frozenset(line.action for line in TABLE if line.approval is Approval.NEEDS) - {Action.CANARY} | {Action.PROMOTE}
"""Actions a change request can be about. A canary needs the sign-off of the publication it begins."""


def transition(origin: VersionStatus | None, action: Action, role: str) -> Transition:
    """The line of the table for an action.

    Raises:
        KpiError: CONFLICT when the action cannot happen in this state; POLICY_DENY when the role may not ask for it.
    """
    line = next((line for line in TABLE if line.origin == origin and line.action is action), None)
    if line is None:
        origins = sorted({str(each.origin or "new") for each in TABLE if each.action is action})
        raise KpiError(ErrorCode.CONFLICT, f"cannot {action} a version that is {origin or 'not there'}; it must be {' or '.join(origins)}")
    if role not in line.who:
        raise KpiError(ErrorCode.POLICY_DENY, f"role '{role}' may not {action}; {' or '.join(sorted(line.who))} may")
    return line


def printed() -> str:
    """The table as Markdown, for the documentation and its test."""
    rows = [
        "| from | action | to | who may ask | approval | guardrails |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for line in TABLE:
        cells = (
            str(line.origin or "-"),
            str(line.action),
            str(line.target),
            ", ".join(sorted(line.who)),
            str(line.approval),
            ", ".join(line.guards) or "-",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"
