"""Counts with their nouns: '1 encoder', '2 encoders'."""


def counted(number: float, one: str, many: str = "") -> str:
    """The number and the noun, or the noun and its verb: `many`, by default `one` and an s, unless it is 1."""
    return f"{number:{'d' if isinstance(number, int) else 'g'}} {one if number == 1 else many or f'{one}s'}"
