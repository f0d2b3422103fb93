"""Laser's networks: what turns item texts, item ids and sentences into vectors (torch and transformers only)."""
