"""Alarms tried on data: unit tests written in YAML, and back-tests on the history of runs. Both judge by `alerts.simulator`."""
