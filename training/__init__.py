"""Offline half of Laser: from interaction logs to a checkpoint, its evaluation and the item bundle."""
