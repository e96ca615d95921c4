# SPDX-License-Identifier: Apache-2.0
"""What lm-evaluation-harness, SillyTavern and Kobold clients send, word for word, and what they read of the answers."""
from server import ServerTest, events_of, main


class LmEval(ServerTest):
    """local-completions of lm-evaluation-harness: prompts as ids, echo, logprobs 1, max_tokens 1."""
    OPTIONS = ["--kv-memory", "100M"]

    def tokens(self, text):
        answer = self.server.json("POST", "/tokenize", {"prompt": text, "add_special_tokens": False})
        return answer["tokens"]

    def score(self, pairs, headers=None):
        """The sums and greedy flags of [context, continuation] pairs, as the harness computes them."""
        body = {"model": "EleutherAI/gpt-j-6b", "prompt": [c + x for c, x in pairs], "temperature": 0,
                "max_tokens": 1, "logprobs": 1, "seed": 1234, "echo": True}
        answer = self.server.json("POST", "/v1/completions", body, headers)
        results = []
        for choice, (context, continuation) in zip(sorted(answer["choices"], key=lambda c: c["index"]), pairs):
            logprobs = choice["logprobs"]
            size = len(context) + len(continuation)
            self.assertEqual(len(logprobs["token_logprobs"]), size + 1)
            self.assertEqual(logprobs["token_logprobs"][0], None)
            self.assertNotIn(None, logprobs["token_logprobs"][1:])
            values = logprobs["token_logprobs"][len(context):-1]
            tops = logprobs["top_logprobs"][len(context):-1]
            self.assertEqual(len(values), len(continuation))
            greedy = all(value == max(top.values()) for value, top in zip(values, tops))
            results.append((sum(values), greedy))
        return results

    def test_scores_do_not_depend_on_company(self):
        context = self.tokens("Once upon a time there was a")
        pairs = [(context, self.tokens(word)) for word in (" king", " queen", " the of and", " little girl")]
        together = self.score(pairs, {"Authorization": "Bearer "})
        self.assertEqual(together, [self.score([pair])[0] for pair in pairs])
        self.assertGreater(together[0][0], together[2][0])

    def test_the_greedy_continuation_is_greedy(self):
        context = self.tokens("Once upon a time")
        ids = self.server.complete(prompt=context, max_tokens=5, temperature=0)["choices"][0]["token_ids"]
        results = self.score([(context, ids), (context, ids[:-1] + [(ids[-1] + 1) % 4000])])
        self.assertEqual([greedy for _, greedy in results], [True, False])

    def test_the_longest_prompt_and_one_more(self):
        ids = (self.tokens("the king and the queen ") * 200)[:511]
        self.score([(ids[:500], ids[500:])])
        answer = self.server.json("POST", "/v1/completions", {"prompt": [ids + [5]], "max_tokens": 1, "echo": True,
                                                              "logprobs": 1}, expect=400)
        self.assertEqual(answer["error"]["code"], "context_length_exceeded")

    def test_the_end_token_counts_too(self):
        end = self.server.json("GET", "/tokenizer_info")["eos_token"]
        self.assertEqual(end, "<|endoftext|>")
        ids = self.tokens("Once")
        body = {"prompt": [ids], "max_tokens": 1, "echo": True, "logprobs": 1, "temperature": 0,
                "logit_bias": {"4095": 100}}
        logprobs = self.server.complete(**body)["choices"][0]["logprobs"]
        self.assertEqual(len(logprobs["tokens"]), len(ids) + 1)

    def test_texts_and_offsets(self):
        text = "Once upon a time"
        choice = self.server.complete(prompt=[text], max_tokens=1, echo=True, logprobs=1, temperature=0)["choices"][0]
        logprobs = choice["logprobs"]
        for token, offset in zip(logprobs["tokens"], logprobs["text_offset"]):
            self.assertEqual(choice["text"][offset:offset + len(token)], token)

    def test_generation(self):
        answer = self.server.complete(prompt=[self.tokens("The king")], model="x", max_tokens=20, temperature=0,
                                      stop=["\n", "<|endoftext|>", "a", "b", "c"], seed=1234, do_sample=False)
        self.assertEqual(answer["choices"][0]["index"], 0)

    def test_detokenize(self):
        ids = self.tokens("The king's caf\u00e9")
        self.assertEqual(self.server.json("POST", "/detokenize", {"tokens": ids})["prompt"], "The king's caf\u00e9")
        self.server.json("POST", "/detokenize", {"tokens": [99999]}, expect=400)


