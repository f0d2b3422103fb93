"""docs/performance.md, made of what benchmarks/results holds: `python -m benchmarks.performance_page`."""
