#!/bin/sh
# A compiler that ran out of memory.
exit 4
