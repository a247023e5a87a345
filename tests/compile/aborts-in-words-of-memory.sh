#!/bin/sh
# A compiler that crashes, in the words of one that ran out of memory.
echo 'memory allocation of 4096 bytes failed: Cannot allocate memory' >&2
kill -ABRT $$
