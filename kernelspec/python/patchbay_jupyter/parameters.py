"""Parameters of papermill as a cell of Patchbay's language.

Papermill has no entry point for translators, but it loads engines when it starts: this one is its
own, under another name, and registers the translator as it is loaded.
"""

import math

from papermill.engines import NBClientEngine
from papermill.translators import PythonTranslator, Translator, papermill_translators


class PatchbayTranslator(PythonTranslator):
    """Values are written as in Python, but for those numbers that Python's repr() leaves open."""

    @classmethod
    def translate_float(cls, val):
        return repr(val) if math.isfinite(val) else f'float("{val}")'

    @classmethod
    def codify(cls, parameters, comment="Parameters"):
        return Translator.codify.__func__(cls, parameters, comment)  # not for Python's formatter


class PatchbayEngine(NBClientEngine):
    """Papermill's engine for every kernel."""


papermill_translators.register("patchbay", PatchbayTranslator)
