"""Zeros in memory that is free, so that what lay there takes no room in the component."""

# Python was built without an allocator of its own, so all of its memory is the C library's.
SIZES = [1 << power for power in range(16, 5, -1)]


def free_memory() -> None:
    """Takes every free block, which zeroes it, and gives it back."""
    taken = [bytes(SIZES[0])]
    top = id(taken[0])
    for size in SIZES:
        while True:
            block = bytes(size)
            taken.append(block)
            # Above all others: no free block of this size was left, and memory had to grow.
            if id(block) > top:
                top = id(block)
                break
