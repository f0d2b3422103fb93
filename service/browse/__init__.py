"""Looking into the catalogue: search as one types, what its columns hold, and where to begin.

The playground is made of these answers; any other page or program can use them too. They read the catalogue and
the item vectors alone, never the encoder.
"""
