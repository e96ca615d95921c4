# SPDX-License-Identifier: Apache-2.0
"""Of Eigen only maps, views and elementwise operations touch values that reach a logit: its
products, reductions and transcendentals change with sizes, alignment and packet width."""
import re
import sys

from project import CODE, Project

REACH_A_LOGIT = ("src/base", "src/tensor", "src/formats", "src/kernels", "src/checkpoint", "src/weights", "src/engine",
                 "src/model")
EIGEN = {"src/kernels/vec_portable.h"}

EIGEN_MEMBERS = """
  sum prod mean dot cross norm squaredNorm stableNorm blueNorm hypotNorm lpNorm normalize normalized
  redux visit maxCoeff minCoeff trace all any count colwise rowwise matrix noalias lazyProduct
  exp exp2 expm1 log log1p log2 log10 pow sqrt rsqrt cbrt inverse tanh sinh cosh tan sin cos atan asin
  acos logistic erf erfc lgamma""".split()
MEMBER = re.compile(rf"\.\s*(?:{'|'.join(EIGEN_MEMBERS)})\s*\(")
# A matrix has a product where an array multiplies element by element.
MATRIX = re.compile(r"\bEigen::(?:Matrix|Vector|RowVector)\w*|\bEigen::(?:exp|log|tanh|pow|sqrt)\b")


def search(project, path, pattern, what):
    for number, line in enumerate(project.code(path).splitlines(), 1):
        for match in pattern.finditer(line):
            project.complain(f"{path}:{number}", f"{match.group().strip()}: {what}")


def check(project):
    for path in project.files(*REACH_A_LOGIT, suffixes=CODE):
        name = path.as_posix()
        for line, header, quoted in project.includes(path):
            if header.startswith("Eigen/") and name not in EIGEN:
                project.complain(f"{path}:{line}", f"<{header}>: only {', '.join(EIGEN)} may")
        if name in EIGEN:
            search(project, path, MEMBER, "not an elementwise operation of Eigen")
            search(project, path, MATRIX, "use Eigen::Array: a matrix has products")


if __name__ == "__main__":
    tree = Project(sys.argv[1])
    check(tree)
    tree.finish()
