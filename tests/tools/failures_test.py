# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around the program: disks, pipes, signals, names, limits.

    python3 failures_test.py build/gptj build/tests/libfailing_calls.so [unittest arguments]
"""
import errno
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import unittest

SHIM = os.path.abspath(sys.argv.pop(2))

from program import (ENVIRONMENT, FAIRYTALE, GREEDY, NO_TOKENIZER, PROGRAM, PROMPT, Folder,
                          complete, greedy_text, requests, run, start)


def failing(**settings):
    return {"LD_PRELOAD": SHIM, **{name: str(value) for name, value in settings.items()}}


def read(path):
    with open(path, "rb") as file:
        return file.read()


class InFolder(Folder):
    def path(self, name):
        return os.path.join(self.folder, name)

    def expect(self, code, *arguments, words=b"", **options):
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr))
        self.assertIn(words, done.stderr)
        return done


# File systems of clusters: none of them has all that Linux has.
class FileSystems(InFolder):
    WITHOUT = (
        dict(FAIL_FLOCK=errno.ENOSYS),
        dict(FAIL_FLOCK=errno.ENOLCK),
        dict(FAIL_FLOCK=errno.EOPNOTSUPP),
        dict(FAIL_FSYNC_FOLDER=errno.EINVAL),
        dict(FAIL_FSYNC=errno.EINVAL, FAIL_FSYNC_FOLDER=errno.EINVAL, FAIL_FLOCK=errno.ENOSYS),
    )

    def test_convert_sessions_and_batches_do_without(self):
        source = self.write("in", requests(6, 4))
        for i, settings in enumerate(self.WITHOUT):
            env = failing(**settings)
            packed = self.path(f"packed{i}.safetensors")
            self.expect(0, "convert", FAIRYTALE, packed, "--weights", "int8", env=env)
            session = self.path(f"session{i}")
            for _ in range(2):
                self.expect(0, "complete", *GREEDY, "--session", session, PROMPT, env=env)
            parts = []
            for shard in range(2):
                parts.append(self.path(f"part{i}-{shard}"))
                self.expect(0, "batch", source, "-o", parts[-1], "--shard", f"{shard}/2", env=env)
                self.expect(0, "batch", source, "-o", parts[-1], "--shard", f"{shard}/2",
                            "--resume", env=env)
            self.expect(0, "batch", "--merge", "-o", self.path(f"merged{i}"), *parts, env=env)
        self.assertEqual(read(self.path("merged0")), read(self.path("merged4")))

    def test_a_flush_that_loses_data_is_an_error(self):
        source = self.write("in", requests(2, 2))
        for settings in (dict(FAIL_FSYNC=errno.EIO), dict(FAIL_FSYNC_FOLDER=errno.EIO)):
            env = failing(**settings)
            self.expect(1, "batch", source, "-o", self.path("out"), env=env, words=b"cannot flush")
            self.expect(1, "complete", *GREEDY, "--session", self.path("s"), PROMPT, env=env,
                        words=b"cannot flush")

    def test_a_full_disk_leaves_a_journal_to_resume(self):
        source = self.write("in", requests(20, 8))
        self.expect(3, "batch", source, "-o", self.path("whole"))
        size = len(read(self.path("whole.journal")))
        out = self.path("out")
        places = (100, size // 3, size - 1, size + len(read(self.path("whole"))) // 2)
        for error, limit in itertools.product((errno.ENOSPC, errno.EDQUOT, errno.EIO), places):
            env = failing(FAIL_WRITE=error, FAIL_WRITE_AFTER=limit)
            self.expect(1, "batch", source, "-o", out, env=env, words=os.strerror(error).encode())
            self.expect(3, "batch", source, "-o", out, "--resume")
            self.assertEqual(read(out), read(self.path("whole")))
            os.remove(out)
            os.remove(out + ".journal")

    def test_a_full_disk_leaves_no_half_of_a_file(self):
        env = failing(FAIL_WRITE=errno.ENOSPC, FAIL_WRITE_AFTER=100000)
        for name, arguments in (
                ("packed", ("convert", FAIRYTALE, self.path("packed.safetensors"), "--weights", "int8")),
                ("s", ("complete", *GREEDY, "--session", self.path("s"), PROMPT * 20))):
            self.expect(1, *arguments, env=env, words=b"No space left on device")
            self.assertEqual([n for n in os.listdir(self.folder) if n.startswith(name)], [])

    def test_a_limit_of_file_sizes_is_an_error_and_no_signal(self):
        source = self.write("in", requests(20, 8))
        self.expect(3, "batch", source, "-o", self.path("whole"))
        limit = len(read(self.path("whole"))) // 2

        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        process = start("batch", source, "-o", self.path("out"), preexec_fn=limited)
        errors = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn(b"File too large", errors)
        self.expect(3, "batch", source, "-o", self.path("out"), "--resume")
        self.assertEqual(read(self.path("out")), read(self.path("whole")))


class StandardStreams(InFolder):
    def test_a_read_error_is_not_the_end_of_the_prompt(self):
        text = (PROMPT * 100).encode()
        env = failing(FAIL_READ_STDIN=errno.EIO, FAIL_READ_AFTER=20)
        for command in (["complete"], ["tokenize"], ["repl"], ["batch"]):
            done = run(*command, stdin=text, env=env)
            self.assertEqual(done.returncode, 1, (command, done.stderr))
            self.assertIn(b"standard input: cannot read: Input/output error", done.stderr)
            self.assertEqual(done.stdout, b"")

    # Reads `size` bytes of what the program writes, then goes.
    def leave_early(self, size, *arguments, stdin=b""):
        reader, writer = os.pipe()
        process = subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.PIPE, stdout=writer,
                                   stderr=subprocess.PIPE, env=ENVIRONMENT)
        os.close(writer)
        feeder = threading.Thread(target=self.feed, args=(process, stdin))
        feeder.start()
        got = b""
        while len(got) < size:
            got += os.read(reader, size - len(got))
        os.close(reader)
        feeder.join()
        errors = process.stderr.read()
        process.stderr.close()
        return process.wait(timeout=60), errors

    @staticmethod
    def feed(process, text):
        try:
            process.stdin.write(text)
            process.stdin.close()
        except BrokenPipeError:
            pass

    def test_whoever_reads_may_go(self):
        long = ["--max-tokens", "800", "--overflow", "slide", "--ignore-eos"]
        for arguments, stdin in (
                (("complete", *long, PROMPT), b""),
                (("complete", "--json", *long, PROMPT), b""),
                (("tokenize",), (PROMPT * 20000).encode()),
                (("batch",), requests(200, 10)),
                (("inspect", "--json", "--model", FAIRYTALE), b"")):
            code, errors = self.leave_early(0 if "--json" in arguments else 1, *arguments,
                                            stdin=stdin)
            self.assertEqual(code, 0, (arguments, errors))
            self.assertNotIn(b"cannot write", errors)
            self.assertNotIn(b"Broken pipe", errors)

    def test_it_ends_soon_after(self):
        begin = time.monotonic()
        self.leave_early(1, "complete", "--max-tokens", "100000", "--overflow", "slide",
                         "--ignore-eos", PROMPT)
        self.assertLess(time.monotonic() - begin, 20)

    def test_a_session_is_saved_all_the_same(self):
        long = ["--max-tokens", "300", "--ignore-eos", "--temperature", "0"]
        code, errors = self.leave_early(1, "complete", *long, "--session", self.path("a"), PROMPT)
        self.assertEqual(code, 0, errors)
        code, errors = self.leave_early(1, "repl", *long, "--session", self.path("b"),
                                        stdin=PROMPT.encode() + b"\nand then\n")
        self.assertEqual(code, 0, errors)
        for name in ("a", "b"):
            self.expect(0, "complete", *GREEDY, "--session", self.path(name), PROMPT)

    def test_a_closed_stderr_ends_nothing(self):
        for closed in ("2>&-", "2>/dev/full", "2> >(true)"):
            target = self.path("packed.safetensors")
            done = subprocess.run(
                ["bash", "-c", f'"$@" {closed}', "-", PROGRAM, "convert", FAIRYTALE, target,
                 "--weights", "int8"], env=ENVIRONMENT, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, closed)
            self.expect(0, "complete", *GREEDY, "--model", target, PROMPT)
            os.remove(target)

    def test_a_closed_stdout_is_an_error(self):
        done = subprocess.run(["bash", "-c", '"$@" >&-', "-", PROGRAM, "complete", *GREEDY, PROMPT],
                              env=ENVIRONMENT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output: cannot write", done.stderr)

    def test_a_full_stdout_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "complete", *GREEDY, PROMPT], env=ENVIRONMENT,
                                  stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left on device", done.stderr)


# Latin-1: \xe9 is no UTF-8.
class Names(InFolder):
    def setUp(self):
        super().setUp()
        self.place = os.path.join(os.fsencode(self.folder), b"caf\xe9")
        os.mkdir(self.place)
        self.model = os.path.join(self.place, b"mod\xe8le")
        os.symlink(FAIRYTALE, self.model)

    def at(self, name):
        return os.path.join(self.place, name)

    def json(self, *arguments, **options):
        return json.loads(self.expect(0, *arguments, **options).stdout.decode("utf-8"))

    def test_complete(self):
        found = self.json("complete", "--json", *GREEDY, "--model", self.model, PROMPT)
        self.assertEqual(found["model"], "mod\ufffdle")
        prompt = self.at(b"fra\xe7ais")
        with open(prompt, "wb") as file:
            file.write(PROMPT.encode())
        self.assertEqual(complete(*GREEDY, "--file", prompt), greedy_text())
        self.expect(0, "complete", *GREEDY, "--session", self.at(b"\xe0"), PROMPT)
        self.expect(0, "complete", *GREEDY, "--session", self.at(b"\xe0"), PROMPT)

    def test_inspect(self):
        found = self.json("inspect", "--json", "--model", self.model)
        self.assertIn("caf\ufffd/mod\ufffdle", found["path"])
        self.expect(0, "inspect", "--model", self.model)

    def test_bench(self):
        found = self.json("bench", "--json", "--only", "decode", "--tokens", "2", "--runs", "1",
                          "--model", self.model)
        self.assertIn("mod\ufffdle", found["model"])

    def test_batch(self):
        source, out = self.at(b"entr\xe9e"), self.at(b"r\xe9sultat")
        with open(source, "wb") as file:
            file.write(requests(3, 3))
        self.expect(0, "batch", source, "-o", out, "--model", self.model)
        whole = read(out)
        self.expect(0, "batch", source, "-o", out, "--model", self.model, "--resume")
        self.assertEqual(read(out), whole)
        self.assertEqual(json.loads(whole.splitlines()[0])["model"], "mod\ufffdle")
        parts = [self.at(b"\xe9" + str(shard).encode()) for shard in range(2)]
        for shard, part in enumerate(parts):
            self.expect(0, "batch", source, "-o", part, "--model", self.model, "--shard",
                        f"{shard}/2")
        self.expect(0, "batch", "--merge", "-o", self.at(b"\xea"), *parts)
        self.assertEqual(read(self.at(b"\xea")), whole)

    def test_convert(self):
        target = self.at(b"r\xe9duit.safetensors")
        done = self.expect(0, "convert", "--json", self.model, target, "--weights", "int8")
        json.loads(done.stdout.decode("utf-8"))
        found = self.json("inspect", "--json", "--model", target)
        self.assertIn("mod\ufffdle", json.dumps(found["source"], ensure_ascii=False))
        self.json("complete", "--json", *GREEDY, "--model", target, PROMPT)

    def test_errors(self):
        for arguments in (("complete", "--model", self.at(b"\xff"), PROMPT),
                          ("batch", self.at(b"\xff")), ("inspect", self.at(b"\xff")),
                          ("complete", "--template-file", self.at(b"\xff"), PROMPT)):
            done = run(*arguments)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertNotIn(b"unexpected", done.stderr)
            self.assertIn(b"\xff", done.stderr)


class Limits(InFolder):
    def test_more_cpus_than_a_cpu_set_holds(self):
        env = failing(FAIL_AFFINITY_BELOW=4096)
        self.assertEqual(run("complete", *GREEDY, "--threads", "2", PROMPT, env=env).stdout,
                         greedy_text())

    def test_many_shards_and_few_files(self):
        source = self.write("in", b'{"prompt": "a", "max_tokens": 0}\n' * 100)
        self.expect(0, "batch", source, "-o", self.path("whole"), "--quiet")
        parts = [self.path(f"part{i}") for i in range(100)]
        for i, part in enumerate(parts):
            self.expect(0, "batch", source, "-o", part, "--shard", f"{i}/100", "--quiet")
        done = subprocess.run(["bash", "-c", 'ulimit -n 64; "$@"', "-", PROGRAM, "batch",
                               "--merge", "-o", self.path("merged"), *reversed(parts)],
                              env=ENVIRONMENT, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(read(self.path("merged")), read(self.path("whole")))

    # Its KV pages can never fit.
    def test_memory_of_a_request_is_refused_with_the_figure(self):
        wide = ["--best-of", "128", "--max-tokens", "500", "--ignore-eos", "--temperature", "1"]
        done = self.expect(1, "complete", "--max-ram", "200M", *wide, PROMPT,
                           words=b"pages of keys and values need ")
        self.assertRegex(done.stderr, rb"need [\d.]+ GB, found [\d.]+ [GM]B for them; lower best_of")
        lines = (b'{"prompt": "a", "max_tokens": 2}\n'
                 b'{"prompt": "a", "best_of": 128, "max_tokens": 500, "temperature": 1}\n'
                 b'{"prompt": "a", "max_tokens": 2}\n')
        done = self.expect(3, "batch", "--kv-memory", "20M", stdin=lines)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(["error" in record for record in records], [False, True, False])
        self.assertEqual(records[1]["error"]["code"], "out_of_memory")
        self.assertEqual(records[1]["error"]["param"], "best_of")


class Termination(InFolder):
    def test_sigterm_ends_a_batch_within_300_ms(self):
        times = int(os.environ.get("GPTJ_TERMINATIONS", "12"))
        source = self.write("in", requests(120, 40))
        out = self.path("out")
        begin = time.monotonic()
        self.expect(3, "batch", source, "-o", self.path("whole"))
        seconds = time.monotonic() - begin
        whole, in_the_middle, longest = read(self.path("whole")), 0, 0.0
        for i in range(times):
            process = start("batch", source, "-o", out, "--resume")
            # Past its start, and well before its end.
            while not os.path.exists(out) and process.poll() is None:
                time.sleep(0.001)
            time.sleep(seconds * 0.6 * i / times)
            process.send_signal(signal.SIGTERM)
            begin = time.monotonic()
            process.communicate(timeout=60)
            took = time.monotonic() - begin
            self.assertEqual(process.returncode, 143)
            longest = max(longest, took)
            kept = read(out + ".journal").count(b"\n") - 1
            in_the_middle += 0 < kept < whole.count(b"\n")
            self.expect(3, "batch", source, "-o", out, "--resume")
            self.assertEqual(read(out), whole)
            os.remove(out)
            os.remove(out + ".journal")
        print(f"{times} SIGTERM, {in_the_middle} in the middle, at most {longest * 1000:.0f} ms",
              file=sys.stderr)
        self.assertGreaterEqual(in_the_middle, times // 2)
        self.assertLess(longest, 0.3 * float(os.environ.get("GPTJ_SLOW_MACHINE", "1")))


if __name__ == "__main__":
    sys.argv = [sys.argv[0]] + sys.argv[2:]
    unittest.main()
