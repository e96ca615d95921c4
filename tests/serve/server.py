# SPDX-License-Identifier: Apache-2.0
"""A gptj serve for tests: starts it on a free port, asks it, reads its events and metrics."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "..", ".."))
FAIRYTALE = os.path.join(ROOT, "models", "fairytale-8m")
PROGRAM = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
# How much longer than on a quiet machine a deadline may take.
SLOW = float(os.environ.get("GPTJ_SLOW_MACHINE", "1"))


class Server:
    """A server as a process. `options` are those of gptj serve."""

    def __init__(self, *options, environment=None, port=True, wait=True, model=FAIRYTALE, threads=1):
        arguments = [PROGRAM, "serve", "--model", model, *options]
        if threads:
            arguments += ["--threads", str(threads)]
        if port:
            arguments += ["--port", "0"]
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        env={**os.environ, **(environment or {})})
        self.stderr = b""
        self.port = None
        self.host = "127.0.0.1"
        self.wait_for(rb"listening on .*\n")
        found = re.search(rb"listening on http://.*:(\d+)\n", self.stderr)
        if found:
            self.port = int(found.group(1))
        if wait:
            self.wait_for(rb"ready: .*\n")

    def wait_for(self, pattern):
        while not re.search(pattern, self.stderr):
            line = self.process.stderr.readline()
            if not line:
                raise AssertionError("the server ended: " + self.stderr.decode())
            self.stderr += line

    def connect(self, timeout=120):
        connection = socket.create_connection((self.host, self.port), timeout=timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def ask(self, method, path, body=None, headers=None):
        """Returns status, headers (lower case) and body."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=300)
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, answer

    def json(self, method, path, body=None, headers=None, expect=200):
        status, _, answer = self.ask(method, path, body, headers)
        assert status == expect, (status, answer)
        return json.loads(answer)

    def complete(self, **body):
        return self.json("POST", "/v1/completions", body)

    def stream(self, path="/v1/completions", headers=None, **body):
        """Returns the data of all events; [DONE] as the text."""
        status, _, answer = self.ask("POST", path, {"stream": True, **body} if path.startswith("/v1") else body,
                                     headers)
        assert status == 200, (status, answer)
        return events_of(answer)

    def metrics(self):
        _, _, text = self.ask("GET", "/metrics")
        values = {}
        for line in text.decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def metric(self, name):
        return self.metrics().get(name, 0)

    def wait_until(self, condition, seconds=60):
        end = time.time() + seconds * SLOW
        while not condition():
            if time.time() > end:
                raise AssertionError("it did not come about")
            time.sleep(0.02)

    def wait_idle(self):
        self.wait_until(lambda: (lambda m: m["gptj_num_requests_running"] + m["gptj_num_requests_waiting"])(
            self.metrics()) == 0)

    def stop(self, signal_number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        self.stderr += self.process.stderr.read()
        self.process.stderr.close()
        return self.process.wait(timeout=120)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.stderr.close()
        self.process.wait()


def events_of(answer):
    events = []
    for event in answer.decode().split("\n\n"):
        for line in event.splitlines():
            if line.startswith("data: "):
                data = line[len("data: "):]
                events.append(data if data == "[DONE]" else json.loads(data))
    return events


def raw_request(body, path="/v1/completions", version="1.1", headers=""):
    data = json.dumps(body).encode()
    return (f"POST {path} HTTP/{version}\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n{headers}\r\n"
            ).encode() + data


def read_response(connection):
    """Reads one whole response with a Content-Length; returns status, header and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return (int(data.split()[1]) if data else None), data, b""
        data += part
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return int(head.split()[1]), head, body


def read_all(connection):
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            data += part
    return data


class ServerTest(unittest.TestCase):
    """Tests that share one server."""
    OPTIONS = []

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.OPTIONS)

    @classmethod
    def tearDownClass(cls):
        with cls.server:
            cls.server.stop()


def main():
    sys.argv.pop(1)
    unittest.main()
