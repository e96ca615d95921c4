# SPDX-License-Identifier: Apache-2.0
"""What users of other servers complain about, each with the right behaviour: one test for each row of the table, by its
number."""
import concurrent.futures
import json
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from server import FAIRYTALE, PROGRAM, SLOW, Server, ServerTest, events_of, main, raw_request, read_all, read_response

LONG = {"prompt": "Once upon a time", "max_tokens": 480, "temperature": 0, "ignore_eos": True}
# Rows that may still be computed for a client that has left: what was under way, and a token or two until it is noticed.
CHUNK = 256


def long_prompt(words):
    return "the king and the queen went to the wood. " * (words // 9)


class Disconnects(ServerTest):
    OPTIONS = ["--kv-memory", "200M"]

    def leave(self, body, when, version="1.1"):
        """Sends a request, waits for `when`, leaves; returns the rows that were computed afterwards."""
        self.server.wait_idle()
        before = self.server.metric("gptj_request_finished_total{reason=\"disconnected\"}")
        connection = self.server.connect()
        connection.sendall(raw_request(body, version=version))
        when(connection)
        connection.close()
        at_leaving = self.server.metric("gptj_rows_total")
        self.server.wait_until(
            lambda: self.server.metric("gptj_request_finished_total{reason=\"disconnected\"}") > before)
        self.server.wait_idle()
        return self.server.metric("gptj_rows_total") - at_leaving

    def until_it_runs(self, _):
        rows = self.server.metric("gptj_rows_total")
        self.server.wait_until(lambda: self.server.metric("gptj_rows_total") > rows)

    def until_first_token(self, connection):
        data = b""
        while data.count(b"data: ") < 2:
            data += connection.recv(65536)

    def test_row_1_a_client_that_leaves_ends_its_text(self):
        tokens = []
        for stream, when in ((True, self.until_first_token), (False, self.until_it_runs)):
            rows = self.leave({**LONG, "stream": stream, "n": 4, "temperature": 1}, when)
            tokens.append(rows)
            self.assertLess(rows, 4 * 100, "of the 4 * 480 that were asked for")

    def test_row_1_http_1_0(self):
        rows = self.leave({**LONG, "stream": True}, self.until_first_token, version="1.0")
        self.assertLess(rows, 100)

    def test_row_2_a_client_that_leaves_ends_its_prompt(self):
        # 100 prompts of 400 tokens: they end within a chunk.
        ids = self.server.json("POST", "/tokenize", {"prompt": long_prompt(600)})["tokens"][:400]
        prompts = [[i + 1] + ids for i in range(60)]
        rows = self.leave({"prompt": prompts, "max_tokens": 1, "temperature": 0}, self.until_it_runs)
        self.assertLess(rows, 60 * 400 - CHUNK)

    def test_row_3_a_client_that_leaves_leaves_the_queue(self):
        with Server("--kv-memory", "5M") as server:
            first = server.connect()
            first.sendall(raw_request({**LONG, "stream": True}))
            self.until_first_token(first)
            second = server.connect()
            second.sendall(raw_request(LONG))
            server.wait_until(lambda: server.metric("gptj_num_requests_waiting") == 1)
            second.close()
            server.wait_until(lambda: server.metric("gptj_num_requests_waiting") == 0)
            self.assertEqual(server.metric("gptj_num_requests_running"), 1)
            first.close()
            server.wait_idle()

    def test_row_24_only_the_one_that_is_meant_is_aborted(self):
        body = {"prompt": "Once upon a time", "max_length": 400, "bypass_eos": True, "temperature": 1}

        def generate(key):
            return self.server.json("POST", "/api/v1/generate", {**body, "genkey": key})["results"][0]

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            a, b = pool.submit(generate, "a"), pool.submit(generate, "b")
            self.server.wait_until(lambda: self.server.metric("gptj_num_requests_running") == 2)
            # Without a key and with two users it is nobody's.
            self.assertEqual(self.server.json("POST", "/api/extra/abort", b"")["success"], "false")
            self.assertEqual(self.server.json("POST", "/api/extra/abort", {"genkey": "a"})["success"], "true")
            self.assertLess(a.result()["completion_tokens"], 400)
            self.server.wait_until(lambda: self.server.metric("gptj_num_requests_running") <= 1)
            self.assertEqual(b.result()["completion_tokens"], 400)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            c = pool.submit(generate, "c")
            self.server.wait_until(lambda: self.server.metric("gptj_num_requests_running") == 1)
            self.assertEqual(self.server.json("POST", "/api/extra/abort", b"")["success"], "true")
            self.assertLess(c.result()["completion_tokens"], 400)


class Load(ServerTest):
    OPTIONS = ["--kv-memory", "300M"]

    def test_row_4_health_answers_while_all_is_busy(self):
        ids = self.server.json("POST", "/tokenize", {"prompt": long_prompt(600)})["tokens"][:400]
        connections = []
        for i in range(20):
            connection = self.server.connect()
            connection.sendall(raw_request({"prompt": [i + 1] + ids, "max_tokens": 100, "stream": i % 2 == 0}))
            connections.append(connection)
        times = []
        for _ in range(50):
            start = time.time()
            self.assertEqual(self.server.ask("GET", "/health")[0], 200)
            times.append(time.time() - start)
        times.sort()
        self.assertLess(times[len(times) // 2], 0.1 * SLOW)
        for connection in connections:
            connection.close()
        self.server.wait_idle()

    def test_row_5_idle_connections_cost_little_and_hold_up_nobody(self):
        before = self.server.metric("process_resident_memory_bytes")
        idle = [self.server.connect() for _ in range(900)]
        self.server.wait_until(lambda: self.server.metric("gptj_connections") >= 900)
        self.assertLess((self.server.metric("process_resident_memory_bytes") - before) / 900, 32 << 10)
        self.assertEqual(self.server.complete(prompt="Once", max_tokens=2)["usage"]["completion_tokens"], 2)
        for connection in idle:
            connection.close()
        self.server.wait_until(lambda: self.server.metric("gptj_connections") < 50)

    def test_row_8_small_requests_that_make_huge_work(self):
        for body in ({"prompt": ["a"] * 129}, {"prompt": "a", "n": 129, "temperature": 1},
                     {"prompt": "a", "stop": ["x%d" % i for i in range(65)]}, {"prompt": "a", "stop": "x" * 257},
                     {"prompt": "a", "stop": ["x"] * 500000}, {"prompt": "a", "bad_words": ["x"] * 129},
                     {"prompt": "a", "logit_bias": {str(i): 1 for i in range(1025)}},
                     {"prompt": "a", "max_tokens": 10 ** 15}, {"prompt": "a", "best_of": 10 ** 18}):
            start = time.time()
            self.assertEqual(self.server.ask("POST", "/v1/completions", body)[0], 400, str(body)[:80])
            self.assertLess(time.time() - start, 5 * SLOW)

    def test_row_9_and_10_all_prompts_and_logprobs(self):
        # completions_test and lm_eval_test have the rest.
        events = self.server.stream(prompt=[[5, 6], [7, 8, 9]], max_tokens=2, temperature=0)
        self.assertEqual({c["index"] for e in events[:-1] for c in e["choices"]}, {0, 1})

    def test_row_11_and_12_stop_strings_and_characters_in_streams(self):
        whole = self.server.complete(prompt="Once upon a time", max_tokens=24, temperature=0)["choices"][0]["text"]
        for begin in range(0, len(whole) - 3, 5):
            for size in (1, 3):
                body = {"prompt": "Once upon a time", "max_tokens": 24, "temperature": 0,
                        "stop": [whole[begin:begin + size], "never"]}
                text = self.server.complete(**body)["choices"][0]["text"]
                self.assertEqual(text, whole[:whole.index(whole[begin:begin + size])])
                chunks = [e["choices"][0]["text"] for e in self.server.stream(**body)[:-1]]
                self.assertEqual("".join(chunks), text)
        # Bytes that are no character, and characters that are cut between tokens.
        bytes_of = self.server.json("POST", "/tokenize", {"prompt": "\u2603\u00e9"})["tokens"]
        for bias in ({str(bytes_of[0]): 100}, {str(i): 90 for i in bytes_of}):
            body = {"prompt": "Once", "max_tokens": 30, "temperature": 2, "seed": 1, "logit_bias": bias}
            text = self.server.complete(**body)["choices"][0]["text"]
            self.assertIn("\ufffd", text)
            self.assertEqual("".join(e["choices"][0]["text"] for e in self.server.stream(**body)[:-1]), text)

    def test_row_13_http_1_0_has_no_chunks(self):
        with self.server.connect() as connection:
            connection.sendall(raw_request({"prompt": "Once", "max_tokens": 3, "stream": True}, version="1.0"))
            answer = read_all(connection)
        head, body = answer.split(b"\r\n\r\n", 1)
        self.assertNotIn(b"chunked", head.lower())
        self.assertIn(b"connection: close", head.lower())
        self.assertEqual(events_of(body)[-1], "[DONE]")

    def test_row_20_errors_come_before_the_status_line(self):
        for stream in (False, True):
            status, _, answer = self.server.ask("POST", "/v1/completions",
                                                {"prompt": long_prompt(2000), "stream": stream})
            self.assertEqual(status, 400)
            self.assertEqual(json.loads(answer)["error"]["code"], "context_length_exceeded")

    def test_row_23_no_route_takes_a_file(self):
        for path in ("/../../etc/passwd", "/%2e%2e/etc/passwd", "//etc/passwd", "/v1/models/../../etc/passwd",
                     "/v1/models/%2e%2e"):
            self.assertEqual(self.server.ask("GET", path)[0], 404, path)


class Limits(ServerTest):
    OPTIONS = ["--header-timeout", "0.5", "--body-timeout", "0.5", "--idle-timeout", "1", "--stall-timeout", "1.5",
               "--max-body", "100000", "--max-connections", "20", "--max-queue", "2", "--kv-memory", "5M", "--ping",
               "0.5"]

    def test_row_6_slow_headers_and_bodies_have_one_deadline(self):
        for first in (b"GET /health HTTP/1.1\r\nHost: local",
                      b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"):
            with self.server.connect() as connection:
                start = time.time()
                connection.sendall(first)
                connection.settimeout(30)
                for _ in range(100):  # a byte now and then
                    time.sleep(0.1)
                    try:
                        connection.sendall(b" ")
                        connection.setblocking(False)
                        data = connection.recv(4096)
                        break
                    except BlockingIOError:
                        connection.setblocking(True)
                self.assertIn(b" 408 ", data)
                self.assertLess(time.time() - start, 5 * SLOW)

    def test_row_6_a_reader_that_stops_is_dropped(self):
        connection = self.server.connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        body = {"prompt": ["Once upon a time"] * 40, "max_tokens": 200, "stream": True, "logprobs": 20,
                "temperature": 1, "ignore_eos": True, "echo": True}
        connection.sendall(raw_request(body))
        self.server.wait_until(lambda: self.server.metric("gptj_num_requests_running") > 0)
        # It reads nothing; others go on, and it is dropped.
        self.assertEqual(self.server.ask("GET", "/health")[0], 200)
        self.server.wait_until(
            lambda: self.server.metric("gptj_request_finished_total{reason=\"disconnected\"}") > 0, 120)
        self.server.wait_idle()
        connection.close()

    def test_row_7_a_full_queue_says_so_at_once(self):
        endless = {"prompt": "Once", "max_tokens": 5000, "overflow": "slide", "stream": True, "temperature": 1,
                   "ignore_eos": True}
        busy = [self.server.connect() for _ in range(8)]
        for connection in busy:
            connection.sendall(raw_request(endless))
        statuses = [connection.recv(12).split()[1] for connection in busy]
        self.assertEqual(set(statuses), {b"200", b"429"})
        self.assertGreaterEqual(statuses.count(b"200"), 2)
        status, headers, answer = self.server.ask("POST", "/v1/completions", {"prompt": "a"})
        error = json.loads(answer)["error"]
        self.assertEqual((status, error["type"], error["code"]), (429, "rate_limit_error", "queue_full"))
        self.assertGreaterEqual(int(headers["retry-after"]), 1)
        self.assertEqual(self.server.ask("GET", "/health")[0], 200)
        self.assertEqual(self.server.ask("GET", "/health?fail_on_full=1")[0], 503)
        status, _, answer = self.server.ask("POST", "/api/v1/generate", {"prompt": "a"})
        self.assertEqual((status, json.loads(answer)["detail"]["type"]), (503, "service_unavailable"))
        for connection in busy:
            connection.close()
        self.server.wait_idle()

    def test_row_14_silence_is_filled_with_comments(self):
        first = self.server.connect()
        first.sendall(raw_request({**LONG, "stream": True}))
        time.sleep(0.2)
        with self.server.connect() as second:
            second.sendall(raw_request({**LONG, "max_tokens": 470, "stream": True}))
            data = b""
            while b": waiting\n\n" not in data and b"[DONE]" not in data:
                part = second.recv(65536)
                self.assertTrue(part)
                data += part
            # The head came at once, and no comment stands inside an event.
            self.assertIn(b"200 OK", data)
        first.close()
        self.server.wait_idle()

    def test_row_21_limits_of_header_and_body(self):
        with self.server.connect() as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20000 + b"\r\n\r\n")
            self.assertEqual(read_response(connection)[0], 431)
        for length, kind in ((100001, "application/json"), (10 ** 10, "application/x-www-form-urlencoded")):
            with self.server.connect() as connection:
                connection.sendall(f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
                                   f"Content-Length: {length}\r\n\r\n".encode())
                self.assertEqual(read_response(connection)[0], 413)
        with self.server.connect() as connection:
            connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                               b"Transfer-Encoding: chunked\r\n\r\n")
            try:
                for _ in range(200):
                    connection.sendall(b"400\r\n" + b" " * 1024 + b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertEqual(read_response(connection)[0], 413)

    def test_row_25_connections_are_counted_and_probes_not_kept(self):
        _, headers, _ = self.server.ask("GET", "/health")
        self.assertEqual(headers["connection"], "close")
        connections = [self.server.connect() for _ in range(25)]
        statuses = []
        for connection in connections:
            connection.settimeout(20 * SLOW)
            data = read_all(connection)  # the idle limit ends those that were let in
            statuses.append(data.split()[1] if data else b"")
            connection.close()
        self.assertGreaterEqual(statuses.count(b"503"), 4)
        self.assertGreaterEqual(statuses.count(b""), 15)


class Access(unittest.TestCase):
    def test_row_15_and_16_origins_and_hosts(self):
        with Server("--cors-origin", "https://good.example", "--allowed-host", "gptj.example") as server:
            def status(**headers):
                names = {name.replace("_", "-"): value for name, value in headers.items()}
                return server.ask("GET", "/v1/models", headers=names)[0]

            own = f"http://127.0.0.1:{server.port}"
            self.assertEqual(status(Origin=own), 200)
            self.assertEqual(status(Origin="http://localhost:3000"), 200)
            self.assertEqual(status(Origin="https://good.example"), 200)
            for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example", "https://good.example.evil"):
                self.assertEqual(status(Origin=origin), 403, origin)
            # A simple POST, without a preflight, is not run either.
            code, _, _ = server.ask("POST", "/v1/completions", {"prompt": "a"},
                                    {"Origin": "https://evil.example", "Content-Type": "text/plain"})
            self.assertEqual(code, 403)
            self.assertEqual(server.metric("gptj_rows_total"), 0)
            code, headers, _ = server.ask("OPTIONS", "/v1/completions", headers={
                "Origin": "https://good.example", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type"})
            self.assertEqual(code, 204)
            self.assertEqual(headers["access-control-allow-origin"], "https://good.example")
            self.assertIn("authorization", headers["access-control-allow-headers"])
            self.assertEqual(headers["vary"], "Origin")
            for host, expected in (("localhost", 200), ("127.0.0.1:99", 200), ("[::1]:80", 200),
                                   ("gptj.example", 200), ("evil.example", 403), ("127.evil.example", 403)):
                self.assertEqual(status(Host=host), expected, host)

    def test_row_17_and_18_keys(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("# mine\nsecret-one\n\n  secret-two  \n")
            file.flush()
            with Server("--api-key-file", file.name) as server:
                def status(path, key=None, method="GET"):
                    headers = {} if key is None else {"Authorization": key}
                    return server.ask(method, path, headers=headers)[0]

                for path in ("/v1/models", "/tokenizer_info", "/metrics", "/api/v1/model", "/openapi.json",
                             "/nothing"):
                    for wrong in (None, "Bearer ", "Bearer secret", "Bearer secret-one2", "Bearer secret-twosecret-two",
                                  "Basic secret-one", "Bearer # mine"):
                        self.assertEqual(status(path, wrong), 401, (path, wrong))
                for key in ("secret-one", "secret-two"):
                    self.assertEqual(status("/v1/models", "Bearer " + key), 200)
                for path in ("/health", "/livez", "/"):
                    self.assertEqual(status(path), 200)
                _, headers, answer = server.ask("GET", "/v1/models")
                self.assertEqual(headers["www-authenticate"], "Bearer")
                self.assertEqual(json.loads(answer)["error"]["code"], "invalid_api_key")
                code, _, _ = server.ask("OPTIONS", "/v1/completions", headers={"Origin": "http://localhost"})
                self.assertEqual(code, 204)


class Ending(unittest.TestCase):
    def test_row_19_sigterm_drains(self):
        with Server("--drain", "60") as server:
            connection = server.connect()
            connection.sendall(raw_request({**LONG, "max_tokens": 60, "stream": True}))
            while b"data: " not in connection.recv(65536):
                pass
            server.process.send_signal(signal.SIGTERM)
            server.wait_for(rb"ending: 1")
            status, headers, answer = server.ask("GET", "/health")
            self.assertEqual((status, json.loads(answer)["error"]["code"]), (503, "draining"))
            self.assertEqual(server.ask("POST", "/v1/completions", {"prompt": "a"})[0], 503)
            self.assertIn(b"[DONE]", read_all(connection))
            connection.close()
            self.assertEqual(server.stop(), 128 + signal.SIGTERM)

    def test_row_19_what_is_left_after_the_deadline_has_an_error_event(self):
        with Server("--drain", "0.3") as server:
            stream, whole = server.connect(), server.connect()
            stream.sendall(raw_request({**LONG, "stream": True, "n": 8, "temperature": 1}))
            whole.sendall(raw_request({**LONG, "n": 8, "temperature": 1}))
            while b"data: " not in stream.recv(65536):
                pass
            server.wait_until(lambda: server.metric("gptj_num_requests_running") == 2)
            server.process.send_signal(signal.SIGTERM)
            events = read_all(stream)
            self.assertIn(b'"code":"draining"', events)
            self.assertIn(b"[DONE]", events)
            self.assertEqual(read_response(whole)[0], 503)
            stream.close()
            whole.close()
            self.assertEqual(server.stop(), 128 + signal.SIGTERM)

    def test_row_19_a_second_signal_ends_at_once(self):
        with Server("--drain", "600") as server:
            connection = server.connect()
            connection.sendall(raw_request({**LONG, "stream": True, "n": 8, "temperature": 1}))
            while b"data: " not in connection.recv(65536):
                pass
            server.process.send_signal(signal.SIGINT)
            server.wait_for(rb"ending: 1")
            self.assertEqual(server.stop(signal.SIGINT), 128 + signal.SIGINT)
            connection.close()


class Memory(unittest.TestCase):
    def test_row_22_memory_and_descriptors_stay_flat(self):
        with Server("--kv-memory", "20M") as server:
            def figures():
                server.wait_idle()
                with open(f"/proc/{server.process.pid}/status") as status:
                    text = status.read()
                memory = sum(int(re.search(name + r":\s+(\d+)", text).group(1)) for name in ("RssAnon", "VmSwap"))
                return memory, server.metric("process_open_fds")

            def some(count):
                for i in range(count):
                    connection = server.connect()
                    connection.sendall(raw_request({"prompt": f"The {i} king", "max_tokens": 8, "stream": i % 2 == 0}))
                    if i % 5:
                        connection.settimeout(60 * SLOW)
                        connection.recv(100)
                    connection.close()

            some(int(os.environ.get("GPTJ_SOAK", "300")) // 3)
            memory, descriptors = figures()
            some(int(os.environ.get("GPTJ_SOAK", "300")))
            more, more_descriptors = figures()
            self.assertLess(more, memory * 1.1 + 2000)
            self.assertLessEqual(more_descriptors, descriptors + 2)


class Descriptors(unittest.TestCase):
    def test_no_descriptor_left_does_not_spin(self):
        server = Server()
        with server:
            resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE,
                             (int(server.metric("process_open_fds")) + 4, 4096))
            connections = [server.connect() for _ in range(20)]
            with open(f"/proc/{server.process.pid}/stat") as file:
                before = sum(map(int, file.read().split()[13:15]))
            time.sleep(2)
            with open(f"/proc/{server.process.pid}/stat") as file:
                ticks = sum(map(int, file.read().split()[13:15])) - before
            self.assertLess(ticks / os.sysconf("SC_CLK_TCK"), 0.5)
            for connection in connections:
                connection.close()
            self.assertEqual(server.ask("GET", "/health")[0], 200)


class Options(unittest.TestCase):
    ENDLESS = {"prompt": "Once", "max_tokens": 100000, "overflow": "slide", "temperature": 1, "ignore_eos": True}

    def test_a_time_limit_ends_an_answer(self):
        with Server("--timeout", "1") as server:
            error = server.json("POST", "/v1/completions", self.ENDLESS, expect=503)["error"]
            self.assertEqual(error["code"], "timeout")
            events = server.stream(**self.ENDLESS)
            self.assertEqual(events[-2]["error"]["code"], "timeout")
            self.assertEqual(events[-1], "[DONE]")
            server.wait_idle()

    def test_limits_of_tokens_and_names(self):
        with Server("--max-tokens-limit", "7", "--default-max-tokens", "3", "--strict-model", "--alias", "tale of/two",
                    "--keep-prefixes", "off") as server:
            body = {"prompt": "Once upon a time there was a king who lived in a wood", "ignore_eos": True}
            self.assertEqual(server.complete(**body)["usage"]["completion_tokens"], 3)
            answer = server.complete(**body, max_tokens=50, model="tale of/two")
            self.assertEqual(answer["usage"]["completion_tokens"], 7)
            self.assertEqual(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 0)
            error = server.json("POST", "/v1/completions", {**body, "model": "other"}, expect=404)["error"]
            self.assertEqual((error["param"], error["code"]), ("model", "model_not_found"))
            self.assertEqual(server.json("GET", "/v1/models/tale%20of%2Ftwo")["id"], "tale of/two")

    def test_the_access_log_has_figures_and_no_text(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log")
            with Server("--access-log", path) as server:
                server.ask("POST", "/v1/completions", {"prompt": "Otto the secret", "max_tokens": 4, "ignore_eos": True},
                           {"X-Request-Id": "abc"})
                server.ask("GET", "/secret/path?prompt=Otto")
                server.stop()
            with open(path) as file:
                text = file.read()
            lines = [json.loads(line) for line in text.splitlines()]
            self.assertEqual([line["status"] for line in lines], [200, 404])
            self.assertEqual((lines[0]["id"], lines[0]["path"]), ("abc", "/v1/completions"))
            self.assertEqual(lines[0]["completion_tokens"], 4)
            self.assertEqual(lines[0]["finish_reason"], "length")
            self.assertGreaterEqual(lines[0]["seconds"], lines[0]["first_token_seconds"])
            self.assertNotIn("Otto", text)
            self.assertNotIn("secret", text)

    def test_wrong_options_are_refused(self):
        for options in (["--port", "70000"], ["--max-queue", "-1"], ["--api-key-file", "/nowhere"],
                        ["--host", "256.1.1.1"], ["--drain", "x"], ["--unix", "/nowhere/s"]):
            done = subprocess.run([PROGRAM, "serve", "--model", FAIRYTALE, *options], capture_output=True, timeout=60)
            self.assertIn(done.returncode, (1, 2), options)
            self.assertNotEqual(done.stderr, b"", options)


class Loading(unittest.TestCase):
    def test_what_needs_the_model_says_that_it_is_loading(self):
        with Server(wait=False) as server:
            status, _, answer = server.ask("GET", "/health")
            if status == 503:  # a fast machine may have loaded the model already
                self.assertEqual(json.loads(answer)["error"]["code"], "loading")
            self.assertEqual(server.ask("GET", "/livez")[0], 200)
            server.wait_for(rb"ready: ")
            self.assertEqual(server.ask("GET", "/health")[0], 200)

    def test_the_environment_sets_options(self):
        with Server(port=False, environment={"GPTJ_PORT": "0", "GPTJ_ALIAS": "tales"}) as server:
            self.assertEqual(server.json("GET", "/v1/models")["data"][0]["id"], "tales")

    def test_a_socket_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s")
            with Server("--unix", path, port=False) as server:
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(path)
                connection.sendall(raw_request({"prompt": "Once", "max_tokens": 1}))
                self.assertEqual(read_response(connection)[0], 200)
                connection.close()
                server.stop()
            self.assertFalse(os.path.exists(path))


if __name__ == "__main__":
    main()
