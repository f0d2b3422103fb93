"""A real redis-server of a test's own; tests that want one are left out where it is not installed."""

import shutil

import pytest

from benchmarks._redis import RedisServer

__all__ = ["RedisServer", "needs_redis"]

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
