-- CDNOW: every purchase until the end of June 1998 by the 23,570 customers who first bought in the first quarter of 1997.
CREATE TABLE gdp_orders (
  order_id     INTEGER PRIMARY KEY,
  order_date   DATE NOT NULL,
  customer_id  INTEGER NOT NULL,
  cohort       TEXT NOT NULL,                 -- month of the customer's first order, such as 1997-01
  units        INTEGER NOT NULL,              -- compact discs
  amount       NUMERIC(10, 2) NOT NULL,       -- US dollars
  loaded_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX ON gdp_orders (order_date);
CREATE INDEX ON gdp_orders (customer_id, order_date);

CREATE TABLE gdp_customers (
  customer_id      INTEGER PRIMARY KEY,
  first_order_date DATE NOT NULL,
  cohort           TEXT NOT NULL,
  loaded_at        TIMESTAMPTZ NOT NULL
);
CREATE INDEX ON gdp_customers (first_order_date);
