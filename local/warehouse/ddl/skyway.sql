-- Flights out of New York (EWR, JFK, LGA) in 2013. flight_date is the service day at the airport; instants are UTC.
CREATE TABLE gdp_flights (
  flight_id               INTEGER PRIMARY KEY,
  flight_date             DATE NOT NULL,
  scheduled_departure_at  TIMESTAMPTZ NOT NULL,
  carrier                 TEXT NOT NULL,
  flight_number           INTEGER NOT NULL,
  tail_number             TEXT,
  origin                  TEXT NOT NULL,
  destination             TEXT NOT NULL,
  departure_delay         INTEGER,            -- minutes; NULL when cancelled
  arrival_delay           INTEGER,            -- minutes; NULL when cancelled, diverted or not recorded
  air_time                INTEGER,            -- minutes; NULL like arrival_delay
  distance                INTEGER NOT NULL,   -- statute miles
  cancelled               BOOLEAN NOT NULL,   -- it never departed
  loaded_at               TIMESTAMPTZ NOT NULL
);
CREATE INDEX ON gdp_flights (flight_date);

CREATE TABLE gdp_weather (
  origin           TEXT NOT NULL,
  observed_at      TIMESTAMPTZ NOT NULL,
  observation_date DATE NOT NULL,             -- the day at the airport
  temperature      NUMERIC,                   -- degrees Fahrenheit
  wind_speed       NUMERIC,                   -- miles per hour
  precipitation    NUMERIC,                   -- inches
  visibility       NUMERIC,                   -- statute miles
  loaded_at        TIMESTAMPTZ NOT NULL
);
CREATE INDEX ON gdp_weather (observation_date);

CREATE TABLE gdp_carriers (
  carrier    TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  valid_from DATE NOT NULL,
  loaded_at  TIMESTAMPTZ NOT NULL
);
