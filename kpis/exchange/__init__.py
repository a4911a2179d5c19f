"""The dictionary in other people's formats: OpenSLO, dbt/MetricFlow, CSV and JSON, read and written without dropping anything silently."""
