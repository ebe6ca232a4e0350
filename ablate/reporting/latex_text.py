"""Text for LaTeX: with its own characters escaped, and those that pdflatex does not know as commands."""

import unicodedata

OWN = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    sign: f"\\{sign}" for sign in "&%$#_{}"
}
SIGNS = {
    "<": "$<$",
    ">": "$>$",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "†": r"$^\dagger$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≈": r"$\approx$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "→": r"$\to$",
    "∞": r"$\infty$",
    "°": r"$^\circ$",
    "µ": r"$\mu$",
}
TYPOGRAPHIC = "–—…‘’“”§ßÆæŒœØøŁłı"  # that every LaTeX knows, beside letters with accents
LAST_ACCENTED, OGONEK = "\u017f", "\u0328"  # an ogonek needs another encoding than LaTeX has by default
GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lamda mu nu xi pi rho sigma tau upsilon phi chi psi omega"
)
GREEK_NAMES = {name.upper(): name.replace("lamda", "lambda") for name in GREEK.split()}
LATIN_LIKE = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True))  # Greek letters that have no command


def latex_text(text: object) -> str:
    """The text on one line, as LaTeX shows it.

    Of letters that pdflatex does not know, such as those of Chinese, it shows the code points; lualatex and xelatex,
    with a font that has them, show the letters.
    """
    line = unicodedata.normalize("NFC", " ".join(str(text).split()))
    parts = (unknown(run) if is_unknown(run[0]) else "".join(map(command, run)) for run in runs(line))
    return "".join(parts)


def runs(line: str) -> list[str]:
    """The line in runs of letters that pdflatex knows, and of those that it does not."""
    found: list[str] = []
    for letter in line:
        if found and is_unknown(found[-1][-1]) == is_unknown(letter):
            found[-1] += letter
        else:
            found.append(letter)
    return found


def command(letter: str) -> str:
    """A letter that LaTeX knows, or the command for it."""
    if letter in OWN or letter in SIGNS:
        return {**OWN, **SIGNS}[letter]
    raised = raised_or_lowered(letter)
    return raised or greek(letter) or letter


def is_unknown(letter: str) -> bool:
    known = letter.isascii() or letter in SIGNS or letter in TYPOGRAPHIC
    return not (known or is_accented(letter) or raised_or_lowered(letter) or greek(letter))


def is_accented(letter: str) -> bool:
    """Whether a letter is one of ASCII with an accent that every LaTeX has."""
    parts = unicodedata.normalize("NFD", letter)
    return letter <= LAST_ACCENTED and len(parts) == 2 and parts[0].isascii() and parts[1] != OGONEK


def raised_or_lowered(letter: str) -> str:
    """The command for a superscript or a subscript of ASCII; empty for another letter."""
    kind, _, code = unicodedata.decomposition(letter).partition(" ")
    sign = {"<super>": "^", "<sub>": "_"}.get(kind)
    base = "".join(chr(int(one, 16)) for one in code.split()) if sign else ""
    return f"${sign}{{{base.replace('−', '-')}}}$" if sign and base.replace("−", "-").isascii() else ""


def greek(letter: str) -> str:
    """The command for a Greek letter; empty for another letter."""
    if letter in LATIN_LIKE:
        return LATIN_LIKE[letter]
    start, _, name = unicodedata.name(letter, "").partition(" LETTER ")
    if name not in GREEK_NAMES or start not in ("GREEK SMALL", "GREEK CAPITAL"):
        return ""
    known = GREEK_NAMES[name].replace("epsilon", "varepsilon")
    return f"$\\{known.capitalize() if start == 'GREEK CAPITAL' else known}$"


def unknown(letters: str) -> str:
    """Letters for lualatex and xelatex; for pdflatex without their accents, or as code points."""
    return rf"\ifdefined\Umathcode {letters}\else {' '.join(map(plain, letters))}\fi{{}}"


def plain(letter: str) -> str:
    """A letter of ASCII without its accents; the code point of another one."""
    parts = unicodedata.normalize("NFD", letter)
    is_letter = parts[0].isascii() and all(map(unicodedata.combining, parts[1:]))
    return parts[0] if is_letter else f"U+{ord(letter):04X}"
