"""Links that the API hands out to what it does not answer itself."""

from __future__ import annotations

from datetime import timedelta

LINK_TIME = timedelta(minutes=15)
"""How long a link is good for, at most: it ends with the credentials that signed it too."""
