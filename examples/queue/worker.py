"""A worker of a queue: takes one message, works, acknowledges. Usage: worker.py URL TOPIC GROUP"""

import json
import sys
import urllib.parse
import urllib.request


class Queue:
    def __init__(self, url, topic, group):
        self.url = url
        self.receiving = f"/q/v1/topics/{urllib.parse.quote(topic, '')}/groups/{urllib.parse.quote(group, '')}:receive"

    def post(self, path, body):
        """The answer's JSON, or None when there is none. A status of 400 or more is an exception that has the reason in its body."""
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=40) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def receive(self, settle):
        """The next message, or None when there is none within a second. What became of the last one goes with the question."""
        answer = self.post(self.receiving, {"wait_ms": 1000, "settle": settle})
        return answer["messages"][0] if answer and answer["messages"] else None

    def extend(self, lease, seconds):
        """The old lease ends, and a new one is given."""
        return self.post(f"/q/v1/leases/{lease}:extend", {"lease_ms": seconds * 1000})["new_lease"]


def main(url, topic, group):
    queue = Queue(url, topic, group)
    settle = {}
    while message := queue.receive(settle):
        if message["value"] == "poison":
            settle = {"reject": [{"lease": message["lease"], "reason": "poison"}]}
            continue
        lease = queue.extend(message["lease"], 60)
        print(message["value"], flush=True)
        settle = {"ack": [lease]}


main(*sys.argv[1:4])
