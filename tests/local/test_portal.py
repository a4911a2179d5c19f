"""The dictionary page, as CloudFront serves it."""

from __future__ import annotations

import json

import pytest
import requests

import kpis
from tests.local.conftest import Stack

pytestmark = pytest.mark.local


def get(stack: Stack, path: str, scheme: str = "https") -> requests.Response:
    """What a viewer gets; the emulator tells distributions apart by their host name and takes the viewer's scheme from a header."""
    headers = {"Host": stack.outputs["portalUrl"].removeprefix("https://"), "X-Forwarded-Proto": scheme}
    return requests.get(f"{stack.settings.endpoint_url}{path}", headers=headers, timeout=30, allow_redirects=False)


def test_the_dictionary_page_is_served_at_the_root(stack: Stack) -> None:
    page = get(stack, "/")
    assert page.status_code == 200
    assert "text/html" in page.headers["Content-Type"]
    assert "</html>" in page.text


def test_every_kpi_of_the_dictionary_is_on_the_page(stack: Stack) -> None:
    document = get(stack, "/dictionary.json")
    assert document.status_code == 200
    shown = json.dumps(document.json())
    assert all(kpi.id in shown for kpi in kpis.load().kpis)


def test_a_viewer_without_tls_is_redirected(stack: Stack) -> None:
    answer = get(stack, "/", scheme="http")
    assert answer.status_code == 301
    assert answer.headers["Location"].startswith("https://")


def test_what_is_not_in_the_bucket_is_refused(stack: Stack) -> None:
    assert get(stack, "/other.txt").status_code in (403, 404)
