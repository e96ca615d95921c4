# SPDX-License-Identifier: Apache-2.0
"""POST /v1/completions: the contract of SERVE 2, and that answers are those of gptj complete, streamed or not, alone or
beside others."""
import concurrent.futures
import json
import subprocess

from server import FAIRYTALE, PROGRAM, ServerTest, events_of, main

# Requests with the options of gptj complete that ask for the same.
REQUESTS = [
    {"prompt": "Once upon a time", "max_tokens": 20, "temperature": 0},
    {"prompt": "The king", "max_tokens": 12, "temperature": 1.0, "seed": 3, "n": 3},
    {"prompt": "The king", "max_tokens": 12, "temperature": 0.9, "seed": 3, "top_p": 0.8, "top_k": 40},
    {"prompt": "Once upon a time", "max_tokens": 30, "temperature": 0, "stop": ["the", "\n"]},
    {"prompt": "Once", "max_tokens": 6, "temperature": 1.0, "seed": 1, "echo": True, "logprobs": 3},
    {"prompt": "caf\u00e9 \u2603", "max_tokens": 8, "temperature": 3.0, "seed": 5, "logprobs": 0, "ignore_eos": True},
    {"prompt": "The king", "max_tokens": 8, "num_beams": 3, "n": 2, "logprobs": 1, "seed": 0},
    {"prompt": "The king", "max_tokens": 10, "temperature": 1.0, "seed": 9, "repetition_penalty": 1.3,
     "repetition_penalty_range": 4},
    {"prompt": "", "max_tokens": 5, "temperature": 0, "echo": True},
    {"prompt": "Once upon", "max_tokens": 0, "echo": True, "logprobs": 1, "temperature": 0},
]


def by_program(request):
    """The choices that gptj complete --json prints for the request."""
    arguments = [PROGRAM, "complete", "--model", FAIRYTALE, "--threads", "1", "--json", "--quiet"]
    for name, value in request.items():
        if name == "prompt":
            continue
        option = "--" + name.replace("_", "-")
        if value is True:
            arguments.append(option)
            continue
        for one in value if isinstance(value, list) else [value]:
            arguments += [option, str(one)]
    if "seed" not in request:
        arguments += ["--seed", "0"]
    done = subprocess.run(arguments + [request["prompt"]], capture_output=True, check=True)
    return json.loads(done.stdout)["choices"]


def plain(choices):
    """The choices without what only the server adds."""
    return [{k: v for k, v in choice.items() if k != "seed"} for choice in choices]


def put_together(events):
    """The choices that a stream's chunks make up."""
    choices = {}
    for event in events:
        for part in event["choices"] if event != "[DONE]" else []:
            whole = choices.setdefault(part["index"], {"text": "", "index": part["index"], "token_ids": [],
                                                       "finish_reason": None, "logprobs": None})
            assert whole["finish_reason"] is None, "a chunk after the last"
            whole["text"] += part["text"]
            whole["token_ids"] += part["token_ids"]
            whole["finish_reason"] = part["finish_reason"]
            if part["logprobs"]:
                whole["logprobs"] = whole["logprobs"] or {name: [] for name in part["logprobs"]}
                for name, values in part["logprobs"].items():
                    whole["logprobs"][name] += values
    return [choices[index] for index in sorted(choices)]


class Equality(ServerTest):
    def expect(self, request, choices):
        expected = by_program(request)
        for choice in expected:
            choice.pop("score")
        found = [{k: v for k, v in c.items() if k != "score"} for c in plain(choices)]
        self.assertEqual(json.dumps(found, sort_keys=True), json.dumps(expected, sort_keys=True), request)

    def test_alone(self):
        for request in REQUESTS:
            self.expect(request, self.server.complete(**request)["choices"])

    def test_streamed(self):
        for request in REQUESTS:
            events = self.server.stream(**request)
            self.assertEqual(events[-1], "[DONE]")
            self.expect(request, put_together(events))

    def test_sixty_four_at_once(self):
        many = [REQUESTS[i % len(REQUESTS)] for i in range(64)]
        expected = {json.dumps(r): self.server.complete(**r)["choices"] for r in REQUESTS}

        def ask(numbered):
            i, request = numbered
            if i % 2:
                return put_together(self.server.stream(**request))
            return self.server.complete(**request)["choices"]

        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            for request, choices in zip(many, pool.map(ask, enumerate(many))):
                whole = [{k: v for k, v in c.items() if k != "score"} for c in plain(choices)]
                single = [{k: v for k, v in c.items() if k != "score"} for c in plain(expected[json.dumps(request)])]
                # A seed that is not given is drawn; greedy texts do not depend on it.
                self.assertEqual(whole, single)


