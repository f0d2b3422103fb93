"""The parts of `benchmarks/control.py`: does an answer do what the sentence said?

cases.py      one sentence, who says it, and what a right answer satisfies; reads the held-out sentences
world.py      a catalogue and the test split of its users, as the cases need them
truth.py      which items satisfy an expectation
phrases.py    how people say things: templates by meaning
wording.py    conditions in such words, with units and slips of the pen
single.py     cases C1, C2, C3, C5, C8: one condition
joint.py      cases C4, C6, C7: several conditions, and those that cannot hold; C9: none
build.py      draws cases until there are enough that the target satisfies, and as many that it does not
service.py    the real app in this process: requests in, answers out
baselines.py  what the service is held against, beside requests to itself
metrics.py    one answer judged; many answers averaged
runs.py       every system on every case
report.py     the table that must be reached, as checks; the first run on the held-out sentences
curve.py      soft mode over its steering weight, drawn
examples.py   the table of examples in docs/control.md
"""
