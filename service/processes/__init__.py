"""Encoding in processes of its own, so that Python's lock is not shared with what accepts, refuses and answers.

    service                                   zygote: loads the checkpoint, then forks
      encoder threads --- a socket each --->    workers: one batch at a time, on cores of their own

A zygote runs nothing itself; its workers share what it loaded, so that a further one costs what it computes in. A
worker that dies is replaced by another fork and its batch tried again. All of them end when the service's end of
their sockets closes, however that came about.
"""

LOADED = b"loaded"
