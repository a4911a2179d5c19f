"""Decides the state of every alarm the provider made, and does what CloudWatch does when a state changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from alerts.simulator import Judgement, MuteWindow, State, UnsupportedError, judge, judge_composite
from alerts.simulator.composite import alarm_name, named_alarms
from local.agent import alarm_messages
from local.agent.alarm_holds import Surroundings, held_by, wait_of
from local.agent.alarm_messages import Change
from local.agent.alarm_values import AlarmValues, rule_of
from local.agent.clients import Clients
from local.agent.mute_rules import MuteRules
from local.agent.status import StatusFile
from local.agent.store import AlarmRow, Delivery, Held, Store
from local.provider.local_alarms import LocalAlarm, local_alarms

log = logging.getLogger("kpi.agent.alarms")
_SNS = ":sns:"
_EVENT = "event"
_MACHINE_REASONS = ("Threshold Crossed:", "Insufficient Data:", "The alarm rule ", "Unchecked:", "arn:aws:cloudwatch:")
"""How the reasons of the agent and of the emulator's own evaluator begin; any other was given by a person."""
_GONE = ("NotFound", "NotFoundException", "ResourceNotFound", "ResourceNotFoundException")


class AlarmEvaluator:
    """Evaluates all alarms at each step; composites after the alarms they name."""

    def __init__(self, clients: Clients, store: Store, status: StatusFile) -> None:
        self._clients = clients
        self._store = store
        self._status = status
        self._values = AlarmValues(clients, store)
        self._mute_rules = MuteRules(clients)
        self._muted: tuple[MuteWindow, ...] = ()
        self._states: dict[str, State] = {}
        self._unsupported: dict[str, str] = {}

    def step(self) -> None:
        """Evaluate once and send what must be sent."""
        now = time.time()
        alarms = list(local_alarms(self._clients("cloudwatch"), self._clients("ssm")))
        known = self._store.alarms()
        states = self._states = {alarm.name: _state_of(known, alarm.name) for alarm in alarms}
        self._muted = self._mute_rules.open_windows(now)
        self._unsupported = {}
        for alarm in in_order(alarms):
            judgement = self._judge(alarm, states, now)
            if judgement is None:
                continue
            states[alarm.name] = judgement.state
            self._settle(alarm, known.get(alarm.name), judgement, now)
        self._store.keep_alarms(states)
        self._release(alarms, now)
        self._deliver()
        self._status.add(alarms_evaluated=len(alarms) - len(self._unsupported))
        in_alarm = tuple(sorted(name for name, state in states.items() if state is State.ALARM))
        self._status.set(alarms_in_alarm=in_alarm, unsupported_alarms=self._unsupported)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _judge(self, alarm: LocalAlarm, states: Mapping[str, State], now: float) -> Judgement | None:
        """The alarm's state now, or None where the simulator cannot say."""
        try:
            if alarm.composite:
                return judge_composite(alarm.definition["AlarmRule"], states)
            seen = self._values.of(alarm.definition, now)
            if not seen.significant:
                return Judgement(states[alarm.name], "Insufficient Data: too few samples for a percentile. The state is kept.", seen.values)
            return judge(rule_of(alarm.definition), seen.values, states[alarm.name], seen.bands)
        except UnsupportedError as error:
            self._unsupported[alarm.name] = str(error)
            return None

    def _settle(self, alarm: LocalAlarm, before: AlarmRow | None, judgement: Judgement, now: float) -> None:
        """Record a change with the messages it causes, or put back the state the emulator's own evaluator may have overwritten."""
        if before is not None and alarm.state != before.state:
            before = self._set_by_hand(alarm, before, now) or before
        data = "" if alarm.composite else alarm_messages.reason_data(alarm.definition, judgement.values, now)
        changed = before is None or before.state != judgement.state
        if changed:
            self._transition(alarm, before, AlarmRow(alarm.name, judgement.state, judgement.reason, data, now))
        if changed or alarm.state != judgement.state:
            self._set_state(alarm.name, judgement, data)

    def _set_by_hand(self, alarm: LocalAlarm, before: AlarmRow, now: float) -> AlarmRow | None:
        """Somebody tests an alarm with SetAlarmState: act on it as CloudWatch does; the evaluation then puts it back."""
        kind = "CompositeAlarm" if alarm.composite else "MetricAlarm"
        found = self._clients("cloudwatch").describe_alarms(AlarmNames=[alarm.name], AlarmTypes=[kind])[f"{kind}s"]
        reason = found[0].get("StateReason", "") if found else ""
        if not reason or reason.startswith(_MACHINE_REASONS):
            return None
        row = AlarmRow(alarm.name, found[0]["StateValue"], reason, found[0].get("StateReasonData", ""), now)
        self._transition(alarm, before, row)
        return row

    def _transition(self, alarm: LocalAlarm, before: AlarmRow | None, row: AlarmRow) -> None:
        old = before.state if before else State.INSUFFICIENT_DATA.value
        # A new alarm that has nothing to say yet was in this state already.
        messages = list(self._messages(self._change(alarm, before, row))) if old != row.state else []
        self._record(alarm, row, messages)
        if old != row.state:
            self._status.add(alarm_transitions=1)
            log.info("alarm %s: %s -> %s: %s", alarm.name, old, row.state, row.reason)

    def _record(self, alarm: LocalAlarm, row: AlarmRow, messages: list[Delivery]) -> None:
        """Write a change down with what must go out now, and what once nothing holds it back. Events are no actions."""
        before = self._store.held().get(alarm.name)
        waits = row.changed_at + wait_of(alarm.definition) if row.state == State.ALARM else 0.0
        until = before.until if before and before.until > row.changed_at else waits
        by = held_by(alarm.definition, self._around(), until, row.changed_at)
        if by is None:
            self._store.record_transition(row, messages)
            return
        actions = tuple(message for message in messages if message[0] != _EVENT)
        held = Held(by, until, actions)
        self._store.record_transition(row, [message for message in messages if message[0] == _EVENT], held)
        if actions:
            log.info("alarm %s: its actions are held back by %s", alarm.name, by)

    def _release(self, alarms: list[LocalAlarm], now: float) -> None:
        """Do what was held back, where nothing holds it any more: the alarm is still in the state it was about."""
        waiting, around = self._store.held(), self._around()
        for alarm in alarms:
            held = waiting.get(alarm.name)
            if held and held_by(alarm.definition, around, held.until, now) is None:
                self._store.release(alarm.name)
                log.info("alarm %s: nothing holds back its actions any more; it was %s", alarm.name, held.by)

    def _around(self) -> Surroundings:
        return Surroundings(self._muted, self._states, self._store.left_alarm())

    def _set_state(self, name: str, judgement: Judgement, data: str) -> None:
        extra = {"StateReasonData": data} if data else {}
        self._clients("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue=judgement.state.value, StateReason=judgement.reason[:1023], **extra
        )

    def _change(self, alarm: LocalAlarm, before: AlarmRow | None, row: AlarmRow) -> Change:
        return Change(
            definition=alarm.definition,
            arn=alarm.arn,
            account_id=self._clients.account_id,
            region=self._clients.region,
            old_state=before.state if before else State.INSUFFICIENT_DATA,
            old_reason=before.reason if before else "Unchecked: Initial alarm creation",
            old_reason_data=before.reason_data if before else "",
            old_changed_at=before.changed_at if before else row.changed_at,
            new_state=row.state,
            reason=row.reason,
            reason_data=row.reason_data,
            changed_at=row.changed_at,
        )

    def _messages(self, change: Change) -> Iterator[Delivery]:
        yield _EVENT, alarm_messages.event(change)
        for action in alarm_messages.actions(change):
            if _SNS in action:
                message = {"TopicArn": action, "Subject": alarm_messages.subject(change), "Message": alarm_messages.notification(change)}
                yield "sns", message

    def _deliver(self) -> None:
        """Send what is due, oldest first; what was sent just before a crash may go out twice, as SNS may do too."""
        for number, kind, payload in self._store.deliveries():
            try:
                self._send(kind, payload)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in _GONE:
                    raise
                self._status.error(f"alarms: {payload.get('TopicArn', 'the default event bus')} does not exist; the message was dropped")
            self._store.delivered(number)

    def _send(self, kind: str, payload: dict[str, Any]) -> None:
        if kind == "sns":
            self._clients("sns").publish(**payload)
            return
        answer = self._clients("events").put_events(Entries=[payload])
        refused = [entry for entry in answer["Entries"] if "ErrorCode" in entry]
        if refused:
            self._status.error(f"alarms: the event bus refused a state change: {refused[0]['ErrorCode']}: {refused[0]['ErrorMessage']}")


