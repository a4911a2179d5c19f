"""Fixtures of the program's tests."""

from tests.infra.harness import _no_installing, checkout, platform, tenant

__all__ = ["_no_installing", "checkout", "platform", "tenant"]
