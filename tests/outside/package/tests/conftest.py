"""Failures in the contracts of ablate show the compared values."""

import pytest

pytest.register_assert_rewrite("ablate.testing")
