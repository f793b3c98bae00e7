import pytest

from xlembed.data.task import Document
from xlembed.embeddings.texts import document_text
from xlembed.models.card import ModelCard


@pytest.mark.parametrize(
    ("template", "title", "text", "expected"),
    [
        ("{title} {text}", "Title", " body ", "Title  body"),
        ("{title}\n{text}", "Title", "body", "Title\nbody"),
        ("title: {title} | text: {text}", "", " body ", "body"),
        ("title: {title} | text: {text}", "  ", "body", "body"),
        ("{title} {text}", "{text}", "a {title} {x} }{", "{text} a {title} {x} }{"),
        ("{text}", "Title", "body", "body"),
        ("{title} {text}", "Title", "", "Title"),
    ],
)
def test_document_text(template: str, title: str, text: str, expected: str) -> None:
    card = ModelCard(name="m", title_template=template)
    assert document_text(card, Document("d", text, "en", title=title)) == expected
