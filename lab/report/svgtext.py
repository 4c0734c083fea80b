"""How wide a text in a drawing is, before any browser has set it: an upper estimate, pure."""

# Advance widths of DejaVu Sans in hundredths of an em, from the space to the tilde. It is the
# widest font that `style` may fall back on, so what fits by these widths fits by any other.
_ASCII = (
    "32 40 46 84 64 95 78 27 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84"
    " 53 100 68 69 70 77 63 58 77 75 29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39"
    " 84 50 50 61 63 55 63 62 35 63 63 28 28 58 28 97 63 61 63 63 41 52 39 63 59 82 59 59 52 64 34"
    " 64 84"
)
_WIDTHS = dict(zip(map(chr, range(32, 127)), map(int, _ASCII.split()), strict=True))
_OTHERS = {"\u202f": 20, "\u00a0": 32, "·": 32, "–": 50, "→": 84, "←": 84, "µ": 64}
_WIDEST = 100
_BOLD = 1.13  # DejaVu Sans Bold against the regular face, over words and digits


def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of `text` at a font size of `size`, in the same unit, never too small."""
    hundredths = sum(_WIDTHS.get(each) or _OTHERS.get(each, _WIDEST) for each in text)
    return hundredths / 100 * size * (_BOLD if bold else 1)
