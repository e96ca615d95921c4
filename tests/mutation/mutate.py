# SPDX-License-Identifier: Apache-2.0
"""mutate.py SOURCE BUILD [NAME...]: breaks chosen lines of a copy of the library, one after the other, and expects a
test of the common run to fail each time. A line that nothing misses is a test that is missing.

Each mutation is built in BUILD/mutation from a copy of SOURCE, so that SOURCE stays as it is. Exit code 1 where a
mutation lives, where its line is no longer there once, or where its tests fail without it."""
import os
import pathlib
import shutil
import subprocess
import sys
import time

# (name, file, line, the line broken, test executable, tests that must notice)
MUTATIONS = [
    ("a rotary sign", "src/engine/rotary.cc", "even * cosine - odd * sine", "even * cosine + odd * sine",
     "model_tests", "*Golden*"),
    ("a page's border", "src/engine/kv_cache.h", "round_up(static_cast<size_t>(positions), kPagePositions)",
     "round_up(static_cast<size_t>(positions) + 1, kPagePositions)", "model_tests", "KvPages*:*RowIndependence*"),
    ("the trim at a stop string", "src/sampling/stop_text.cc", "release(completed, certain);",
     "release(completed - 1, certain);", "generate_tests", "StopText*"),
    ("the journal's checksum", "src/jobs/journal.cc",
     "return line.substr(0, kCheckDigits) == check_of(rest) ? rest : std::string_view();", "return rest;",
     "jobs_tests", "Journal*"),
    ("int4's zero points", "src/kernels/quantize.inc.h", "store_low_bytes(zeros, add(zero, splat(kRoundingShift)));",
     "store_low_bytes(zeros, add(zero, splat(kRoundingShift + 1)));", "kernels_tests", "Quantize*"),
    ("top-p's border", "src/sampling/distribution.cc", "return sum >= mass;", "return sum > mass + 1e-3;",
     "generate_tests", "Distribution*:Sample*"),
    ("the seed of a sample", "src/sampling/sample_state.cc", "static_cast<uint64_t>(index_), ids_.size()",
     "uint64_t{0}, ids_.size()", "generate_tests", "Complete.*"),
    ("a merge's rank", "src/tokenizer/bpe.cc", "std::tie(rank, position) > std::tie(other.rank, other.position)",
     "std::tie(position, rank) > std::tie(other.position, other.rank)", "tokenizer_tests", "Bpe*:Gpt*"),
    ("the lock", "src/base/durable.cc", "return errno == EWOULDBLOCK ? LockResult::kTaken : LockResult::kAbsent;",
     "return LockResult::kAbsent;", "jobs_tests", "Journal*"),
    ("the atomic rename", "src/base/atomic_file.cc", 'partial_(path + ".partial")', "partial_(path)", "base_tests",
     "AtomicFile*"),
]


class Mutation:
    def __init__(self, source, build):
        self.copy, self.build = build / "mutation" / "source", build / "mutation" / "build"
        shutil.rmtree(self.copy, ignore_errors=True)
        for folder in ("include", "src", "tests", "tools", "models"):
            shutil.copytree(source / folder, self.copy / folder, symlinks=True)
        shutil.copy(source / "CMakeLists.txt", self.copy)
        self.run("cmake", "-S", self.copy, "-B", self.build, "-DCMAKE_BUILD_TYPE=Release",
                 "-DCMAKE_CXX_FLAGS_RELEASE=-O1", "-DGPTJ_BUILD_TOOLS=OFF", "-DGPTJ_INSTALL=OFF",
                 "-DCMAKE_GTEST_DISCOVER_TESTS_DISCOVERY_MODE=PRE_TEST",
                 f"-DCMAKE_PROJECT_gptj_INCLUDE={self.copy}/tests/fast_build.cmake")

    def run(self, *command):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(str(w) for w in command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")

    def fails(self, target, tests):
        """Whether the tests, of which there must be some, fail."""
        self.run("cmake", "--build", self.build, "--parallel", str(os.cpu_count()), "--target", target)
        command = [self.build / "tests" / target, f"--gtest_filter={tests}", "--gtest_brief=1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
        if "0 tests from 0 test suites ran" in done.stdout:
            sys.exit(f"{target}: no test is named {tests}")
        return done.returncode != 0

    def lives(self, file, line, broken, target, tests):
        path = self.copy / file
        text = path.read_text()
        if text.count(line) != 1:
            sys.exit(f"{file}: expected once, found {text.count(line)} times: {line}")
        try:
            path.write_text(text.replace(line, broken))
            return not self.fails(target, tests)
        finally:
            path.write_text(text)


def main(source, build, *names):
    chosen = [m for m in MUTATIONS if not names or m[0] in names]
    if len(chosen) != (len(names) or len(MUTATIONS)):
        sys.exit(f"mutations are: {', '.join(m[0] for m in MUTATIONS)}")
    mutation = Mutation(pathlib.Path(source).resolve(), pathlib.Path(build).resolve())
    for name, _, _, _, target, tests in chosen:
        if mutation.fails(target, tests):
            sys.exit(f"{target} {tests} fails without any mutation")
    survivors = 0
    for name, file, line, broken, target, tests in chosen:
        begin = time.monotonic()
        lives = mutation.lives(file, line, broken, target, tests)
        survivors += lives
        print(f"{'LIVES' if lives else 'falls'}  {name:28s} {target} {tests} ({time.monotonic() - begin:.0f} s)", flush=True)
    print(f"{len(chosen) - survivors} passed, {survivors} failed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
