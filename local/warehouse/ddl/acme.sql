-- The ledger of Acme, generated with a fixed seed. Amounts in US dollars. Version 1 of a row is what was reported first; a
-- restatement is a further version, known from its reported_at on.
CREATE TABLE gdp_receivables (
  balance_date  DATE NOT NULL,
  segment       TEXT NOT NULL,
  balance       NUMERIC(14, 2) NOT NULL,
  version       INTEGER NOT NULL,
  reported_at   TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (balance_date, segment, version)
);
CREATE TABLE gdp_sales (
  sale_date     DATE NOT NULL,
  segment       TEXT NOT NULL,
  credit_sales  NUMERIC(14, 2) NOT NULL,      -- net of returns, invoiced on terms
  cash_sales    NUMERIC(14, 2) NOT NULL,
  invoices      INTEGER NOT NULL,
  version       INTEGER NOT NULL,
  reported_at   TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (sale_date, segment, version)
);
CREATE TABLE gdp_cash (
  balance_date  DATE NOT NULL,
  account       TEXT NOT NULL,                -- operating, reserve
  balance       NUMERIC(14, 2) NOT NULL,
  version       INTEGER NOT NULL,
  reported_at   TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (balance_date, account, version)
);
CREATE TABLE gdp_liabilities (
  balance_date  DATE NOT NULL,
  liability     TEXT NOT NULL,                -- current ones: accounts_payable, accrued_expenses, short_term_debt
  balance       NUMERIC(14, 2) NOT NULL,
  version       INTEGER NOT NULL,
  reported_at   TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (balance_date, liability, version)
);
CREATE TABLE gdp_inventory (
  balance_date  DATE NOT NULL,
  category      TEXT NOT NULL,                -- raw_materials, finished_goods
  balance       NUMERIC(14, 2) NOT NULL,
  version       INTEGER NOT NULL,
  reported_at   TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (balance_date, category, version)
);
CREATE TABLE gdp_income (
  booking_date  DATE NOT NULL,
  stream        TEXT NOT NULL,                -- credit_sales, cash_sales
  amount        NUMERIC(14, 2) NOT NULL,
  version       INTEGER NOT NULL,
  reported_at   TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (booking_date, stream, version)
);
CREATE TABLE gdp_expenses (
  booking_date  DATE NOT NULL,
  category      TEXT NOT NULL,                -- cost_of_goods_sold, payroll, rent, marketing, depreciation, interest, income_tax
  amount        NUMERIC(14, 2) NOT NULL,
  version       INTEGER NOT NULL,
  reported_at   TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (booking_date, category, version)
);
