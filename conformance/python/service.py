"""Stands in for a module that kafka-python's tests import and its source distribution leaves out: only external brokers are used here."""


class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self):
        pass

    start = stop = close = open


class SpawnedService:
    def __init__(self, *_):
        raise RuntimeError("these tests run against an external broker only")
