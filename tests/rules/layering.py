# SPDX-License-Identifier: Apache-2.0
"""Includes point one way, third-party headers stay inside, public headers stand alone."""
import sys

from project import CODE, Project

# Each module and those it stands on directly; it may include all that these stand on too.
BELOW = {
    "base": [],
    "tensor": ["base"],
    "formats": ["tensor"],
    "kernels": ["base"],
    "tokenizer": ["base"],
    "checkpoint": ["kernels", "formats", "tokenizer"],
    "weights": ["checkpoint"],
    "engine": ["weights"],
    "model": ["engine"],
    "request": ["model"],
    "sampling": ["request"],
    "generate": ["sampling"],
    "evaluate": ["generate"],
    "jobs": ["generate"],
    "convert": ["evaluate"],
    "bench": ["kernels", "generate"],
}

# The module that implements each public header.
PUBLIC = {
    "error": "base", "export": "base", "tokenizer": "tokenizer",
    "storage": "kernels", "checkpoint": "checkpoint", "model": "engine", "session": "engine",
    "generate": "request", "template": "request",
    "evaluate": "evaluate", "jobs": "jobs", "convert": "convert", "bench": "bench",
}
# gptj.h includes them all; it is for those who define what it declares itself.
DEFINE_GPTJ_H = {"src/base/version.cc", "src/kernels/dispatch.cc"}

# The headers of src that may bring a third-party one along; only .cc files and these include them.
WRAPPERS = {
    "base/json.h": "nlohmann/json.hpp",
    "base/json_fields.h": "base/json.h",
    "jobs/job_header.h": "base/json.h",
    "tokenizer/files/file_readers.h": "base/json.h",
    "tokenizer/files/id_fields.h": "base/json_fields.h",
    "kernels/vec_portable.h": "Eigen/Core",
}

C_AND_SYSTEM = {
    "stddef.h", "stdint.h", "string.h", "immintrin.h", "arm_neon.h", "cpuid.h", "fcntl.h", "sched.h",
    "unistd.h", "pthread.h", "signal.h", "errno.h",
}


def reach(module):
    found = {module}
    for below in BELOW[module]:
        found |= reach(below)
    return found


def is_standard(name):
    return "." not in name and "/" not in name  # <vector>


def is_third_party(name):
    system = name in C_AND_SYSTEM or name.split("/")[0] in ("sys", "linux", "asm")
    return not is_standard(name) and not system


def check_src(project):
    for path in project.files("src", suffixes=CODE):
        module = path.parts[1]
        if module not in BELOW:
            project.complain(path, f"module {module} has no place in the order of tests/rules/layering.py")
            continue
        own = path.relative_to("src").as_posix()
        for line, name, quoted in project.includes(path):
            where = f"{path}:{line}"
            if not quoted:
                wrapper = WRAPPERS.get(own) == name
                if is_third_party(name) and path.suffix == ".h" and not wrapper:
                    project.complain(where, f"<{name}>: third-party headers are for .cc files")
                continue
            if name == "gptj/gptj.h":
                if path.as_posix() not in DEFINE_GPTJ_H:
                    project.complain(where, "gptj.h includes every public header; include the one meant")
                continue
            public = name.startswith("gptj/")
            target = PUBLIC.get(name[5:-2]) if public else name.split("/")[0]
            if target not in reach(module):
                project.complain(where, f"{module} must not include {name}, of {target}")
            if name in WRAPPERS and path.suffix == ".h" and own not in WRAPPERS:
                project.complain(where, f"{name} brings third-party headers: for .cc files only")


def check_public(project):
    for path in project.files("include"):
        for line, name, quoted in project.includes(path):
            # storage.h is for files with instruction-set flags too.
            if not (name.startswith("gptj/") if quoted else is_standard(name) or name == "stdint.h"):
                project.complain(f"{path}:{line}",
                                 f"{name}: public headers include the standard's and gptj's only")


def check_tools(project):
    own = {path.name for path in project.files("tools", suffixes=CODE)}
    for path in project.files("tools", suffixes=CODE):
        for line, name, quoted in project.includes(path):
            if quoted and not name.startswith("gptj/") and name not in own:
                project.complain(f"{path}:{line}", f"{name}: tools see only include/gptj")


if __name__ == "__main__":
    tree = Project(sys.argv[1])
    check_src(tree)
    check_public(tree)
    check_tools(tree)
    tree.finish()
