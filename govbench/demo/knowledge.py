"""The bundled corpus of public-service answers and full-text retrieval over it (SQLite FTS5, bm25).

It finds and quotes; it does not generate text.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

COLLECTION_ID = "public-services"
UNKNOWN_ANSWER = (
    "I don't know: none of the public-service articles I have answers this question. "
    "Please rephrase it or ask a citizen service office."
)

MAX_TERMS = 32
MAX_SOURCES = 3
SNIPPET_CHARS = 160

# The weights of title, question and answer in bm25: a word in the question says more than one in the text.
_BM25_WEIGHTS = (4.0, 6.0, 1.0)
# Below this score only incidental words matched, such as "best" or "day"; see tests/demo/test_knowledge.py.
_MIN_SCORE = 6.0
# Score at which the confidence reaches 1 - 1/e.
_CONFIDENCE_SCALE = 12.0
# A question in a session that scores less by itself is read together with the one before it.
_STANDS_ALONE_SCORE = 8.0

# Sentences are compared by the beginnings of words, so "renew" finds "renewal".
_STEM_CHARS = 5

_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_STOP_WORD_LIST = (
    "a about after all also am an and any are as at be because been before but by can could did do "
    "does for from get give had has have he her here him his how i if in into is it its just long "
    "many may me more most much must my need next no not now of often on one or our out please she "
    "should so some such tell than that the their them then there these they this to too until up us "
    "want was we were what when where which who why will with would you your "
)
_STOP_WORDS = frozenset(_STOP_WORD_LIST.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One article of the corpus."""

    id: str
    category: str
    title: str
    question: str
    answer: str
    url: str

    def __post_init__(self) -> None:
        if not all((self.id, self.category, self.title, self.question, self.answer, self.url)):
            raise ValueError(f"document {self.id!r} has an empty field")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A document that matches, with its bm25 score (higher is better)."""

    document: Document
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the API answers to one question; ``hits`` is empty when it does not know."""

    answer: str
    hits: tuple[Hit, ...]
    confidence: float


def load_corpus() -> tuple[Document, ...]:
    """The bundled articles, in the order of the file."""
    text = resources.files("govbench.demo").joinpath("corpus.json").read_text(encoding="utf-8")
    return tuple(Document(**entry) for entry in json.loads(text)["documents"])


def informative_terms(text: str) -> tuple[str, ...]:
    """The distinct words of ``text`` in order, lower case, without stop words; at most ``MAX_TERMS``."""
    found = _WORD.findall(text.lower())
    words = dict.fromkeys(word for word in found if len(word) > 1 and word not in _STOP_WORDS)
    return tuple(words)[:MAX_TERMS]


def match_expression(terms: Sequence[str]) -> str:
    """FTS5 expression that matches any of ``terms``; each is quoted, so no input is read as syntax."""
    return " OR ".join('"' + term.replace('"', '""').replace("\0", "") + '"' for term in terms)


class Knowledge:
    """Full-text index over the bundled corpus, in memory and read-only after construction."""

    def __init__(self, documents: Sequence[Document] | None = None) -> None:
        self._documents = tuple(documents) if documents is not None else load_corpus()
        self._index = sqlite3.connect(":memory:", cached_statements=8)
        self._index.execute(
            "CREATE VIRTUAL TABLE article USING fts5(title, question, answer, tokenize='porter unicode61')"
        )
        self._index.executemany(
            "INSERT INTO article(rowid, title, question, answer) VALUES (?, ?, ?, ?)",
            [(row, d.title, d.question, d.answer) for row, d in enumerate(self._documents)],
        )
        self._index.execute("INSERT INTO article(article) VALUES ('optimize')")
        self._index.commit()

    def search(self, terms: Sequence[str]) -> tuple[Hit, ...]:
        """The best matches for ``terms``, best first; empty when nothing matches well enough."""
        if not terms:
            return ()
        rows = self._index.execute(
            "SELECT rowid, -bm25(article, ?, ?, ?) AS score FROM article WHERE article MATCH ? "
            "ORDER BY score DESC LIMIT ?",
            (*_BM25_WEIGHTS, match_expression(terms), MAX_SOURCES),
        )
        return tuple(
            Hit(document=self._documents[row], score=score) for row, score in rows if score >= _MIN_SCORE
        )

    def reply(self, query: str, previous: str | None = None) -> Reply:
        """Answer ``query``; a vague one is read together with the ``previous`` question of its session."""
        terms = informative_terms(query)
        hits = self.search(terms)
        if previous is not None and terms and (not hits or hits[0].score < _STANDS_ALONE_SCORE):
            hits = self.search(terms + informative_terms(previous))
        if not hits:
            return Reply(answer=UNKNOWN_ANSWER, hits=(), confidence=0.0)
        confidence = 1.0 - math.exp(-hits[0].score / _CONFIDENCE_SCALE)
        return Reply(answer=_extract(hits[0].document, terms), hits=hits, confidence=round(confidence, 4))

    def close(self) -> None:
        """Release the index."""
        self._index.close()


def snippet(document: Document) -> str:
    """The beginning of the article, cut at a word."""
    text = document.answer
    return text if len(text) <= SNIPPET_CHARS else text[:SNIPPET_CHARS].rsplit(" ", 1)[0] + " …"


def _extract(document: Document, terms: Sequence[str]) -> str:
    """The three sentences that share most words with the question, in their order, and the source."""
    sentences = _SENTENCE_END.split(document.answer)
    wanted = {term[:_STEM_CHARS] for term in terms}
    overlap = [
        len(wanted.intersection(word[:_STEM_CHARS] for word in _WORD.findall(sentence.lower())))
        for sentence in sentences
    ]
    best = sorted(range(len(sentences)), key=lambda i: (-overlap[i], i))[:3]
    return " ".join(sentences[i] for i in sorted(best)) + f" Source: {document.title}, {document.url}"
