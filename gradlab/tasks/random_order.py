"""Orders that look random and never change: not with a seed, a library's version or a machine."""

from hashlib import sha256


def fixed_order(count: int, purpose: str) -> list[int]:
    """The numbers 0 … count−1 in an order that depends on `purpose` alone.

    Sorted by the SHA-256 of purpose and number, because the generators of numpy and torch promise no stable
    permutations across versions, and a train/test split must outlive them.
    """
    return sorted(range(count), key=lambda number: sha256(f"{purpose}:{number}".encode()).digest())
