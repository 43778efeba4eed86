from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govbench.demo.knowledge import (
    MAX_TERMS,
    SNIPPET_CHARS,
    UNKNOWN_ANSWER,
    Knowledge,
    informative_terms,
    load_corpus,
    match_expression,
    snippet,
)


@pytest.fixture(scope="module")
def knowledge() -> Iterator[Knowledge]:
    knowledge = Knowledge()
    yield knowledge
    knowledge.close()


def test_corpus_is_large_and_its_articles_are_distinct() -> None:
    corpus = load_corpus()
    assert len(corpus) >= 60
    assert len({document.id for document in corpus}) == len(corpus)
    assert all(document.url.startswith("https://services.example.gov/") for document in corpus)
    assert all(2 <= document.answer.count(". ") + 1 <= 5 for document in corpus)


@pytest.mark.parametrize(
    ("query", "document_id"),
    [
        ("How can I renew my passport?", "renew-passport"),
        ("My passport was stolen", "lost-passport"),
        ("wedding documents", "marriage"),
        ("Does my firm have to charge VAT?", "vat-registration"),
        ("contesting speeding fines", "traffic-fine"),
        ("Do I need a permit to build a garage?", "building-permit"),
        ("Is there money for widows and orphans?", "survivor-pension"),
        ("voting by post", "postal-vote"),
    ],
)
def test_finds_the_right_article(knowledge: Knowledge, query: str, document_id: str) -> None:
    reply = knowledge.reply(query)
    assert reply.hits[0].document.id == document_id
    assert reply.hits[0].document.url in reply.answer
    assert 0 < reply.confidence < 1


def test_the_own_question_of_every_article_finds_it_first(knowledge: Knowledge) -> None:
    missed = [d.id for d in load_corpus() if knowledge.reply(d.question).hits[0].document.id != d.id]
    assert missed == []


@pytest.mark.parametrize(
    "query",
    [
        "How do I cook pasta carbonara?",
        "What is the capital of France?",
        "What is the best pizza in town?",
        "write a poem about the sea",
        "How do I fix a bug in my python code?",
        "?!?",
        "the of and",
        "Wie wird das Wetter morgen?",
    ],
)
def test_says_that_it_does_not_know(knowledge: Knowledge, query: str) -> None:
    reply = knowledge.reply(query)
    assert (reply.answer, reply.hits, reply.confidence) == (UNKNOWN_ANSWER, (), 0.0)


def test_every_sample_query_is_answered_in_its_category(
    knowledge: Knowledge, sample_queries: list[dict[str, str]]
) -> None:
    """Follow-ups stand behind the question that they belong to, in the same category."""
    previous: dict[str, str] = {}
    for sample in sample_queries:
        query, category = sample["query"], sample["category"]
        reply = knowledge.reply(query, previous.get(category))
        assert reply.hits[0].document.category == category, query
        previous[category] = query


def test_a_follow_up_needs_the_question_before_it(knowledge: Knowledge) -> None:
    alone = knowledge.reply("How often are the returns due?")
    within = knowledge.reply("How often are the returns due?", "Does my small company need a VAT number?")
    assert alone.hits[0].document.id == "income-tax-return"
    assert within.hits[0].document.id == "vat-registration"


def test_hits_come_best_first(knowledge: Knowledge) -> None:
    scores = [hit.score for hit in knowledge.search(("licence", "driving", "foreign"))]
    assert len(scores) > 1
    assert scores == sorted(scores, reverse=True)


def test_informative_terms_drop_stop_words_and_repetitions() -> None:
    assert informative_terms("How do I renew my Passport, the PASSPORT?") == ("renew", "passport")
    assert len(informative_terms(" ".join(f"word{i}" for i in range(500)))) == MAX_TERMS


def test_match_expression_quotes_operators() -> None:
    assert match_expression(("near", 'a"b')) == '"near" OR "a""b"'


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet='"*():^-+{}ANDORNEAT \0passport')))
def test_any_text_is_a_safe_query(text: str) -> None:
    with closing(Knowledge(load_corpus()[:3])) as knowledge:
        knowledge.reply(text, previous=text)
        knowledge.search((text,))


def test_snippet_is_cut_at_a_word() -> None:
    document = next(d for d in load_corpus() if len(d.answer) > SNIPPET_CHARS)
    text = snippet(document)
    assert text.endswith(" …")
    assert document.answer.startswith(text.removesuffix(" …") + " ")
