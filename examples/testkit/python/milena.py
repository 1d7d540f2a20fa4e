"""A Milena of one test: started by the binary, stopped with the test, broken on request."""

import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request


class Milena:
    def __init__(self, *flags):
        binary = os.environ.get("MILENA", "milena")
        free = ["--kafka", "127.0.0.1:0", "--http", "127.0.0.1:0", "--registry", "127.0.0.1:0", "--rest", "127.0.0.1:0"]
        command = [binary, "serve", "--ephemeral", "-o", "json", *free, *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())
        self.kafka = self.ready["kafka"]
        self.http = "http://" + self.ready["http"]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def control(self, method, path, **words):
        """One call of /ephemeral/v1; an expectation that does not hold fails the test with its words."""
        url = f"{self.ready['ephemeral']['control']}/{path}"
        if words:
            url += "?" + urllib.parse.urlencode({name.rstrip("_"): value for name, value in words.items()})
        request = urllib.request.Request(url, method=method)
        request.add_header("Authorization", "Bearer " + self.ready["ephemeral"]["token"])
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise AssertionError(json.load(refused)["error"]) from None

    def post(self, path, body):
        """One call of the broker's own HTTP door: status and body."""
        request = urllib.request.Request(self.http + path, data=json.dumps(body).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
