"""The parts of benchmarks/accuracy.py: each makes jobs, and every finished job is one row on disk."""
