"""The parts of benchmarks/swap.py.

variants  bundles that can be told apart by their answers
load      requests at a steady rate, each answer judged: failed, of one bundle, or mixed
memory    what a process holds
"""
