# SPDX-License-Identifier: Apache-2.0
"""What the rule scripts share: the project's files, their includes, the compile commands."""
import json
import pathlib
import re
import shlex
import subprocess
import sys

SOURCE_FOLDERS = ("include", "src", "tools", "tests")
CODE = {".cc", ".h"}


class Project:
    """The tree at `source`; `build` is where it was compiled, if it was."""

    def __init__(self, source, build=None):
        self.source = pathlib.Path(source)
        self.build = pathlib.Path(build) if build else None
        self.violations = []

    def complain(self, where, what):
        self.violations.append(f"{where}: {what}")

    def finish(self):
        """Exits: 0 if nobody complained."""
        for violation in self.violations:
            print(violation)
        sys.exit(1 if self.violations else 0)

    def files(self, *folders, suffixes=None):
        """Paths relative to the tree."""
        for folder in folders or SOURCE_FOLDERS:
            for path in sorted((self.source / folder).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    if suffixes is None or path.suffix in suffixes:
                        yield path.relative_to(self.source)

    def text(self, path):
        return (self.source / path).read_text(encoding="utf-8")

    def code(self, path):
        """The text without comments and string literals; lines stay where they are."""
        def blank(match):
            text = match.group()
            return re.sub(r"[^\n]", " ", text) if text.startswith("/") else '""'
        return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, self.text(path),
                      flags=re.DOTALL)

    def includes(self, path):
        """(line, name, whether in quotes) of each #include."""
        for number, line in enumerate(self.text(path).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
            if match:
                yield number, match.group(1) or match.group(2), match.group(1) is not None

    def commands(self, of="src"):
        """(source relative to the tree, folder, arguments, object) of each file of the library, or `of`
        another folder."""
        for entry in json.loads((self.build / "compile_commands.json").read_text()):
            path = pathlib.Path(entry["file"])
            if not path.is_relative_to(self.source / of):
                continue
            arguments = shlex.split(entry["command"])
            output = arguments[arguments.index("-o") + 1]
            if of != "src" or "long_tests" not in output:  # they have a file of src compiled otherwise
                yield (path.relative_to(self.source), entry["directory"], arguments,
                       pathlib.Path(entry["directory"], output))


def symbols(path, *options):
    """(type, name) of each symbol that nm lists."""
    lines = subprocess.run(["nm", *options, path], check=True, capture_output=True, text=True)
    for line in lines.stdout.splitlines():
        match = re.match(r"[0-9a-f ]{16} (\S) (.+)", line)
        if match:
            yield match.groups()
