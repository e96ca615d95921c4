# SPDX-License-Identifier: Apache-2.0
"""Breaks each rule in a copy of the tree, and expects its script to say so."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from project import SOURCE_FOLDERS

HERE = pathlib.Path(__file__).parent

# (script, file, what is added at its end, what the script must say)
TEXT = [
    ("layering", "src/base/half.h", '#include "checkpoint/config.h"', "base must not include checkpoint/config.h"),
    ("layering", "src/kernels/pack.cc", '#include "gptj/model.h"', "kernels must not include gptj/model.h"),
    ("layering", "src/checkpoint/tensor_names.cc", '#include "gptj/gptj.h"', "include the one meant"),
    ("layering", "src/odd/odd.cc", "", "module odd has no place"),
    ("layering", "src/checkpoint/config.h", "#include <Eigen/Core>", "third-party headers are for .cc"),
    ("layering", "src/checkpoint/config.h", '#include "base/json.h"', "brings third-party headers"),
    ("layering", "include/gptj/model.h", "#include <nlohmann/json.hpp>", "public headers include"),
    ("layering", "include/gptj/model.h", '#include "base/half.h"', "public headers include"),
    ("layering", "tools/main.cc", '#include "base/half.h"', "tools see only include/gptj"),
    ("arithmetic", "src/engine/ops.cc", "#include <Eigen/Core>", "only src/kernels/vec_portable.h may"),
    ("arithmetic", "src/kernels/vec_portable.h", "float f(F32x16 v) { return v.sum(); }", ".sum("),
    ("arithmetic", "src/kernels/vec_portable.h", "F32x16 f(F32x16 v) { return v.exp(); }", ".exp("),
    ("arithmetic", "src/kernels/vec_portable.h", "Eigen::Matrix4f m;", "a matrix has products"),
    ("tidy", "src/base/new.cc", "int x;", "expected one SPDX line"),
    ("tidy", "src/base/half.h", "// SPDX-License-" "Identifier: MIT", "expected one SPDX line"),
    ("tidy", "tests/lost_test.py", "# SPDX-License-" "Identifier: Apache-2.0", "no CMakeLists.txt or script"),
    ("tidy", "notes.txt", "", "belong on top"),
    ("recipes", "src/base/half.h", "constexpr int kInt4 = 4;", "does not list src/base/half.h"),
    ("recipes", "src/base/half.h", "// Of " "what has none.", "begins with 'Of'"),
    ("recipes", "src/base/half.h", "// See DESIGN" ".md.", "not in the repository"),
    ("recipes", "src/base/half.h", "\n" * 350, "lines: expected at most 350"),
    ("tidy", "tests/consumer/example.cc", "int x;", "is not tests/consumer/example.cc"),
]

LIBRARY, TEST = "src/broken.cc", "tests/broken.cc"
WEAK = "inline int g() { static int i; return ++i; }\nint f() { return g(); }"

# (file, its code, further options, what objects.py must say)
OBJECTS = [
    (LIBRARY, "#include <iostream>\nvoid f() { std::cout << 1; }", [], "refers to std::cout"),
    (LIBRARY, "#include <cstdio>\nvoid f() { std::puts(\"x\"); }", [], "refers to puts"),
    (LIBRARY, "#include <cstdio>\nvoid f(int i) { std::fprintf(stderr, \"%d\", i); }", [], "refers to stderr"),
    (LIBRARY, "#include <cstdlib>\nvoid f() { std::exit(1); }", [], "refers to exit"),
    (LIBRARY, "#include <cstdlib>\nvoid f() { std::abort(); }", [], "refers to abort"),
    (LIBRARY, "#include <exception>\nvoid f() { std::terminate(); }", [], "the library never exits"),
    (LIBRARY, "#include <cassert>\nvoid f(int i) { assert(i); }", ["-DNDEBUG", "-UNDEBUG"], "__assert_fail"),
    (LIBRARY, "#include <cmath>\nfloat f(float x) { return std::exp(x); }", [], "refers to libm's expf"),
    (LIBRARY, "int x;", ["-ffast-math"], "without -ffast-math"),
    (LIBRARY, "#include <vector>\nint x;", ["-mavx2"], "only intrinsics, C headers"),
    (LIBRARY, WEAK, ["-mavx2"], "src/broken.cc: weak symbol"),
    (TEST, WEAK, ["-mavx2"], "tests/broken.cc: weak symbol"),
]

failures = []


def expect(script, arguments, phrase):
    run = subprocess.run([sys.executable, HERE / f"{script}.py", *arguments], capture_output=True, text=True)
    if run.returncode != 1 or phrase not in run.stdout:
        failures.append(f"{script}: expected '{phrase}', found exit code {run.returncode} and\n"
                        f"{run.stdout}{run.stderr}")


def break_text(source, tree):
    for folder in SOURCE_FOLDERS:
        shutil.copytree(source / folder, tree / folder, ignore=shutil.ignore_patterns("golden"))
    (tree / "README.md").write_text("```cpp\n```\n")
    for script, name, addition, phrase in TEXT:
        path = tree / name
        before = path.read_text() if path.exists() else None
        path.parent.mkdir(exist_ok=True)
        path.write_text((before or "") + addition + "\n")
        expect(script, [tree], phrase)
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


def break_objects(compiler, tree):
    (tree / "src/kernels").mkdir(parents=True)
    (tree / "tests").mkdir()
    for name, code, options, phrase in OBJECTS:
        path, built = tree / name, tree / "broken.o"
        path.write_text(code)
        command = [compiler, "-O0", "-ffp-contract=off", *options, "-o", str(built), "-c", str(path)]
        subprocess.run(command, check=True)
        entry = {"directory": str(tree), "file": str(path), "command": " ".join(command)}
        (tree / "compile_commands.json").write_text(json.dumps([entry]))
        expect("objects", [tree, tree], phrase)
    (tree / "tests/lost_test.cc").write_text("int x;")
    expect("objects", [tree, tree], "tests/lost_test.cc: no target compiles this test")


def break_exports(compiler, tree):
    (tree / "include/gptj").mkdir(parents=True)
    (tree / "include/gptj/a.h").write_text("GPTJ_API int kept(int x);\nGPTJ_API int lost(int x);\n")
    library = tree / "lib.so"
    source = "namespace gptj { int kept(int x) { return x; } int leaked(int x) { return x; } }\nint stray;"
    subprocess.run([compiler, "-shared", "-fPIC", "-x", "c++", "-", "-o", library], input=source,
                   text=True, check=True)
    for phrase in ("exports gptj::leaked", "exports stray", "does not export lost"):
        expect("exports", [tree, library], phrase)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary).resolve()
        for name in ("text", "objects", "exports"):
            (root / name).mkdir()
        break_text(pathlib.Path(sys.argv[1]), root / "text")
        break_objects(sys.argv[2], root / "objects")
        break_exports(sys.argv[2], root / "exports")
    print("\n".join(failures))
    sys.exit(1 if failures else 0)
