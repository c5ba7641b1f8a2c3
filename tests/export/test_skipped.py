"""Says once why the other tests of this folder did not run."""

import pytest

from tests.export.conftest import MISSING

pytestmark = pytest.mark.export


def test_everything_needed_is_installed():
    if MISSING:
        pytest.skip(f"the tests of export/ need {', '.join(MISSING)}")
