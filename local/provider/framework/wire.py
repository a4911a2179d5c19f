"""Values on Pulumi's wire: structs, unknowns, secrets, assets and archives."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast
from urllib.request import urlopen

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

UNKNOWN = rpc.UNKNOWN
"""Stands for a value that is not known during a preview."""

SIGNATURE = "4dabf18193072939515e22adb298388d"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker of the protocol
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
ZIP_TIME = (1980, 1, 1, 0, 0, 0)

Values: TypeAlias = dict[str, Any]


def decode(struct: struct_pb2.Struct) -> Values:
    """A struct as plain Python. Secrets and outputs are unwrapped; files keep their signed map; whole floats become integers."""
    return cast("Values", _plain(json_format.MessageToDict(struct)))


def encode(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Plain Python as a struct. `None` fields are left out, as the engine does."""
    result = struct_pb2.Struct()
    result.update(cast("dict[str, Any]", _without_none(dict(values))))
    return result


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one return per kind of value
    if isinstance(value, list):
        return [_plain(each) for each in cast("list[Any]", value)]
    if isinstance(value, float) and value.is_integer():
        # The wire knows only floats; boto3 refuses them where AWS wants integers.
        return int(value)
    if not isinstance(value, dict):
        return value
    document = cast("Values", value)
    match document.get(SIGNATURE):
        case sign if sign == SECRET:
            return _plain(document.get("value"))
        case sign if sign == OUTPUT:
            return _plain(document["value"]) if "value" in document else UNKNOWN
        case sign if sign == RESOURCE:
            return document.get("id") or UNKNOWN
        case _:
            return {key: _plain(each) for key, each in document.items()}


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(each) for key, each in cast("Mapping[str, Any]", value).items() if each is not None}
    if isinstance(value, list | tuple):
        return [_without_none(each) for each in cast("list[Any]", value)]
    return value


def has_unknown(value: Any) -> bool:
    """Whether any part of the value is not known yet."""
    if isinstance(value, dict):
        return any(has_unknown(each) for each in cast("Values", value).values())
    if isinstance(value, list):
        return any(has_unknown(each) for each in cast("list[Any]", value))
    return value == UNKNOWN


def is_file(value: Any) -> bool:
    """Whether the value is an asset or an archive."""
    return isinstance(value, dict) and cast("Values", value).get(SIGNATURE) in (ASSET, ARCHIVE)


def file_hash(value: Values) -> str:
    """The content hash of an asset or archive: the engine's own, or ours where it sent none."""
    given = value.get("hash")
    return str(given) if given else hashlib.sha256(file_bytes(value)).hexdigest()


def file_bytes(value: Values) -> bytes:
    """The content: of an asset its bytes, of an archive a zip (a zip file on disk is passed on untouched).

    Raises FileNotFoundError when the path is gone, ValueError when the map names no content.
    """
    if value.get(SIGNATURE) == ARCHIVE:
        return _archive_bytes(value)
    if value.get("text"):
        return str(value["text"]).encode()
    if value.get("path"):
        return Path(value["path"]).read_bytes()
    if value.get("uri"):
        return _fetch(str(value["uri"]))
    return b""


def _archive_bytes(value: Values) -> bytes:
    path = Path(value["path"]) if value.get("path") else None
    if path is not None and path.is_file():
        return path.read_bytes()
    if value.get("uri"):
        return _fetch(str(value["uri"]))
    if path is None and "assets" not in value:
        raise ValueError("an archive must name a path, a uri or its assets")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in sorted(_members(value).items()):
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            target.writestr(entry, content)
    return buffer.getvalue()


def _members(value: Values, prefix: str = "") -> dict[str, bytes]:
    if value.get(SIGNATURE) == ASSET:
        return {prefix: file_bytes(value)}
    if "assets" in value:
        found: dict[str, bytes] = {}
        for name, inner in cast("dict[str, Values]", value["assets"]).items():
            found |= _members(inner, f"{prefix}/{name}" if prefix else name)
        return found
    root = Path(value["path"])
    if root.is_file():
        with zipfile.ZipFile(root) as source:
            return {f"{prefix}/{name}".lstrip("/"): source.read(name) for name in source.namelist() if not name.endswith("/")}
    files = (each for each in root.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
    return {f"{prefix}/{each.relative_to(root)}".lstrip("/"): each.read_bytes() for each in files}


def _fetch(uri: str) -> bytes:
    if not uri.startswith("file://"):
        raise ValueError(f"cannot read {uri}: only file:// addresses are read locally")
    with urlopen(uri) as stream:  # noqa: S310 - checked above to be a file
        return stream.read()


def json_text(value: Any) -> str:
    """A JSON-document input as text for AWS, whether the program gave text or an object."""
    return value if isinstance(value, str) else json.dumps(value)


def json_parsed(value: Any) -> Any:
    """A JSON document parsed; text that is no JSON is itself."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def json_meaning(value: Any) -> Any:
    """A JSON document in the form used to compare two: parsed, with lists of one folded and string lists sorted.

    IAM and event patterns treat `"a"` and `["a"]` alike, and AWS reorders action lists. Text that is no JSON is itself.
    """
    parsed = json_parsed(value)
    return parsed if parsed is value and isinstance(value, str) else _folded(parsed)


def _folded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _folded(each) for key, each in cast("Values", value).items()}
    if isinstance(value, list):
        items = [_folded(each) for each in cast("list[Any]", value)]
        if all(isinstance(each, str) for each in items):
            items = sorted(items)
        return items[0] if len(items) == 1 else items
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def sha256_base64(content: bytes) -> str:
    """The digest in the form Lambda reports code hashes."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
