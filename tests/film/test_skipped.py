"""Says once why the other tests of this folder did not run; and what users are told then."""

import pytest

from core.film import extras
from tests.film.conftest import MISSING


@pytest.mark.film
def test_everything_needed_is_installed():
    if MISSING:
        pytest.skip(f"the tests of films need {', '.join(MISSING)}: pip install '.[film]'")


def test_what_is_missing_is_said_with_the_command(monkeypatch):
    monkeypatch.setitem(extras.EXTRAS, "film", ("no_such_module",))
    with pytest.raises(extras.ExtraMissing, match="-m pip install .*opencv"):
        extras.require("film")
