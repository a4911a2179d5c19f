"""Merkle trees over event hashes: roots, inclusion and consistency proofs (RFC 6962, section 2; verification as in RFC 9162).

Leaves are the raw 32 bytes of event hashes. A proof is a tuple of hashes in hex, from the leaf's side to the root.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(event_hash: str) -> bytes:
    """The hash of a leaf; the 0x00 before it keeps leaves and nodes apart."""
    return hashlib.sha256(b"\x00" + bytes.fromhex(event_hash)).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(hashes: Sequence[str]) -> str:
    """The root over event hashes, in hex; of none, the hash of nothing."""
    return _root([leaf_hash(each) for each in hashes]).hex()


def _root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return _EMPTY
    level = list(leaves)
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def inclusion_proof(hashes: Sequence[str], index: int) -> tuple[str, ...]:
    """What proves that the leaf at `index` (from 0) is in the tree over `hashes`.

    Raises:
        IndexError: when there is no such leaf.
    """
    return inclusion_proofs(hashes, [index])[0]


def inclusion_proofs(hashes: Sequence[str], indices: Sequence[int]) -> list[tuple[str, ...]]:
    """The inclusion proofs of several leaves, in their order; the tree is computed once.

    Raises:
        IndexError: when there is no such leaf.
    """
    for index in indices:
        if not 0 <= index < len(hashes):
            raise IndexError(f"leaf {index} of a tree of {len(hashes)}")
    if not indices:
        return []
    level, paths, places = [leaf_hash(each) for each in hashes], [list[str]() for _ in indices], list(indices)
    while len(level) > 1:
        for at, place in enumerate(places):
            if place ^ 1 < len(level):
                paths[at].append(level[place ^ 1].hex())
            places[at] = place // 2
        level = _parents(level)
    return [tuple(path) for path in paths]


def _parents(level: Sequence[bytes]) -> list[bytes]:
    """The level above; a node without a partner moves up as it is, which gives RFC 6962's tree."""
    return [_node(level[at], level[at + 1]) if at + 1 < len(level) else level[at] for at in range(0, len(level), 2)]


def includes(event_hash: str, index: int, size: int, proof: Sequence[str], tree_root: str) -> bool:
    """Whether a proof shows that the leaf is at `index` of a tree of `size` leaves with this root."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf_hash(event_hash)
    for each in proof:
        sibling = _bytes(each)
        if sibling is None or last == 0:
            return False
        if place & 1 or place == last:
            found = _node(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = _node(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found.hex() == tree_root


def consistency_proof(hashes: Sequence[str], size: int) -> tuple[str, ...]:
    """What proves that the tree over the first `size` hashes is the beginning of the tree over all of them.

    Raises:
        ValueError: when there are not that many, or none.
    """
    if not 0 < size <= len(hashes):
        raise ValueError(f"a tree of {len(hashes)} leaves does not contain one of {size}")
    leaves = [leaf_hash(each) for each in hashes]
    return tuple(each.hex() for each in _subproof(size, leaves, whole=True))


def _subproof(size: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if size == len(leaves):
        return [] if whole else [_root(leaves)]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if size <= split:
        return [*_subproof(size, leaves[:split], whole=whole), _root(leaves[split:])]
    return [*_subproof(size - split, leaves[split:], whole=False), _root(leaves[:split])]


def extends(old_size: int, old_root: str, new_size: int, new_root: str, proof: Sequence[str]) -> bool:
    """Whether a proof shows that the old tree is the beginning of the new one (RFC 9162, section 2.1.4.2)."""
    if old_size == new_size:
        return old_root == new_root and not proof
    if not 0 < old_size < new_size or not proof:
        return False
    # The proof leaves out the old root itself where the old tree is a whole subtree of the new one.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    nodes = [each for each in map(_bytes, path) if each is not None]
    if len(nodes) != len(path):
        return False
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = nodes[0]
    for each in nodes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = _node(each, old), _node(each, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = _node(new, each)
        place, last = place >> 1, last >> 1
    return last == 0 and old.hex() == old_root and new.hex() == new_root


def _bytes(text: str) -> bytes | None:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return None
    return found if len(found) == hashlib.sha256().digest_size else None
