# SPDX-License-Identifier: Apache-2.0
"""The shared library (second argument) exports what include/gptj marks GPTJ_API, nothing else."""
import re
import sys

from project import CODE, Project, symbols


def marked(project):
    """The names of classes and of functions that public headers mark."""
    classes, functions = set(), set()
    for path in project.files("include"):
        code = re.sub(r"^#.*", "", project.code(path), flags=re.MULTILINE)
        classes |= set(re.findall(r"\b(?:class|struct) GPTJ_API (\w+)", code))
        functions |= set(re.findall(r"\bGPTJ_API [^;{}()]*?(\w+)\(", code))
    return classes, functions


def check(project, library):
    for path in project.files("src", "tools", suffixes=CODE):
        if re.search(r"\bGPTJ_API\b", project.code(path)):
            project.complain(path, "GPTJ_API is for include/gptj")
    classes, functions = marked(project)
    found = set()
    for _, name in symbols(library, "-DC", "--defined-only"):
        match = re.match(r"(?:(?:typeinfo|typeinfo name|vtable) for )?gptj::(\w+)", name)
        if match and match.group(1) in classes | functions:
            found.add(match.group(1))
        else:
            project.complain(library, f"exports {name}, which no public header marks GPTJ_API")
    for name in sorted(functions - found):
        project.complain(library, f"does not export {name}, which include/gptj marks GPTJ_API")


if __name__ == "__main__":
    tree = Project(sys.argv[1])
    check(tree, sys.argv[2])
    tree.finish()
