"""The audit chain of real admin actions, as the running system keeps and exports it, after everything that can be done to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli import stack as stacks
from cli.audit import verifier_of
from lambdas.adapters.audit_chain import AuditChains, TamperedError, event_key
from lambdas.domain.audit.chain import Broken, first_break
from lambdas.domain.audit.checkpoint import SignedCheckpoint, chain_problem, checkpoint_problem, make_checkpoint
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.audit.verify import Verified, verify_bundle
from lambdas.domain.control.unit import HEAD
from lambdas.domain.timestamps import iso
from tests.local.conftest import Stack
from tests.local.test_evidence import NOW, TENANT, Platform
from tests.unit.lambdas.audit import test_bundle as bundles
from tests.unit.lambdas.audit.factory import Key, rechained

pytestmark = pytest.mark.local
PAUSES = 12


@dataclass
class Real:
    """Events of admin actions in tables of the test's own, their checkpoint signed by KMS, and the bundle that was exported of them."""

    platform: Platform
    events: tuple[AuditEvent, ...]
    signed: SignedCheckpoint
    bundle: bundles.Files

    @property
    def chains(self) -> AuditChains:
        return AuditChains(self.platform.stack.client, self.platform.tables["catalog"], self.platform.tables["audit"])

    def put(self, events: Sequence[AuditEvent], *, gone: int = 0) -> None:
        """Write events over those in the table, take the last `gone` away, and let the head name the last one left."""
        audit = self.platform.stack.dynamodb.Table(self.platform.tables["audit"])
        for number, event in enumerate(events, start=1):
            row = audit.get_item(Key={"pk": TENANT, "sk": event_key(number)}).get("Item", {})
            audit.put_item(Item=row | {"pk": TENANT, "sk": event_key(number), "event": event.model_dump_json()})
        for number in range(len(events) - gone + 1, len(events) + 1):
            audit.delete_item(Key={"pk": TENANT, "sk": event_key(number)})
        last = events[len(events) - gone - 1]
        catalog = self.platform.stack.dynamodb.Table(self.platform.tables["catalog"])
        catalog.put_item(Item={"pk": TENANT, "sk": HEAD, "seq": len(events) - gone, "hash": last.hash})


@pytest.fixture(scope="module")
def real(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    platform = Platform(stack)
    out: Path = tmp_path_factory.mktemp("bundle") / "bundle.zip"
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stacks, "outputs", lambda _settings, _name: platform.outputs)
            platform.pauses(2, NOW - timedelta(days=40))
            platform.pauses(PAUSES, NOW - timedelta(hours=1))
            done = platform.export(out)
            assert done.exit_code == 0, done.output
        events = AuditChains(stack.client, platform.tables["catalog"], platform.tables["audit"]).read(TENANT)
        signed = make_checkpoint(events, at=iso(NOW), previous=None, sign=platform.key.sign, key_id=platform.key.arn)
        assert signed is not None
        yield Real(platform, events, signed, bundles.unpacked(out.read_bytes()))
    finally:
        platform.drop()


@pytest.fixture
def table(real: Real) -> Iterator[Real]:
    """The tables, which are as they were when the test ends."""
    yield real
    real.put(real.events)
    assert real.chains.read(TENANT) == real.events


def edited(events: Sequence[AuditEvent], number: int = 4, **fields: Any) -> list[AuditEvent]:
    changed = [*events]
    changed[number] = changed[number].model_copy(update=fields or {"reason": "it was somebody else"})
    return changed


def test_the_real_chain_is_whole_and_its_checkpoint_holds(real: Real) -> None:
    assert len(real.events) == PAUSES + 2
    assert first_break(real.events, tenant_id=TENANT) is None
    assert chain_problem(real.events, real.signed.checkpoint) is None
    assert checkpoint_problem(real.signed, verifier_of(real.platform.key.public_key())) is None
    assert isinstance(verify_bundle(bundles.packed(real.bundle), verifier_of), Verified)


# As events


@pytest.mark.parametrize("field", ["reason", "at", "action", "event_id", "object_id", "details", "approvers"])
def test_an_edited_event_is_named(real: Real, field: str) -> None:
    values = {"details": {}, "approvers": ("eve",), "at": "2026-01-01T00:00:00.000Z", "action": "kpi.publish"}
    found = first_break(edited(real.events, **{field: values.get(field, "another")}), tenant_id=TENANT)
    assert found is not None
    assert (found.where, "changed after it was written" in found.problem) == ("event 5", True)


