# SPDX-License-Identifier: Apache-2.0
"""src/README.md says which files a change of each kind touches: those that name an example that is there. Comments begin
with a verb or a noun, and name no file outside the repository. No folder of src has more than 34 files, no source file but
kernels more than 350 lines."""
import re
import sys

from project import CODE, Project

# The example of each recipe, as code names it.
EXAMPLES = {
    "A weight type: as int4": r"int4",
    "An instruction set: as avx2vnni": r"avx2_?vnni",
    "A file format: as ggml": r"ggml",
    "A field of a request: as ignore_eos": r"ignore_eos",
    "A subcommand: as perplexity": r"perplexity",
    "A sampling rule: as typical_p": r"typical_p",
}
FOLDERS = ("include", "src", "tools")
COMMENT = {".cc": r"//[^\n]*", ".h": r"//[^\n]*", ".py": r"^\s*#[^\n]*", ".sh": r"^\s*#[^\n]*",
           ".txt": r"^\s*#[^\n]*", ".cmake": r"^\s*#[^\n]*"}
OUTSIDE = re.compile(r"DESIGN\.md|REVIEW\.md|LIMITS\.md|GPTJ_FACTS|\.\./shared")
MOST_FILES, MOST_LINES = 34, 350


def check_recipes(project):
    recipes = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", project.text("src/README.md"), re.MULTILINE | re.DOTALL))
    for title, example in EXAMPLES.items():
        if title not in recipes:
            project.complain("src/README.md", f"has no recipe '{title}'")
            continue
        listed = set(re.findall(r"`((?:include|src|tools)/[\w./]+)`", recipes[title]))
        found = {path.as_posix() for path in project.files(*FOLDERS, suffixes=set(COMMENT))
                 if re.search(example, re.sub(COMMENT[path.suffix], "", project.text(path), flags=re.MULTILINE),
                              re.IGNORECASE)}
        for path in sorted(found - listed):
            project.complain("src/README.md", f"'{title}' does not list {path}, which names {example}")
        for path in sorted(listed - found):
            project.complain("src/README.md", f"'{title}' lists {path}, which does not name {example}")


def check_words(project):
    for path in project.files(*FOLDERS):
        for number, line in enumerate(project.text(path).splitlines(), 1):
            if re.search(r"(?://|#) Of ", line):
                project.complain(f"{path}:{number}", "a comment begins with 'Of': name its subject")
            if OUTSIDE.search(line):
                project.complain(f"{path}:{number}", "names a file that is not in the repository")


def check_sizes(project):
    for folder in sorted({path.parent for path in project.files("src")}):
        files = [path for path in (project.source / folder).iterdir() if path.is_file()]
        if len(files) > MOST_FILES:
            project.complain(folder, f"{len(files)} files: expected at most {MOST_FILES}")
    for path in project.files("src", "tools", suffixes=CODE):
        lines = project.text(path).count("\n")
        if lines > MOST_LINES and path.parts[:2] != ("src", "kernels"):
            project.complain(path, f"{lines} lines: expected at most {MOST_LINES}")


if __name__ == "__main__":
    tree = Project(sys.argv[1])
    check_recipes(tree)
    check_words(tree)
    check_sizes(tree)
    tree.finish()
