"""The outside package's own tests run in an environment where it is installed, not here."""

collect_ignore = ["package"]
