import pytest

from tests.install.machine import Machine


@pytest.fixture
def machine(tmp_path, monkeypatch, capsys):
    return Machine(tmp_path, monkeypatch, capsys)
