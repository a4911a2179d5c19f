"""The views people ask: written once in `views/sql`, put into each warehouse's dialect, always for one tenant."""

from __future__ import annotations

from views.log_tables import Column, ColumnType, LogTable, log_tables
from views.render import VIEWS, Dialect, athena_queries, ddl, inline, render, view_names

__all__ = ["VIEWS", "Column", "ColumnType", "Dialect", "LogTable", "athena_queries", "ddl", "inline", "log_tables", "render", "view_names"]
