"""What the programs about the speed of encoding, training and re-indexing share."""
