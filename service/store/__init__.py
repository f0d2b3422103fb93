"""What the service remembers of users: their newest events, durably, behind one small Protocol.

protocol   the records, what a store promises
sqlite     the embedded default: one file
redis      the shared one: all replicas on one Redis 7, atomic by scripts (lua)
lane       how the event loop asks a store that blocks: a thread, a deadline, a breaker
opening    which store the settings name
"""
