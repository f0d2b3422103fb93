"""What the service remembers durably: users' newest events, and the log of catalogue changes.

protocol   the records, what a store promises; changes: what the log does
sqlite     the embedded default: one file (sqlite_file, changes_sqlite)
redis      the shared one: all replicas on one Redis 7, atomic by scripts (lua, changes_redis)
lane       how the event loop asks a store that blocks: a thread, a deadline, a breaker
opening    which store the settings name
"""
