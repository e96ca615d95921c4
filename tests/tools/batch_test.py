# SPDX-License-Identifier: Apache-2.0
"""batch: a file of requests, killed and gone on with."""
import json
import os
import pty
import random
import resource
import signal
import subprocess
import sys
import time

from program import ENVIRONMENT, Folder, PROGRAM, complete_json, main, requests, run, start


class Batch(Folder):
    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.folder, "out.jsonl")

    def read(self, path=None):
        with open(path or self.out, "rb") as file:
            return file.read()

    def test_records_are_those_of_complete(self):
        lines = requests(8, 6)
        done = run("batch", self.write("in", lines), "-o", self.out)
        self.assertEqual(done.returncode, 3, done.stderr)  # one was wrong
        self.assertEqual(done.stdout, b"")
        for line, record in zip(lines.splitlines(), self.read().splitlines()):
            request, record = json.loads(line), json.loads(record)
            self.assertEqual(list(record)[0], "id")
            self.assertEqual(record.pop("id"), request["id"])
            if "error" in record:
                self.assertEqual(record["error"]["param"], "top_p")
                continue
            options = [part for name in ("max_tokens", "temperature", "top_p", "n") if name in request
                       for part in ("--" + name.replace("_", "-"), str(request[name]))]
            self.assertEqual(record, complete_json(*options, "--seed", str(record["seed"]),
                                                   request["prompt"]))

    def test_pipes(self):
        lines = requests(5, 4)
        piped = run("batch", stdin=lines)
        self.assertEqual(piped.returncode, 0, piped.stderr)
        self.assertIn(b"cannot be resumed", piped.stderr)
        run("batch", self.write("in", lines), "-o", self.out)
        self.assertEqual(piped.stdout, self.read())
        self.assertEqual(run("batch", "--quiet", "-", stdin=lines).stderr, b"")
        from_pipe = self.out + "2"
        run("batch", "-o", from_pipe, stdin=lines)
        self.assertEqual(self.read(from_pipe), self.read())
        self.assertFalse(os.path.exists(from_pipe + ".journal"))

    def test_options_are_defaults_and_the_seed_is_the_jobs(self):
        lines = b'{"prompt": "Once"}\n{"prompt": "Once", "max_tokens": 2}\n'
        records = [json.loads(r) for r in run("batch", "--max-tokens", "5", "--temperature", "1",
                                              stdin=lines).stdout.splitlines()]
        self.assertEqual([r["usage"]["completion_tokens"] for r in records], [5, 2])
        self.assertNotEqual(records[0]["seed"], records[1]["seed"])
        other = run("batch", "--max-tokens", "5", "--temperature", "1", "--seed", "4", stdin=lines)
        self.assertNotEqual(json.loads(other.stdout.splitlines()[0])["seed"], records[0]["seed"])

    def test_shards_merge_to_the_whole(self):
        source = self.write("in", requests(12, 4))
        run("batch", source, "-o", self.out)
        parts = []
        for shard in range(3):
            parts.append(os.path.join(self.folder, f"part-{shard}"))
            run("batch", source, "-o", parts[-1], "--shard", f"{shard}/3")
        merged = os.path.join(self.folder, "merged")
        done = run("batch", "--merge", "-o", merged, *parts)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.read(merged), self.read())
        self.assertEqual(run("batch", "--merge", "-o", merged + "2", *parts[1:]).returncode, 2)

    def test_wrong_usage(self):
        source = self.write("in", requests(1, 1))
        for arguments, words in (
                (["--resume", source], b"standard output"),
                (["--resume", "-o", self.out], b"standard input"),
                (["--shard", "3/3", source], b"--shard"),
                (["--shard", "x", source], b"--shard"),
                ([source, source], b"one input"),
                (["--merge", source], b"-o"),
                (["-o", source, source], b"is the input")):
            done = run("batch", *arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertIn(words, done.stderr)
        for arguments in ([os.path.join(self.folder, "none")], [source, "-o", "/nowhere/out"]):
            self.assertEqual(run("batch", *arguments).returncode, 1, arguments)

    def test_a_pipe_is_answered_while_it_is_open(self):
        process = subprocess.Popen([PROGRAM, "batch", "--quiet"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
        for _ in range(2):
            process.stdin.write(requests(1, 3))
            process.stdin.flush()
            self.assertIn("choices", json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGINT)  # while it waits
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)

    def test_a_pipe_by_name_is_read_once(self):
        lines = requests(3, 3)
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        process = start("batch", fifo, "-o", self.out)
        with open(fifo, "wb") as file:
            file.write(lines)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.read(), run("batch", stdin=lines).stdout)
        self.assertEqual(run("batch", fifo, "-o", self.out, "--resume").returncode, 2)

    def test_a_log_that_nobody_reads_does_not_end_it(self):
        source = self.write("in", requests(60, 30))
        read, write = os.pipe()
        process = subprocess.Popen([PROGRAM, "batch", source, "-o", self.out, "--progress", "0.05"],
                                   stderr=write, env=ENVIRONMENT)
        os.close(write)
        os.close(read)
        self.assertEqual(process.wait(timeout=60), 3)  # some of the lines are wrong
        self.assertEqual(len(self.read().splitlines()), 60)

    def test_progress_in_a_log(self):
        source = self.write("in", requests(60, 30))
        done = run("batch", source, "-o", self.out, "--progress", "0.1")
        self.assertRegex(done.stderr, rb"gptj: \d+ of 60 prompts.* tokens/s")
        self.assertRegex(done.stderr, rb"tokens/s, \d+ s left")
        self.assertNotIn(b"\r", done.stderr)

    def test_progress_on_a_terminal(self):
        source = self.write("in", requests(120, 60))
        leader, follower = pty.openpty()
        process = subprocess.Popen([PROGRAM, "batch", source, "-o", self.out], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=follower, env=ENVIRONMENT)
        os.close(follower)
        shown = b""
        while True:
            try:
                shown += os.read(leader, 10000)
            except OSError:  # the other end is closed
                break
        process.wait(timeout=60)
        os.close(leader)
        self.assertRegex(shown, rb"\r\x1b\[K\d+ of 120 prompts.*, [\d.]+ tokens/s, \d+ s left")

    def test_guesses_change_nothing(self):
        source = self.write("in", requests(20, 40))
        run("batch", source, "-o", self.out)
        other = os.path.join(self.folder, "other")
        run("batch", source, "-o", other, "--speculate", "off")
        with open(other, "rb") as file:
            self.assertEqual(file.read(), self.read())

    def test_clean_removes_the_journal(self):
        source = self.write("in", requests(2, 2))
        run("batch", source, "-o", self.out)
        self.assertTrue(os.path.exists(self.out + ".journal"))
        done = run("batch", source, "-o", self.out, "--resume", "--clean")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.exists(self.out + ".journal"))

    def test_a_full_disk_loses_nothing(self):
        source = self.write("in", requests(20, 8))
        run("batch", source, "-o", self.out)
        whole = self.read()
        os.remove(self.out)
        os.remove(self.out + ".journal")

        def limited():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) // 2, len(whole) // 2))
        process = start("batch", source, "-o", self.out, preexec_fn=limited)
        errors = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"cannot write", errors)
        run("batch", source, "-o", self.out, "--resume")
        self.assertEqual(self.read(), whole)

    def read_journal(self):
        if not os.path.exists(self.out + ".journal"):
            return b""
        with open(self.out + ".journal", "rb") as file:
            return file.read()

    def kill_and_resume(self, times, number, code):
        source = self.write("in", requests(120, 40))
        run("batch", source, "-o", self.out)
        whole = self.read()
        records = whole.count(b"\n")
        draw, in_the_middle = random.Random(5), 0
        for i in range(times):
            os.remove(self.out)
            os.remove(self.out + ".journal")
            process = start("batch", source, "-o", self.out)
            if i % 16 == 15:  # while it opens the model, or makes its files
                time.sleep(0.5 * draw.random())
            else:
                # The journal grows by several records at once, so it may have more than these.
                enough = draw.randint(0, records // 3)
                while self.read_journal().count(b"\n") <= enough and process.poll() is None:
                    time.sleep(0.01)
            process.send_signal(number)
            process.communicate(timeout=60)
            self.assertIn(process.returncode, (code, 3))  # 3: it had ended
            written = self.read() if os.path.exists(self.out) else b""
            self.assertTrue(whole.startswith(written[:written.rfind(b"\n") + 1]))
            kept = self.read_journal()
            kept = kept[:kept.rfind(b"\n") + 1]
            in_the_middle += 1 < kept.count(b"\n") < 1 + records
            done = run("batch", source, "-o", self.out, "--resume")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertEqual(self.read(), whole)
            # What was kept is still there, and each record once: none was made again.
            journal = self.read_journal()
            self.assertTrue(journal.startswith(kept))
            self.assertEqual(journal.count(b"\n"), 1 + records)
        print(f"{times} of signal {number}, {in_the_middle} in the middle", file=sys.stderr)
        self.assertGreaterEqual(in_the_middle, times // 2)

    def test_killed_it_resumes(self):
        self.kill_and_resume(4, signal.SIGKILL, -9)

    def test_interrupted_it_resumes(self):
        self.kill_and_resume(3, signal.SIGINT, 130)


class LongBatch(Batch):
    def test_killed_it_resumes(self):
        self.kill_and_resume(int(os.environ.get("GPTJ_KILLS", "50")), signal.SIGKILL, -9)


if __name__ == "__main__":
    main()