def in_order(alarms: list[LocalAlarm]) -> list[LocalAlarm]:
    """Metric alarms first, then each composite after the composites it names."""
    ordered = [alarm for alarm in alarms if not alarm.composite]
    waiting = sorted((alarm for alarm in alarms if alarm.composite), key=lambda alarm: alarm.name)
    while waiting:
        names = {alarm.name for alarm in waiting}
        ready = [alarm for alarm in waiting if not names & _needed(alarm)]
        # CloudWatch refuses circles; should one exist, evaluate it in the order of names.
        ready = ready or waiting
        ordered += ready
        done = {alarm.name for alarm in ready}
        waiting = [alarm for alarm in waiting if alarm.name not in done]
    return ordered


def _needed(alarm: LocalAlarm) -> set[str]:
    """The alarms a composite is evaluated after: those of its rule, and its suppressor."""
    try:
        named = set(named_alarms(alarm.definition["AlarmRule"]))
    except UnsupportedError:
        # Its evaluation says so.
        return set()
    suppressor = alarm.definition.get("ActionsSuppressor")
    return (named | {alarm_name(suppressor)} if suppressor else named) - {alarm.name}


def _state_of(known: Mapping[str, AlarmRow], name: str) -> State:
    return State(known[name].state) if name in known else State.INSUFFICIENT_DATA
