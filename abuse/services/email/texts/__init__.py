"""The texts that the desk sends: found in the reader's language, filled in with data, checked before they are kept."""

from .engine import names_used, render
from .finding import best, find_template, language_code, language_of, languages_of
from .formats import LANGUAGES
from .language import TextError
from .writing import WrittenText, write_for_each, write_report_text, write_row, write_text

__all__ = [
    "LANGUAGES",
    "TextError",
    "WrittenText",
    "best",
    "find_template",
    "language_code",
    "language_of",
    "languages_of",
    "names_used",
    "render",
    "write_for_each",
    "write_report_text",
    "write_row",
    "write_text",
]