class Kobold(ServerTest):
    BODY = {"prompt": "Once upon a time", "max_length": 12, "max_context_length": 512, "temperature": 0.7, "top_p": 0.9,
            "top_k": 0, "top_a": 0, "typical": 1, "tfs": 1, "rep_pen": 1.1, "rep_pen_range": 256, "rep_pen_slope": 0.7,
            "sampler_order": [6, 0, 1, 3, 4, 2, 5], "singleline": False, "use_default_badwordsids": False,
            "mirostat": 0, "mirostat_tau": 5, "mirostat_eta": 0.1, "dynatemp_range": 0, "min_p": 0,
            "stop_sequence": ["\nYou:"], "sampler_seed": 7, "genkey": "KCPP1234", "quiet": True, "grammar": "",
            "images": [], "trim_stop": True, "bypass_eos": False, "logit_bias": {}, "banned_tokens": [],
            "smoothing_factor": 0, "dry_multiplier": 0, "xtc_probability": 0, "memory": ""}

    def generate(self, **changes):
        return self.server.json("POST", "/api/v1/generate", {**self.BODY, **changes})["results"][0]

    def test_what_clients_ask_first(self):
        get = lambda path: self.server.json("GET", path)
        self.assertEqual(get("/api/v1/info/version"), {"result": "1.2.5"})
        self.assertEqual(get("/api/v1/model"), {"result": "gptj/fairytale-8m"})
        for path in ("/api/v1/config/max_context_length", "/api/v1/config/max_length",
                     "/api/extra/true_max_context_length"):
            self.assertEqual(get(path), {"value": 512})
        version = get("/api/extra/version")
        self.assertEqual(version["result"], "KoboldCpp")
        self.assertGreater(tuple(map(int, version["version"].split("."))), (1, 30))
        self.assertEqual(get("/api/extra/perf")["idle"], 1)
        count = self.server.json("POST", "/api/extra/tokencount", {"prompt": "Once upon a time"})
        self.assertEqual(count["value"], len(count["ids"]))

    def test_generate_is_the_same_as_by_openai(self):
        result = self.generate()
        body = {"prompt": "Once upon a time", "max_tokens": 12, "temperature": 0.7, "top_p": 0.9, "top_k": 0,
                "typical_p": 1, "repetition_penalty": 1.1, "repetition_penalty_range": 256, "min_p": 0,
                "stop": ["\nYou:"], "seed": 7}
        answer = self.server.complete(**body)
        self.assertEqual(result["text"], answer["choices"][0]["text"])
        self.assertEqual(result["completion_tokens"], 12)
        self.assertEqual(result["finish_reason"], "length")
        self.assertEqual(self.server.json("POST", "/api/latest/generate", self.BODY)["results"][0], result)

    def test_stream(self):
        _, headers, answer = self.server.ask("POST", "/api/extra/generate/stream", self.BODY)
        self.assertEqual(headers["content-type"], "text/event-stream")
        self.assertTrue(answer.startswith(b"event: message\ndata: "))
        self.assertNotIn(b"[DONE]", answer)
        events = events_of(answer)
        self.assertEqual("".join(e["token"] for e in events), self.generate()["text"])
        self.assertEqual([e["finish_reason"] for e in events], [None] * (len(events) - 1) + ["length"])

    def test_stop_sequences_are_trimmed_or_not(self):
        text = self.generate(temperature=0)["text"]
        stop = text[4:6]
        begin = text.index(stop)
        trimmed = self.generate(temperature=0, stop_sequence=[stop])
        self.assertEqual((trimmed["text"], trimmed["finish_reason"]), (text[:begin], "stop"))
        self.assertEqual(self.generate(temperature=0, stop_sequence=[stop], trim_stop=False)["text"],
                         text[:begin] + stop)

    def test_a_long_prompt_loses_its_beginning_never_its_memory(self):
        memory = "The king is called Otto. "
        tokens = self.server.json("POST", "/tokenize", {"prompt": memory})["count"]
        result = self.generate(prompt="the wood " * 1000, memory=memory, max_context_length=100)
        self.assertEqual(result["prompt_tokens"], 88)
        self.assertGreater(88, tokens)
        same = self.generate(prompt="the wood " * 40, memory=memory, max_context_length=100)
        self.assertEqual(same["text"], result["text"])

    def test_errors_have_a_detail(self):
        for wrong in ({"prompt": 7}, {"max_length": 0}, {"grammar": "root"}, {"rep_pen": "x"}, {"stop_sequence": "a"},
                      {"images": ["x"]}):
            answer = self.server.json("POST", "/api/v1/generate", {**self.BODY, **wrong}, expect=400)
            self.assertIn(next(iter(wrong)), answer["detail"]["msg"])
        self.assertEqual(self.server.json("POST", "/api/extra/generate/check", b"")["results"], [{"text": ""}])


class SillyTavern(ServerTest):
    def test_text_completion(self):
        body = {"prompt": "Once upon a time", "model": "", "max_new_tokens": 12, "max_tokens": 12, "temperature": 0.7,
                "top_p": 0.9, "typical_p": 1, "typical": 1, "sampler_seed": -1, "min_p": 0, "repetition_penalty": 1.1,
                "frequency_penalty": 0, "presence_penalty": 0, "top_k": -1, "skew": 0, "min_tokens": 0,
                "length_penalty": 1, "early_stopping": False, "add_bos_token": True, "smoothing_factor": 0,
                "dry_allowed_length": 2, "dry_multiplier": 0, "dry_sequence_breakers": "[]", "stop": ["\nYou:"],
                "stopping_strings": ["\nYou:"], "truncation_length": 512, "ban_eos_token": False,
                "skip_special_tokens": True, "include_reasoning": True, "top_a": 0, "tfs": 1, "mirostat_mode": 0,
                "custom_token_bans": "", "banned_strings": [], "sampler_priority": [], "logit_bias": [],
                "guidance_scale": 1, "negative_prompt": "", "grammar_string": "", "api_type": "generic",
                "api_server": "http://127.0.0.1:8080", "n": 2, "logprobs": 10, "stream": True, "json_schema": None}
        events = self.server.stream(**body)
        self.assertEqual(events[-1], "[DONE]")
        self.assertEqual({e["choices"][0]["index"] for e in events[:-1]}, {0, 1})
        for event in events[:-1]:
            self.assertLessEqual(len(event["choices"][0]["logprobs"]["top_logprobs"]), 1)


class Metrics(ServerTest):
    def test_metrics_are_well_formed(self):
        _, headers, text = self.server.ask("GET", "/metrics")
        self.assertTrue(headers["content-type"].startswith("text/plain"))
        declared = set()
        for line in text.decode().splitlines():
            if line.startswith("# TYPE "):
                self.assertNotIn(line.split()[2], declared)
                declared.add(line.split()[2])
            elif not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                base = name.split("{")[0]
                self.assertTrue(base in declared or base.rsplit("_", 1)[0] in declared, name)
                float(value)


if __name__ == "__main__":
    main()
