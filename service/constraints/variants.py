"""British and American spelling: one form for both, so that "grey aluminium" finds "gray aluminum" and back.

Both the values and the sentence go through it; which of the two forms comes out means nothing.
"""

OTHER = {
    "aluminium": "aluminum", "catalogue": "catalog", "cheque": "check", "cosy": "cozy", "dialogue": "dialog",
    "doughnut": "donut", "fibre": "fiber", "fibreglas": "fiberglas", "grey": "gray",
    "jewellery": "jewelry", "favourite": "favorite", "licence": "license", "litre": "liter", "manoeuvre": "maneuver",
    "metre": "meter", "mould": "mold", "moustache": "mustache", "pajama": "pyjama", "plough": "plow",
    "programme": "program", "sceptic": "skeptic", "spectre": "specter", "sulphate": "sulfate",
    "sulphur": "sulfur", "theatre": "theater", "traveller": "traveler", "travelling": "traveling", "tyre": "tire",
    "whisky": "whiskey", "yoghurt": "yogurt", "centre": "center", "kilometre": "kilometer", "centimetre": "centimeter",
    "millimetre": "millimeter", "millilitre": "milliliter", "sabre": "saber", "woollen": "woolen", "defence": "defense",
}  # fmt: skip
ENDINGS = {
    "isation": "ization",
    "oured": "ored",
    "ouring": "oring",
    "ising": "izing",
    "ised": "ized",
    "iser": "izer",
    "ise": "ize",
    "our": "or",
}
SHORTEST = 4  # letters before an ending: "moisturiser", "colour", not "wise", "hour"


def one_spelling(stem: str) -> str:
    """The stem in the form that stands for both."""
    if (other := OTHER.get(stem)) is not None:
        return other
    for british, american in ENDINGS.items():
        least = 3 if british.startswith("our") else SHORTEST
        if stem.endswith(british) and len(stem) - len(british) >= least:
            return stem[: -len(british)] + american
    return stem
