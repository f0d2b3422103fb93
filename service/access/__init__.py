"""Who may ask what, and how often.

scopes     what a key may be good for
keys       one API key: how it is made, hashed and recognised
key_file   the file that keeps them, read and written whole
keyring    the keys a running service goes by: the file, followed as it changes
callers    who asks: a tenant and its scopes
rates      a token bucket for each name
access     all of it for one service: a request's headers -> its caller, or a refusal
guard      how a route says what its caller needs
issuing    keys made, listed and revoked
command    the same as `laser keys`, for people
"""
