# SPDX-License-Identifier: Apache-2.0
"""One SPDX line per source file; nothing on top but what belongs there; README.md quotes
tests/consumer/example.cc."""
import re
import sys

from project import Project

SOURCES = {".cc", ".h", ".in", ".cmake", ".map", ".py", ".sh"}
TOP = {"CMakeLists.txt", "README.md", "LICENSE", "include", "src", "tools", "tests", "models"}
EVERY_OTHER = "pytorch_test.py gptq_test.py numpy_test.py"  # of a loop in tests/CMakeLists.txt
SPDX = re.compile(r"SPDX-License-" r"Identifier: (.*?)(?: \*/)?$", re.MULTILINE)


def check_licence(project):
    for path in project.files():
        if path.suffix not in SOURCES and path.name != "CMakeLists.txt":
            continue
        found = SPDX.findall(project.text(path))
        if found != ["Apache-2.0"]:
            project.complain(path, f"expected one SPDX line with Apache-2.0, found {found}")


def check_top(project):
    for path in project.source.iterdir():
        ignored = path.name.startswith((".", "build"))  # as .gitignore says
        if path.name not in TOP and not ignored:
            project.complain(path.name, f"only {', '.join(sorted(TOP))} and dot-files belong on top")


def check_tests(project):
    """Every test that is a script is run by CTest, or by a script that is."""
    named = "".join(project.text(path) for path in project.files("tests", suffixes={".txt", ".cmake", ".sh"}))
    for path in project.files("tests", suffixes={".py"}):
        if path.name.endswith("_test.py") and path.name not in named.replace("${other}_test.py", EVERY_OTHER):
            project.complain(path, "no CMakeLists.txt or script runs this test")


def check_readme(project):
    if not (project.source / "README.md").exists():
        return
    _, example = project.text("tests/consumer/example.cc").split("tests/rules compares them.\n")
    quoted = re.search(r"^```cpp\n(.*?)^```$", project.text("README.md"), re.MULTILINE | re.DOTALL)
    if not quoted or quoted.group(1) != example:
        project.complain("README.md", "its first ```cpp block is not tests/consumer/example.cc")


if __name__ == "__main__":
    tree = Project(sys.argv[1])
    check_licence(tree)
    check_top(tree)
    check_tests(tree)
    check_readme(tree)
    tree.finish()
