"""A chain that was edited, cut, reordered, extended or signed by somebody else is found out, and the first break is named."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.checkpoint import Checkpoint, chain_problem, checkpoint_problem, make_checkpoint
from lambdas.domain.audit.event import Actor, AuditEvent
from tests.unit.lambdas.audit.factory import Key, chain, facts, key, rechained


def signed(events: list[AuditEvent], previous: Checkpoint | None = None):
    found = make_checkpoint(events, at="2026-01-02T00:00:00.000Z", previous=previous, sign=key().sign, key_id="key")
    assert found is not None
    return found


def test_an_untouched_chain_has_no_break():
    assert first_break(chain(20), tenant_id="acme") is None
    assert first_break([], tenant_id="acme") is None


def test_a_slice_of_a_chain_has_no_break_when_it_starts_where_it_says():
    events = chain(20)
    assert first_break(events[5:9], tenant_id="acme", seq=6, previous=events[4].hash) is None


EDITS = {
    "at": "2027-01-01T00:00:00.000Z",
    "actor": Actor(subject="mallory", role="client-admin"),
    "action": "kpi.publish",
    "object_id": "CFO-EF-03",
    "reason": "another",
    "approvers": ("bob",),
    "details": {"number": 4},
    "event_id": "other",
    "after": "0" * 64,
    "trace_id": "t",
    "request_id": "r",
    "environment": None,
    "object_type": "pack",
    "before": "1" * 64,
}


@pytest.mark.parametrize("field", EDITS)
def test_an_edited_field_is_found_in_its_event(field: str):
    events = chain(6)
    events[2] = events[2].model_copy(update={field: EDITS[field]})
    found = first_break(events, tenant_id="acme")
    assert found is not None
    assert found.where == "event 3"
    assert "changed after it was written" in found.problem


def test_every_field_of_an_event_is_under_its_hash():
    assert set(EDITS) | {"tenant_id", "seq", "previous", "hash"} == set(AuditEvent.model_fields)


@given(st.integers(2, 12), st.data())
@settings(deadline=None)
def test_any_dropped_event_but_the_last_is_found(count: int, data: st.DataObject):
    events = chain(count)
    dropped = data.draw(st.integers(0, count - 2))
    del events[dropped]
    found = first_break(events, tenant_id="acme")
    assert found is not None
    assert f"event {dropped + 1} is missing" in found.problem


@given(st.integers(2, 12), st.data())
@settings(deadline=None)
def test_any_other_order_is_found(count: int, data: st.DataObject):
    events = chain(count)
    order = data.draw(st.permutations(events))
    assert (first_break(order, tenant_id="acme") is None) == (order == events)


def test_a_repeated_event_is_found():
    events = chain(3)
    found = first_break([*events, events[2]], tenant_id="acme")
    assert found is not None
    assert "again" in found.problem


def test_a_chain_of_another_tenant_is_found():
    found = first_break(chain(3, "skyway"), tenant_id="acme")
    assert found is not None
    assert "'skyway'" in found.problem


def test_the_first_event_cannot_be_taken_over_from_another_tenant():
    stolen = chain(1, "skyway")[0].model_dump() | {"tenant_id": "acme"}
    with pytest.raises(ValidationError, match="genesis"):
        AuditEvent.model_validate(stolen)


def test_a_chain_hashed_again_after_an_edit_is_whole_but_not_what_was_signed():
    events = chain(10)
    checkpoint = signed(events).checkpoint
    changed = [*events]
    changed[3] = changed[3].model_copy(update={"reason": "never happened"})
    again = rechained(changed)
    assert first_break(again, tenant_id="acme") is None
    assert "not those the checkpoint" in str(chain_problem(again, checkpoint))


def test_a_chain_cut_at_its_end_is_whole_but_shorter_than_what_was_signed():
    events = chain(10)
    checkpoint = signed(events).checkpoint
    assert first_break(events[:7], tenant_id="acme") is None
    assert "cut short" in str(chain_problem(events[:7], checkpoint))


def test_a_chain_that_grew_still_agrees_with_its_old_checkpoint():
    assert chain_problem(chain(15), signed(chain(10)).checkpoint) is None


def test_a_forged_checkpoint_is_refused():
    honest = signed(chain(5))
    forged = honest.model_copy(update={"checkpoint": honest.checkpoint.model_copy(update={"size": 4})})
    assert "signature" in str(checkpoint_problem(forged, key().verify))
    other = Key()
    foreign = make_checkpoint(chain(5), at="2026-01-02T00:00:00.000Z", previous=None, sign=other.sign, key_id="key")
    assert foreign is not None
    assert "signature" in str(checkpoint_problem(foreign, key().verify))
    assert "signature" in str(checkpoint_problem(honest.model_copy(update={"signature": "!"}), key().verify))


def test_checkpoints_follow_each_other():
    first = signed(chain(5))
    second = signed(chain(9), first.checkpoint)
    assert checkpoint_problem(second, key().verify, first.checkpoint) is None
    assert "does not follow" in str(checkpoint_problem(signed(chain(9)), key().verify, first.checkpoint))


def test_a_signer_refuses_a_chain_that_does_not_continue_its_checkpoint():
    first = signed(chain(5)).checkpoint
    changed = [facts(number, reason="rewritten") for number in range(1, 8)]
    with pytest.raises(ValueError, match="does not continue"):
        make_checkpoint(rechained(changed), at="x", previous=first, sign=key().sign, key_id="key")
    with pytest.raises(ValueError, match="does not continue"):
        make_checkpoint(chain(3), at="x", previous=first, sign=key().sign, key_id="key")


def test_nothing_new_is_not_signed_again():
    events = chain(5)
    first = signed(events).checkpoint
    assert make_checkpoint(events, at="x", previous=first, sign=key().sign, key_id="key") is None
    assert make_checkpoint([], at="x", previous=None, sign=key().sign, key_id="key") is None


def test_an_import_of_many_kpis_concerns_each_of_them() -> None:
    lines = [{"kpi_id": "CFO-EF-02", "version": "1.0.0"}, {"kpi_id": "CFO-LQ-07", "version": "1.0.0"}]
    event = facts(1, action="catalog.import", object_type="environment", object_id="prod", details={"kpis": lines})
    assert [event.concerns(kpi_id) for kpi_id in ("CFO-EF-02", "CFO-LQ-07", "CFO-EF-01")] == [True, True, False]


def test_a_request_named_like_a_kpi_does_not_concern_it() -> None:
    assert not facts(1, object_type="request", object_id="CFO-EF-02").concerns("CFO-EF-02")
    assert facts(1).concerns("CFO-EF-02")
