"""The worker's words in the user's language; English ones stay as they are."""

import gettext
import io

import pytest

from core import errors
from installer.catalogs import to_mo
from plugin import translation, words


@pytest.fixture
def german(monkeypatch):
    texts = {
        "": "Content-Type: text/plain; charset=UTF-8\n",
        "Loading the model": "Modell wird geladen",
    }
    catalog = gettext.GNUTranslations(io.BytesIO(to_mo(texts)))
    monkeypatch.setattr(translation, "_catalogs", [catalog])


def test_english_stays_as_the_worker_said_it():
    assert words.said("Loading the model") == "Loading the model"
    assert words.failure_sentence("model_corrupt", "Damaged: x.") == "Damaged: x."


def test_known_words_are_translated_and_others_are_kept(german):
    assert words.said("Loading the model") == "Modell wird geladen"
    assert words.said("Painting tile 3 of 9") == "Painting tile 3 of 9"
    assert words.said("") == ""


def test_a_failure_is_told_by_its_code_with_the_workers_words_after_it(german):
    said = words.failure_sentence("model_corrupt", "Damaged: x.")
    assert said.endswith("(Damaged: x.)") and said != "Damaged: x."
    assert words.failure_sentence("new_code", "Something.") == "Something."


def test_every_code_of_the_engine_is_known():
    def codes(kind):
        # other tests may have imported export/, whose errors the plug-in never sees
        children = [c for c in kind.__subclasses__() if c.__module__ == errors.__name__]
        return {kind.code}.union(*(codes(child) for child in children))

    assert codes(errors.LimnerError) - {"model_error"} <= set(words._CODES)
