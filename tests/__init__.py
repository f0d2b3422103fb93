"""Tests, in folders that mirror the packages; tiny.py makes a whole random Laser in milliseconds."""
