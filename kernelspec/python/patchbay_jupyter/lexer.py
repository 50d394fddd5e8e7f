"""Colours for Patchbay's language where Pygments makes them: nbconvert's exports, the console."""

import json
from pathlib import Path

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

KNOWN = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))


class PatchbayLexer(RegexLexer):
    """Python's tokens; in a call, `from=` is a parameter like every other."""

    name = "Patchbay"
    aliases = ["patchbay"]
    filenames = ["*.pbay"]
    mimetypes = ["text/x-patchbay"]

    tokens = {
        "root": [
            (r"\s+", Whitespace),
            (r"#.*", Comment.Single),
            (r'(?i)(?:rf|fr|[rfbu])?"""[\s\S]*?(?:"""|\Z)', String),
            (r"(?i)(?:rf|fr|[rfbu])?'''[\s\S]*?(?:'''|\Z)", String),
            (r'(?i)(?:rf|fr|[rfbu])?"(?:\\.|[^"\\\n])*"?', String),
            (r"(?i)(?:rf|fr|[rfbu])?'(?:\\.|[^'\\\n])*'?", String),
            (r"(?i)0[xob][\da-f_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d+)?", Number),
            (r"(\.)(\w+)", bygroups(Punctuation, Name.Attribute)),
            (r"([^\W\d]\w*)(\s*)(=)(?!=)", bygroups(Name.Variable, Whitespace, Operator)),
            (words(KNOWN["keywords"], prefix=r"\b", suffix=r"\b"), Keyword),
            (words(KNOWN["values"], prefix=r"\b", suffix=r"\b"), Keyword.Constant),
            (words(KNOWN["words"], prefix=r"\b", suffix=r"\b"), Name.Builtin),
            (r"[^\W\d]\w*", Name),
            (r"[()\[\]{},;:.]", Punctuation),
            (r".", Operator),
        ],
    }
