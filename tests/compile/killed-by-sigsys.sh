#!/bin/sh
# A compiler that its jail ends.
kill -SYS $$
