#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of limits.sh, from the file of reports that it writes: limits_table.py REPORTS

Bars are those the project set for the kind of machine: X has AMX, Z AVX-512 without it, M AVX2 alone.
Fractions stand twice: of the limits as measured just before and after each run, and of the best that was measured
before and after the whole bench. Where others use the machine as well, the first are those to trust.
"""
import json
import sys

NOT_HERE = "cannot be shown on this machine"


def kind_of(report):
    by = report["machine"]["products_by"]
    return {"amx": "X", "avx512": "Z"}.get(by["int8"], "M")


class Table:
    def __init__(self, reports):
        self.reports = {report["name"]: report for report in reports}
        self.kind = kind_of(self.reports["int4"])
        self.rows = []

    def row(self, what, bar, values, at_most=False):
        def shown(value):
            met = value <= bar if at_most else value >= bar
            return f"{value:.3f}{'' if met else ' MISSED'}"

        sign = "<=" if at_most else ">="
        self.rows.append((what, f"{sign} {bar:g}", *map(shown, values)))

    def fraction(self, what, bar, result, of):
        self.row(what, bar, [result["fraction_beside"], result[of]])

    def missing(self, what, bar):
        self.rows.append((what, bar, NOT_HERE))

    def decode(self):
        bars = {"bf16": 0.93, "f16": 0.92, "int8": 0.92, "int4": 0.85 if self.kind == "M" else 0.88}
        for weights, bar in bars.items():
            self.fraction(f"decode, {weights}, of the read bandwidth", bar,
                          self.reports[weights]["decode"], "fraction_of_read")
        self.fraction("decode at context 1792, int4, of the read bandwidth", 0.80,
                      self.reports["int4"]["decode_long"], "fraction_of_read")

    def prompts(self):
        bars = {"amx": {"bf16": 0.45, "int8": 0.30, "int4": 0.30}, "avx512bf16": {"bf16": 0.70},
                "avx512": {"int8": 0.65, "int4": 0.65}, "avx2vnni": {"int8": 0.65, "int4": 0.65},
                "avx2": {"int8": 0.55, "int4": 0.55}}
        for weights in ("bf16", "int8", "int4", "f16", "f32"):
            report = self.reports[weights]
            by = report["machine"]["products_by"][weights]
            prompt = next(p for p in report["prompt"] if p["length"] == 512)
            self.fraction(f"prompt of 512, {weights}, of the peak of {by}", bars.get(by, {}).get(weights, 0.70),
                          prompt, "fraction_of_peak")
            self.row(f"outside products and attention, prompt of 512, {weights}", 0.08, [prompt["outside"]], True)
        for weights in ("bf16", "int8", "int4", "f16", "f32"):
            longest = next(p for p in self.reports[weights]["prompt"] if p["length"] == 1024)
            cache = self.reports[weights]["kv_cache"]
            self.row(f"attention of a prompt of 1024, {weights}, {cache} cache, of the f32 peak", 0.55,
                     [longest["attention_fraction_of_peak"]])
        if self.kind != "X":
            self.missing("prompt of 512, bf16, int8 and int4, of the AMX peaks", ">= 0.45, 0.30, 0.30")
        for weights in ("bf16", "int8", "int4", "f16"):
            self.row(f"outside products and attention, decode, {weights}", 0.03,
                     [self.reports[weights]["decode"]["outside"]], True)

    def batches(self):
        for batch in self.reports["int4"]["batch"]:
            if batch["size"] in (16, 32):
                self.fraction(f"batch of {batch['size']}, int4, of the lower limit", 0.50, batch, "fraction_of_wall")

    def other_sets(self):
        bars = {"avx512": 0.80, "avx2": {"X": 0.80, "M": 0.85, "Z": 0.60}[self.kind]}
        for isa, bar in bars.items():
            report = self.reports.get(f"int4 by {isa}")
            if report is None:
                self.missing(f"decode, int4, --isa {isa}", f">= {bar:g}")
            else:
                self.fraction(f"decode, int4, --isa {isa}, of the read bandwidth", bar,
                              report["decode"], "fraction_of_read")

    def files(self):
        if "files" not in self.reports:
            self.missing("memory and start of 6B files (limits.sh OUT --files FOLDER)", "")
            return
        files = self.reports["files"]
        for step in files["steps"]:
            what = f"{step['step']}, {step['weights']}: peak memory, of packed size + 10 % + 256 MB"
            if "skipped" in step:
                self.missing(what, "<= 1")
            elif "peak_bytes" in step:
                self.row(what, 1, [step["peak_bytes"] / step["bound"]], True)
            else:
                self.rows.append((what, "<= 1", "failed MISSED"))
        memory = self.reports["int4 in memory"]
        one_pass = memory["weight_bytes_per_token"] / (1e9 * memory["machine"]["read_gb_per_s"])
        if "start_seconds" in files:
            self.row("start of an int4 file to the first token, seconds, less one pass", 2,
                     [files["start_seconds"] - one_pass], True)
        # Each against the machine of its minutes.
        mapped = self.reports["int4 mapped"]["decode"]
        self.row("decode from a mapped int4 file, of that from memory", 0.97,
                 [mapped[of] / memory["decode"][of] for of in ("fraction_beside", "fraction_of_read")])

    def peers(self):
        # The project sets these for machines with AMX; their figures come from the peers' own programs.
        if self.kind != "X":
            self.missing("ahead of each peer of LIMITS.md", "> 1")

    def text(self):
        for part in (self.decode, self.prompts, self.batches, self.other_sets, self.files, self.peers):
            part()
        machine = self.reports["int4"]["machine"]
        peaks = ", ".join(f"{name} {peak:.2f}" for name, peak in machine["matrix_peak_tops"].items())
        lines = [f"machine of kind {self.kind}: reads {machine['read_gb_per_s']:.1f} GB/s; TOP/s: {peaks}", ""]
        for what, bar, *values in [("what", "bar", "beside", "of the best")] + self.rows:
            lines.append(f"{what:<78}  {bar:>8}  " + "  ".join(f"{value:<14}" for value in values).rstrip())
        return "\n".join(lines)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        print(Table([json.loads(line) for line in file if line.strip()]).text())


main()
