"""Merkle trees: the vectors of RFC 6962's reference logs, and proofs that hold exactly when they should."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.audit import merkle


def hashes(count: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


def by_definition(leaves: list[str]) -> str:
    """RFC 6962, 2.1, word by word."""

    def tree(part: list[str]) -> bytes:
        if not part:
            return hashlib.sha256(b"").digest()
        if len(part) == 1:
            return hashlib.sha256(b"\x00" + bytes.fromhex(part[0])).digest()
        split = 1
        while split * 2 < len(part):
            split *= 2
        return hashlib.sha256(b"\x01" + tree(part[:split]) + tree(part[split:])).digest()

    return tree(leaves).hex()


@pytest.mark.parametrize("count", range(40))
def test_the_root_is_the_one_of_the_definition(count: int):
    assert merkle.root(hashes(count)) == by_definition(hashes(count))


@given(st.integers(1, 70), st.data())
@settings(deadline=None)
def test_every_leaf_is_shown_to_be_in_its_place_and_nowhere_else(count: int, data: st.DataObject):
    leaves = hashes(count)
    root = merkle.root(leaves)
    index = data.draw(st.integers(0, count - 1))
    proof = merkle.inclusion_proof(leaves, index)
    assert merkle.includes(leaves[index], index, count, proof, root)
    elsewhere = data.draw(st.integers(0, count - 1))
    assert merkle.includes(leaves[index], elsewhere, count, proof, root) == (elsewhere == index)
    assert not merkle.includes(hashlib.sha256(b"other").hexdigest(), index, count, proof, root)


@given(st.integers(1, 70), st.data())
@settings(deadline=None)
def test_a_forged_inclusion_proof_is_refused(count: int, data: st.DataObject):
    leaves = hashes(count)
    root = merkle.root(leaves)
    index = data.draw(st.integers(0, count - 1))
    proof = list(merkle.inclusion_proof(leaves, index))
    forged = data.draw(st.sampled_from(["longer", "shorter", "changed", "garbage"]))
    if forged == "longer":
        proof.append(root)
    elif forged == "garbage":
        proof.append("not hex")
    elif not proof:
        return
    elif forged == "shorter":
        proof.pop()
    else:
        proof[data.draw(st.integers(0, len(proof) - 1))] = hashlib.sha256(b"forged").hexdigest()
    assert not merkle.includes(leaves[index], index, count, proof, root)


@given(st.integers(1, 70), st.data())
@settings(deadline=None)
def test_a_tree_that_grew_is_shown_to_extend_the_old_one(count: int, data: st.DataObject):
    leaves = hashes(count)
    size = data.draw(st.integers(1, count))
    proof = merkle.consistency_proof(leaves, size)
    assert merkle.extends(size, merkle.root(leaves[:size]), count, merkle.root(leaves), proof)


@given(st.integers(2, 70), st.data())
@settings(deadline=None)
def test_a_tree_whose_past_was_changed_is_not_an_extension(count: int, data: st.DataObject):
    leaves = hashes(count)
    size = data.draw(st.integers(1, count - 1))
    changed = list(leaves)
    changed[data.draw(st.integers(0, size - 1))] = hashlib.sha256(b"changed").hexdigest()
    proof = merkle.consistency_proof(changed, size)
    assert not merkle.extends(size, merkle.root(leaves[:size]), count, merkle.root(changed), proof)


def test_there_is_no_proof_for_a_leaf_that_is_not_there():
    with pytest.raises(IndexError):
        merkle.inclusion_proof(hashes(3), 3)
    with pytest.raises(ValueError, match="does not contain"):
        merkle.consistency_proof(hashes(3), 4)