class Contract(ServerTest):
    def test_shape(self):
        answer = self.server.complete(prompt="Once", max_tokens=3, temperature=0)
        self.assertRegex(answer["id"], "^cmpl-[0-9a-f]{32}$")
        self.assertEqual(answer["object"], "text_completion")
        self.assertEqual(answer["model"], "fairytale-8m")
        self.assertRegex(answer["system_fingerprint"], "^gptj-")
        self.assertEqual(answer["usage"]["completion_tokens"], 3)
        self.assertEqual(answer["usage"]["total_tokens"], 3 + answer["usage"]["prompt_tokens"])
        self.assertIsInstance(answer["choices"][0]["seed"], int)

    def test_prompt_forms(self):
        ids = self.server.json("POST", "/tokenize", {"prompt": "The king"})["tokens"]
        text = self.server.complete(prompt="The king", max_tokens=5, temperature=0)["choices"][0]["text"]
        for prompt, count in [(ids, 1), ([ids], 1), (["The king"], 1), (["The king", ids], 2), ([ids, ids, ids], 3)]:
            choices = self.server.complete(prompt=prompt, max_tokens=5, temperature=0)["choices"]
            self.assertEqual([c["index"] for c in choices], list(range(count)))
            self.assertEqual({c["text"] for c in choices}, {text})
        many = self.server.complete(prompt=["The king", "The queen"], n=2, max_tokens=2, temperature=1, seed=4)
        self.assertEqual([c["index"] for c in many["choices"]], [0, 1, 2, 3])

    def test_defaults(self):
        answer = self.server.complete(prompt="Once upon a time", seed=1, ignore_eos=True)
        self.assertEqual(answer["usage"]["completion_tokens"], 16)
        self.assertEqual(self.server.complete()["usage"]["prompt_tokens"], 1)

    def test_what_clients_send_passes(self):
        answer = self.server.complete(prompt="Once", model="gpt-3.5-turbo-instruct", suffix=None, logit_bias={},
                                      user="me", top_k=-1, seed=-1, stop=["", None], best_of=None, mirostat_mode=0,
                                      typical_p=1, min_p=0, grammar="", repetition_penalty=1, max_tokens=2.0,
                                      response_format={"type": "text"}, guided_json=None, dry_multiplier=0)
        self.assertEqual(answer["usage"]["completion_tokens"], 2)

    def expect_error(self, param, status=400, code=None, **body):
        answer = self.server.json("POST", "/v1/completions", body, expect=status)
        error = answer["error"]
        self.assertEqual((error["param"], error["code"]), (param, code), error)
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        return error["message"]

    def test_what_cannot_be_kept_is_an_error(self):
        self.expect_error("grammar", prompt="a", grammar="root ::= x")
        self.expect_error("suffix", prompt="a", suffix="b")
        self.expect_error("response_format", prompt="a", response_format={"type": "json_object"})
        self.expect_error("stream_options", prompt="a", stream_options={"include_usage": True})
        self.expect_error("best_of", prompt="a", best_of=3, stream=True)

    def test_errors_name_the_field_before_the_status_line(self):
        for stream in (False, True):
            self.expect_error("temperature", prompt="a", temperature="hot", stream=stream)
            self.expect_error("top_p", prompt="a", top_p=7, stream=stream)
            self.expect_error("prompt", prompt=[], stream=stream)
            self.expect_error("prompt", prompt={"a": 1}, stream=stream)
            self.expect_error("prompt", prompt=[["x"]], stream=stream)
            self.expect_error("prompt", prompt=[99999], stream=stream)
            self.expect_error("logprobs", prompt="a", logprobs=21, stream=stream)
            self.expect_error("n", prompt=["a"] * 100, n=2, temperature=1, stream=stream)
            self.expect_error("max_tokens", prompt="a", max_tokens=100000, stream=stream,
                              code="context_length_exceeded")
            # The second of two prompts is wrong: none is answered.
            self.expect_error("prompt", prompt=["a", "b " * 2000], stream=stream, code="context_length_exceeded")

    def test_bodies_that_are_none(self):
        for body in (b"", b"{", b"[]", b"3", b"null", b'{"prompt": "\xff"}', b"[" * 100000, b'{"a":' * 100000,
                     b'{"prompt": [' + b"1," * 10, b'{"prompt": 1e999}'):
            status, _, answer = self.server.ask("POST", "/v1/completions", body)
            self.assertEqual(status, 400, (body[:40], answer))
            self.assertIn("message", json.loads(answer)["error"])

    def test_stream(self):
        events = self.server.stream(prompt="Once", max_tokens=4, temperature=0, stream_options={"include_usage": True})
        self.assertEqual(events[-1], "[DONE]")
        self.assertEqual(events[-2]["choices"], [])
        self.assertEqual(events[-2]["usage"]["completion_tokens"], 4)
        for event in events[:-2]:
            self.assertIsNone(event["usage"])
            self.assertEqual(len(event["choices"]), 1)
        self.assertEqual(list(events[0])[:5], ["id", "object", "created", "choices", "model"])
        self.assertEqual(len({event["id"] for event in events[:-1]}), 1)
        # One token a chunk with logprobs.
        events = self.server.stream(prompt="Once", max_tokens=4, temperature=0, logprobs=2)
        self.assertEqual([len(e["choices"][0]["logprobs"]["tokens"]) for e in events[:-1]], [1] * 4)

    def test_stream_headers(self):
        status, headers, answer = self.server.ask("POST", "/v1/completions",
                                                  {"prompt": "a", "stream": True, "max_tokens": 1})
        self.assertEqual(status, 200)
        self.assertEqual(headers["content-type"], "text/event-stream")
        self.assertEqual(headers["cache-control"], "no-cache")
        self.assertEqual(headers["x-accel-buffering"], "no")
        self.assertEqual(events_of(answer)[-1], "[DONE]")

    def test_request_id(self):
        _, headers, _ = self.server.ask("GET", "/v1/models", headers={"X-Request-Id": "my-id.7"})
        self.assertEqual(headers["x-request-id"], "my-id.7")
        _, headers, _ = self.server.ask("GET", "/v1/models", headers={"X-Request-Id": "a b"})
        self.assertRegex(headers["x-request-id"], "^req-[0-9a-f]{16}$")

    def test_models(self):
        models = self.server.json("GET", "/v1/models")
        self.assertEqual(models["data"][0]["id"], "fairytale-8m")
        self.assertEqual(models["data"][0]["max_model_len"], 512)
        self.assertEqual(self.server.json("GET", "/v1/models/fairytale-8m")["id"], "fairytale-8m")
        self.assertEqual(self.server.json("GET", "/v1/models/other", expect=404)["error"]["code"], "model_not_found")

    def test_chat_says_what_to_use(self):
        error = self.server.json("POST", "/v1/chat/completions", {"messages": []}, expect=404)["error"]
        self.assertIn("/v1/completions", error["message"])

    def test_methods(self):
        status, headers, _ = self.server.ask("GET", "/v1/completions")
        self.assertEqual((status, headers["allow"]), (405, "POST, OPTIONS"))
        self.assertEqual(self.server.ask("GET", "/nothing")[0], 404)
        status, headers, body = self.server.ask("HEAD", "/v1/models")
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(headers["content-length"]), 10)


class KeptPrefixes(ServerTest):
    def test_a_second_turn_is_read_from_what_was_kept(self):
        text = "Once upon a time there was a king who had three daughters, and the youngest of them "
        first = self.server.complete(prompt=text, max_tokens=10, temperature=0)
        again = text + first["choices"][0]["text"]
        second = self.server.complete(prompt=again, max_tokens=4, temperature=0)
        self.assertGreater(second["usage"]["prompt_tokens_details"]["cached_tokens"],
                           first["usage"]["prompt_tokens"] - 2)
        self.assertGreater(self.server.metric("gptj_prefix_cache_tokens_total"), 0)


if __name__ == "__main__":
    main()
