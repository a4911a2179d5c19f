"""Who made what: one small file per URN, so that a create that was interrupted can be taken up again and nothing foreign is adopted."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Entry:
    """One creation. `confirmed` once the engine has shown that it knows the id; only an unconfirmed one may be taken up again."""

    urn: str
    fingerprint: str
    """Digest of the type and physical name (or of the inputs, where there is no name)."""
    id: str = ""
    confirmed: bool = False


def journal_folder(environment: dict[str, str] | None = None) -> Path:
    """Where the journals live: `KPI_PROVIDER_JOURNAL`, or `.local/provider` of the repository."""
    given = (os.environ if environment is None else environment).get("KPI_PROVIDER_JOURNAL")
    return Path(given) if given else REPOSITORY / ".local" / "provider"


class Journal:
    """The entries of one emulator (`scope` is its endpoint)."""

    def __init__(self, folder: Path, scope: str) -> None:
        self._folder = folder / hashlib.sha256(scope.encode()).hexdigest()[:12]
        self._lock = threading.Lock()
        self._entries = {entry.urn: entry for entry in self._load()}

    def _load(self) -> Iterator[Entry]:
        for path in self._folder.glob("*.json"):
            try:
                yield Entry(**json.loads(path.read_text()))
            except (ValueError, TypeError):
                path.unlink(missing_ok=True)  # cut short by a crash: an entry that says nothing protects nothing

    def get(self, urn: str) -> Entry | None:
        """The entry of a URN."""
        return self._entries.get(urn)

    def owner(self, fingerprint: str) -> str | None:
        """The URN that made the thing with this fingerprint, for error messages."""
        return next((entry.urn for entry in list(self._entries.values()) if entry.fingerprint == fingerprint), None)

    def begin(self, urn: str, fingerprint: str) -> None:
        """Note that a create is about to call AWS."""
        self._put(Entry(urn, fingerprint))

    def created(self, urn: str, id: str) -> None:
        """Note the id AWS gave."""
        with self._lock:
            entry = self._entries.get(urn)
        if entry is not None:
            self._put(replace(entry, id=id))

    def confirm(self, urn: str, id: str) -> None:
        """The engine used the id: it has the resource in its state."""
        entry = self._entries.get(urn)
        if entry is not None and not entry.confirmed and entry.id == id:
            self._put(replace(entry, confirmed=True))

    def forget(self, urn: str, id: str) -> None:
        """The resource with this id is deleted. A replacement made under the same URN keeps its entry."""
        with self._lock:
            entry = self._entries.get(urn)
            if entry is not None and entry.id == id:
                del self._entries[urn]
                self._path(urn).unlink(missing_ok=True)

    def _put(self, entry: Entry) -> None:
        with self._lock:
            self._entries[entry.urn] = entry
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._path(entry.urn)
            scratch = path.with_suffix(f".{os.getpid()}.part")
            scratch.write_text(json.dumps(asdict(entry)))
            scratch.replace(path)

    def _path(self, urn: str) -> Path:
        return self._folder / f"{hashlib.sha256(urn.encode()).hexdigest()[:32]}.json"
