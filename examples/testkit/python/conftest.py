import pytest

from milena import Milena


@pytest.fixture
def milena():
    broker = Milena()
    yield broker
    broker.close()
