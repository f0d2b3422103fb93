"""The parts of benchmarks/contract.py: what schemathesis is told, and how what it makes is brought within limits."""
