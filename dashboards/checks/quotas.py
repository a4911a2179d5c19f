"""Quotas of CloudWatch dashboards, each with its source."""

from __future__ import annotations

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
COLUMNS = 24
MAX_HEIGHT = 1000
MAX_WIDGETS = 500
MAX_ALARMS_A_WIDGET = 100
MAX_VARIABLES = 25

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html: metrics that only feed metric math count too.
MAX_METRICS_A_WIDGET = 500
MAX_METRICS = 2_500
MAX_PERIOD = 86_400

MAX_BODY_BYTES = 1_000_000
"""Our own bound: AWS publishes none for a body. A body of 500 usual widgets has half of it."""

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
MAX_SEARCH = 1024

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
MAX_NAME = 255
