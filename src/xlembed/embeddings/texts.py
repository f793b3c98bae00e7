"""What of a document and of a query is encoded."""

from __future__ import annotations

import re

from xlembed.data.task import Document, Query
from xlembed.models.card import ModelCard

BY_ID = "\0"
"""Before an id that stands for a text whose vector was made elsewhere; no text has this character."""
_PLACEHOLDER = re.compile(r"\{(title|text)\}")


def document_text(card: ModelCard, document: Document) -> str:
    """Title and text as the model's card joins them, without prompt; the text alone if there is no title.

    Both are put in at once, so braces in a title or text stay what they are.
    """
    if card.given:
        return f"{BY_ID}{document.doc_id}"
    if not document.title.strip():
        return document.text.strip()
    parts = {"title": document.title, "text": document.text}
    return _PLACEHOLDER.sub(lambda match: parts[match[1]], card.title_template).strip()


def query_text(card: ModelCard, query: Query) -> str:
    """The query as it is; its id where its vector was made elsewhere."""
    return f"{BY_ID}{query.query_id}" if card.given else query.text
