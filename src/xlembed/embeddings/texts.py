"""What of a document is encoded; a query's text is encoded as it is."""

from __future__ import annotations

import re

from xlembed.data.task import Document
from xlembed.models.card import ModelCard

_PLACEHOLDER = re.compile(r"\{(title|text)\}")


def document_text(card: ModelCard, document: Document) -> str:
    """Title and text as the model's card joins them, without prompt; the text alone if there is no title.

    Both are put in at once, so braces in a title or text stay what they are.
    """
    if not document.title.strip():
        return document.text.strip()
    parts = {"title": document.title, "text": document.text}
    return _PLACEHOLDER.sub(lambda match: parts[match[1]], card.title_template).strip()