@pytest.mark.parametrize("number", range(1, PAUSES + 2))
def test_a_dropped_event_is_named(real: Real, number: int) -> None:
    left = [event for event in real.events if event.seq != number]
    assert f"event {number} is missing" in str(first_break(left, tenant_id=TENANT))


def test_events_in_another_order_are_named(real: Real) -> None:
    order = [*real.events[:3], real.events[4], real.events[3], *real.events[5:]]
    assert "missing or out of order" in str(first_break(order, tenant_id=TENANT))
    assert first_break(list(reversed(real.events)), tenant_id=TENANT) is not None


def test_a_cut_chain_is_not_what_was_signed(real: Real) -> None:
    for left in range(1, len(real.events)):
        assert "cut short" in str(chain_problem(real.events[:left], real.signed.checkpoint))


def test_a_chain_hashed_again_is_not_what_was_signed(real: Real) -> None:
    again = rechained(edited(real.events), TENANT)
    assert first_break(again, tenant_id=TENANT) is None, "it is a chain; only what was signed tells"
    assert "not those the checkpoint" in str(chain_problem(again, real.signed.checkpoint))
    with pytest.raises(ValueError, match="does not continue"):
        make_checkpoint(again, at=iso(NOW), previous=real.signed.checkpoint, sign=real.platform.key.sign, key_id="key")


def test_a_forged_checkpoint_has_no_signature_of_the_key(real: Real) -> None:
    verify = verifier_of(real.platform.key.public_key())
    again = rechained(edited(real.events), TENANT)
    own = Key()
    foreign = make_checkpoint(again, at=iso(NOW), previous=None, sign=own.sign, key_id=real.platform.key.arn)
    assert foreign is not None
    forged = (
        foreign,
        real.signed.model_copy(update={"checkpoint": foreign.checkpoint}),
        real.signed.model_copy(update={"checkpoint": real.signed.checkpoint.model_copy(update={"size": PAUSES})}),
        real.signed.model_copy(update={"signature": foreign.signature}),
    )
    for each in forged:
        assert "signature" in str(checkpoint_problem(each, verify))


# In the tables, by somebody who can write them


def swapped(events: Sequence[AuditEvent]) -> list[AuditEvent]:
    return [*events[:3], events[4], events[3], *events[5:]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edited, "broken at event 5"),
        (swapped, "broken at event 5"),
        (lambda events: [*events[:4], *events[5:]], "broken at event 6"),
    ],
    ids=["edited", "reordered", "dropped"],
)
def test_a_table_that_was_changed_is_not_read_as_a_chain(table: Real, change: Callable[[Any], list[AuditEvent]], words: str) -> None:
    table.put(change(table.events))
    with pytest.raises(TamperedError, match=words):
        table.chains.read(TENANT)


def test_a_table_that_lost_its_end_does_not_pass_its_checkpoint(table: Real) -> None:
    table.put(table.events, gone=3)
    assert "cut short" in str(chain_problem(table.chains.read(TENANT), table.signed.checkpoint))


def test_a_table_that_was_hashed_again_does_not_pass_its_checkpoint(table: Real) -> None:
    table.put(rechained(edited(table.events), TENANT))
    assert "not those the checkpoint" in str(chain_problem(table.chains.read(TENANT), table.signed.checkpoint))


# In the exported bundle, even by somebody who can sign


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (bundles.edit_event, "changed after it was written"),
        (bundles.drop_event, "is missing"),
        (bundles.drop_last, "events are missing"),
        (bundles.swap, "missing or out of order"),
        (bundles.rehash, "not under the root"),
        (bundles.forge_checkpoint, "signature"),
        (bundles.forge_earlier, "not under the root"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_a_bundle_that_was_changed_and_signed_again_is_named(real: Real, tamper: Callable[[bundles.Files], None], words: str) -> None:
    files = dict(real.bundle)
    tamper(files)
    found = verify_bundle(bundles.signed_again(files, real.platform.key), verifier_of)  # type: ignore[arg-type]
    assert isinstance(found, Broken)
    assert words in found.problem


def test_a_bundle_that_was_only_changed_is_named_by_its_file(real: Real) -> None:
    for name, content in real.bundle.items():
        if content and name not in ("manifest.json", "manifest.sig", "key.pem"):
            found = verify_bundle(bundles.packed({**real.bundle, name: content[:-1] + b"?"}), verifier_of)
            assert isinstance(found, Broken)
            assert found.where == name
