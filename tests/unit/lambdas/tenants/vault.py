"""A vault in memory with the semantics of `Vault`; a test can look into it, the product cannot."""

from __future__ import annotations

from lambdas.domain.errors import ErrorCode, KpiError

Place = tuple[str, str, str]


class MemoryVault:
    """`without` are tenants whose stack made no secret; `faults` are names of methods whose next call fails."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str, str, str], str] = {}
        self.current: dict[Place, str] = {}
        self.without: set[str] = set()
        self.faults: list[str] = []

    def store(self, tenant_id: str, environment: str, name: str, version_id: str, url: str) -> None:
        self._fail("store")
        if tenant_id in self.without:
            raise KpiError(ErrorCode.NOT_FOUND, "there is no secret")
        if self.values.setdefault((tenant_id, environment, name, version_id), url) != url:
            raise KpiError(ErrorCode.CONFLICT, "the version has another value")

    def use(self, tenant_id: str, environment: str, name: str, version_id: str) -> None:
        self._fail("use")
        assert (tenant_id, environment, name, version_id) in self.values
        self.current[tenant_id, environment, name] = version_id

    def opens(self, tenant_id: str, environment: str = "prod", name: str = "warehouse") -> str | None:
        """The value runs would use."""
        version = self.current.get((tenant_id, environment, name))
        return self.values[tenant_id, environment, name, version] if version else None

    def _fail(self, method: str) -> None:
        if self.faults[:1] == [method]:
            self.faults.pop(0)
            raise TimeoutError("Secrets Manager did not answer")
