#!/bin/sh
# A compiler that crashes.
kill -SEGV $$
