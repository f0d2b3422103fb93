"""Readers of public dumps in their original formats: Amazon reviews 2014, 2018 and 2023, and MovieLens."""
