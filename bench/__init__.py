"""Benchmarks: each module is a command; `make bench-local` runs `bench/local.py`."""
