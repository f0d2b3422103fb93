"""The parts of benchmarks/redis_gone.py: the requests that go on meanwhile, and what their answers come to."""
