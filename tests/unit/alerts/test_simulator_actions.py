"""Who is told: actions off, mute windows, suppressors. The scenarios are those of the CloudWatch user guide."""

from __future__ import annotations

from alerts.simulator import MuteWindow, State
from alerts.specs import MissingData, Suppressor
from tests.unit.alerts.simulated import HOUR, MINUTE, alarm, changes, composite, history, run, series, told

ERRORS = history(Errors={130: 1.0})  # in ALARM from 180 to 360


def mute(start: float, end: float, *alarms: str, name: str = "change") -> MuteWindow:
    return MuteWindow(name, frozenset(alarms or ("errors",)), start, end)


def test_topics_are_told_of_alarm_and_ok_but_not_of_insufficient_data():
    timeline = run([alarm(missing_data=MissingData.MISSING)], history(Errors={130: 1.0, 600: 0.0}), end=HOUR)
    assert [state for _, state in changes(timeline, "errors")] == ["ALARM", "INSUFFICIENT_DATA", "OK", "INSUFFICIENT_DATA"]
    assert [state for _, state in told(timeline, "errors")] == ["ALARM", "OK"]


def test_with_actions_off_states_change_and_nobody_is_told():
    timeline = run([alarm()], ERRORS, end=HOUR, actions_enabled=False)
    assert changes(timeline, "errors") == [(0, "OK"), (180, "ALARM"), (360, "OK")]
    assert told(timeline, "errors") == []


def test_a_muted_alarm_changes_its_state_and_tells_nobody():
    timeline = run([alarm()], ERRORS, end=HOUR, mutes=[mute(100, 300)])
    muted = next(each for each in timeline.transitions if each.new is State.ALARM)
    assert (muted.at, muted.actions, muted.muted_by) == (180, (), "change")


def test_an_alarm_still_in_the_state_it_was_muted_in_acts_when_the_window_ends():
    timeline = run([alarm()], ERRORS, end=HOUR, mutes=[mute(100, 300)])
    assert told(timeline, "errors") == [(0, "OK"), (300, "ALARM"), (360, "OK")]
    late = next(each for each in timeline.transitions if each.at == 300)
    assert (late.old, late.new, late.muted_by) == (State.ALARM, State.ALARM, None)
    assert "Held back by change" in late.reason


def test_an_alarm_that_recovered_within_the_window_never_tells_of_its_alarm():
    timeline = run([alarm()], ERRORS, end=HOUR, mutes=[mute(100, 500)])
    assert "ALARM" not in [state for _, state in told(timeline, "errors")]
    assert timeline.state_at("errors", 200) is State.ALARM


def test_an_alarm_that_acted_before_the_window_does_not_act_again_after_it():
    timeline = run([alarm()], ERRORS, end=HOUR, mutes=[mute(200, 300)])
    assert told(timeline, "errors") == [(0, "OK"), (180, "ALARM"), (360, "OK")]


def test_overlapping_windows_mute_until_the_last_of_them_ends():
    windows = [mute(100, 250, name="first"), mute(200, 340, name="second"), mute(340, 350, name="third")]
    timeline = run([alarm()], ERRORS, end=HOUR, mutes=windows)
    assert told(timeline, "errors") == [(0, "OK"), (350, "ALARM"), (360, "OK")]


def test_a_window_is_open_at_its_start_and_closed_at_its_end():
    assert (180, "ALARM") not in told(run([alarm()], ERRORS, end=HOUR, mutes=[mute(180, 300)]), "errors")
    assert (180, "ALARM") in told(run([alarm()], ERRORS, end=HOUR, mutes=[mute(60, 180)]), "errors")


def test_a_window_mutes_only_the_alarms_it_names():
    timeline = run([alarm("errors"), alarm("other")], ERRORS, end=HOUR, mutes=[mute(100, 300, "other")])
    assert (180, "ALARM") in told(timeline, "errors")
    assert (180, "ALARM") not in told(timeline, "other")


def test_what_is_muted_at_the_end_of_the_simulation_stays_untold():
    assert told(run([alarm()], ERRORS, end=240, mutes=[mute(100, 300)]), "errors") == [(0, "OK")]


SET = [
    alarm("errors"),
    alarm("maintenance", series=series("Maintenance")),
]


def suppressed(past: dict[float, float], maintenance: dict[float, float], *, wait: int = 0, extension: int = 0) -> list[tuple[float, str]]:
    """When the composite told its topics; both alarms are in ALARM from a minute after the first value to four after the last."""
    page = composite("page", 'ALARM("errors")', Suppressor("maintenance", wait, extension))
    timeline = run([*SET, page], history(Errors=past, Maintenance=maintenance), end=HOUR)
    return [each for each in told(timeline, "page") if each[0] > 0]


def each_minute(first: int, last: int) -> dict[float, float]:
    return {float(minute * MINUTE): 1.0 for minute in range(first, last)}


def test_a_suppressor_in_alarm_keeps_its_composite_silent():
    assert suppressed({600.0: 1.0}, each_minute(5, 40)) == [(43 * MINUTE, "OK")]


def test_without_its_suppressor_in_alarm_a_composite_acts():
    assert suppressed({600.0: 1.0}, {}) == [(660, "ALARM"), (840, "OK")]


def test_a_composite_still_in_alarm_acts_when_its_suppressor_leaves_alarm():
    found = suppressed(each_minute(10, 40), each_minute(5, 20))
    assert found[0] == (23 * MINUTE, "ALARM")


def test_the_extension_keeps_it_silent_a_while_longer():
    assert suppressed(each_minute(10, 40), each_minute(5, 20), extension=300)[0] == (28 * MINUTE, "ALARM")
    # It recovers within the extension, so nobody hears of the alarm.
    assert all(state == "OK" for _, state in suppressed(each_minute(10, 20), each_minute(5, 20), extension=300))


def test_a_composite_waits_for_its_suppressor_before_it_acts():
    # The suppressor comes three minutes after the composite: too late without a wait, in time with one.
    assert suppressed(each_minute(10, 40), each_minute(13, 50))[0] == (11 * MINUTE, "ALARM")
    assert suppressed(each_minute(10, 40), each_minute(13, 50), wait=240) == [(53 * MINUTE, "OK")]


def test_a_composite_acts_when_the_wait_is_over_and_its_suppressor_did_not_come():
    assert suppressed(each_minute(10, 40), {}, wait=240)[0] == (15 * MINUTE, "ALARM")


def test_a_suppressor_that_is_not_simulated_never_suppresses():
    page = composite("page", 'ALARM("errors")', Suppressor("arn:aws:cloudwatch:us-east-1:123456789012:alarm:elsewhere", 60, 60))
    timeline = run([*SET, page], history(Errors={600.0: 1.0}), end=HOUR)
    assert (720, "ALARM") in told(timeline, "page")


def test_the_name_of_the_suppressor_is_in_what_it_held_back():
    page = composite("page", 'ALARM("errors")', Suppressor("maintenance", 0, 0))
    timeline = run([*SET, page], history(Errors={600.0: 1.0}, Maintenance=each_minute(5, 40)), end=HOUR)
    assert {each.muted_by for each in timeline.transitions if each.alarm == "page" and each.new is State.ALARM} == {
        "suppressor maintenance"
    }
