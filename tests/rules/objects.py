# SPDX-License-Identifier: Apache-2.0
"""What the compiled objects show: the library neither prints nor exits, libm makes the rotary
tables alone, files with instruction-set flags leak nothing into the baseline, and every test is
compiled."""
import pathlib
import re
import subprocess
import sys
import tempfile

from project import Project, symbols

# As nm -C lists them, with _FORTIFY_SOURCE's names. std::terminate is left out: std::thread's own
# inline code and every noexcept refer to it. Text looks for calls of it below.
PRINTS_OR_EXITS = re.compile(
    r"^(?:std::(?:cout|cerr|clog|wcout|wcerr|wclog|quick_exit)\b|stdout|stderr|_?_?v?f?printf(?:_chk)?|"
    r"v?dprintf|__v?dprintf_chk|f?puts(?:_unlocked)?|f?putc(?:har)?(?:_unlocked)?|_IO_putc|perror|psignal|"
    r"exit|abort|_exit|_Exit|quick_exit|raise|kill|v?syslog|(?:v?err|v?warn)x?|error)$")
PLAIN_CALLS = re.compile(r"\bstd::(?:terminate|abort|exit|_Exit|quick_exit)\b")
# Where assertions are compiled out, as in every Release build.
ASSERTS = {"__assert_fail", "std::__glibcxx_assert_fail"}

# Their last bits differ between versions and processors. fma and sqrt are correctly rounded.
LIBM = re.compile(r"^(?:exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|tanh|sinh|cosh|sin|cos|sincos|tan|"
                  r"asin|acos|atan2?|a?sinh|acosh|atanh|erfc?|[lt]gamma|cbrt|hypot)[fl]?$")
ROTARY = pathlib.Path("src/engine/rotary.cc")

# All that a file with instruction-set flags may include, besides kernels/*.h and PUBLIC.
PUBLIC = ("include/gptj/storage.h", "include/gptj/export.h")
INTRINSICS = "#include <immintrin.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n"


def headers(arguments, folder, source):
    """What compiling `source` reads, with everything else as in the command."""
    arguments = list(arguments)
    output = arguments.index("-o")
    del arguments[output:output + 2]
    arguments[arguments.index("-c") + 1] = str(source)
    made = subprocess.run([*arguments, "-M"], cwd=folder, check=True, capture_output=True, text=True)
    names = made.stdout.replace("\\\n", " ").split()[2:]
    return {pathlib.Path(folder, name).resolve() for name in names}


def has_instruction_set(arguments):
    return any(argument.startswith("-mavx") or argument.startswith("-mamx") for argument in arguments)


def check_weak_symbols(project, path, built):
    for kind, name in symbols(built, "-C", "--defined-only"):
        if kind in "WVwvui":
            project.complain(path, f"weak symbol {name}: the linker may take it for the baseline's")


def check_instruction_set_file(project, path, folder, arguments, built):
    check_weak_symbols(project, path, built)
    with tempfile.TemporaryDirectory() as temporary:
        bare = pathlib.Path(temporary, "intrinsics.cc")
        bare.write_text(INTRINSICS)
        allowed = headers(arguments, folder, bare)
    kernels = (project.source / "src/kernels").resolve()
    public = [(project.source / name).resolve() for name in PUBLIC]
    for header in sorted(headers(arguments, folder, project.source / path) - allowed):
        if header.parent != kernels and header not in public:
            project.complain(path, f"{header}: only intrinsics, C headers and kernels/*.h may be included")


def check(project):
    sets = 0
    for path, folder, arguments, built in project.commands():
        for _, name in symbols(built, "-C", "--undefined-only"):
            name = re.sub(r"@.*", "", name)
            if PRINTS_OR_EXITS.match(name) or (name in ASSERTS and "-DNDEBUG" in arguments):
                project.complain(path, f"refers to {name}: the library neither prints nor exits")
            if LIBM.match(name) and path != ROTARY:
                project.complain(path, f"refers to libm's {name}: not the same bits everywhere")
        for number, line in enumerate(project.code(path).splitlines(), 1):
            if PLAIN_CALLS.search(line):
                project.complain(f"{path}:{number}", "the library never exits")
        if "-ffp-contract=off" not in arguments or "-ffast-math" in arguments:
            project.complain(path, "must be compiled with -ffp-contract=off and without -ffast-math")
        if has_instruction_set(arguments):
            check_instruction_set_file(project, path, folder, arguments, built)
            sets += 1
    if sets == 0 and sys.platform == "linux" and pathlib.Path("/lib64/ld-linux-x86-64.so.2").exists():
        project.complain("src/kernels", "no file with instruction-set flags found")
    # Emulated sets, which are linked into the baseline's tests.
    for path, _, arguments, built in project.commands("tests"):
        if has_instruction_set(arguments):
            check_weak_symbols(project, path, built)


def check_tests(project):
    compiled = {path for path, *_ in project.commands("tests")}
    for path in sorted(project.source.glob("tests/**/*_test.cc")):
        if path.relative_to(project.source) not in compiled:
            project.complain(path.relative_to(project.source), "no target compiles this test")


if __name__ == "__main__":
    tree = Project(sys.argv[1], sys.argv[2])
    check(tree)
    check_tests(tree)
    tree.finish()
