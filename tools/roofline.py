#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws what `gptj bench --json` measured under the machine's roofs, as SVG on standard output.

    build/gptj bench --synthetic gpt-j-6b --weights int4 --json > int4.json
    tools/roofline.py int4.json int8.json bf16.json > roofline.svg

Each file holds one or more reports, a line each. To the right, more is computed per byte of weights that is
read: decoding one sequence, then batches, then prompts. Roofs are slopes of the read bandwidth and, per weight
type, the peak of its arithmetic.
"""
import json
import math
import sys

WIDTH, HEIGHT = 800, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 20, 50
COLOURS = {"f32": "#888888", "f16": "#cc7a00", "bf16": "#b0305f", "int8": "#2a7f3f", "int4": "#2456b5"}


def points_of(report):
    """(operations per byte, operations per second, label), ascending."""
    operations, read = report["operations_per_token"], report["weight_bytes_per_token"]
    points = []
    if "decode" in report:
        points.append((operations / read, operations * report["decode"]["tokens_per_s"], "decode"))
    for batch in report["batch"]:
        if batch["size"] > 1:
            points.append((batch["size"] * operations / read, operations * batch["tokens_per_s"],
                           f"batch {batch['size']}"))
    for prompt in report["prompt"]:
        # All but the head is computed for every token.
        per_token = prompt["fraction_of_peak"] * peak_of(report) / prompt["tokens_per_s"]
        points.append((prompt["length"] * per_token / read, per_token * prompt["tokens_per_s"],
                       f"prompt {prompt['length']}"))
    return points


def peak_of(report):
    return 1e12 * report["machine"]["matrix_peak_tops"][report["weights"]]


class Chart:
    def __init__(self, xs, ys):
        self.x_range = [math.floor(math.log10(min(xs))), math.floor(math.log10(max(xs))) + 1]
        self.y_range = [math.floor(math.log10(min(ys))), math.floor(math.log10(max(ys))) + 1]
        self.parts = []

    def x(self, value):
        low, high = self.x_range
        return LEFT + (math.log10(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        low, high = self.y_range
        return HEIGHT - BOTTOM - (math.log10(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def line(self, points, colour, style=""):
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" {style}/>')

    def text(self, x, y, text, colour="#333333", anchor="start"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{text}</text>')

    def dot(self, x, y, colour, title):
        self.parts.append(f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="4" fill="{colour}">'
                          f"<title>{title}</title></circle>")

    def axes(self):
        for power in range(self.x_range[0], self.x_range[1] + 1):
            self.line([(10**power, 10**self.y_range[0]), (10**power, 10**self.y_range[1])], "#dddddd")
            self.text(self.x(10**power), HEIGHT - BOTTOM + 18, f"{10**power:g}", anchor="middle")
        for power in range(self.y_range[0], self.y_range[1] + 1):
            self.line([(10**self.x_range[0], 10**power), (10**self.x_range[1], 10**power)], "#dddddd")
            self.text(LEFT - 8, self.y(10**power) + 4, f"{10**power / 1e12:g}", anchor="end")
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "operations per byte of weights read", anchor="middle")
        self.text(8, TOP - 6, "TOP/s")

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
                f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(self.parts)}</svg>\n')


def draw(reports):
    drawn = [(report, points_of(report)) for report in reports]
    xs = [x for _, points in drawn for x, _, _ in points]
    ys = [y for _, points in drawn for _, y, _ in points] + [peak_of(report) for report in reports]
    chart = Chart(xs, ys)
    chart.axes()
    right = 10**chart.x_range[1]
    for report, points in drawn:
        weights, colour = report["weights"], COLOURS[report["weights"]]
        peak, read = peak_of(report), 1e9 * report["machine"]["read_gb_per_s"]
        ridge = peak / read
        left = max(10**chart.x_range[0], 10**chart.y_range[0] / read)
        chart.line([(left, left * read), (ridge, peak), (right, peak)], colour, 'stroke-dasharray="5 4"')
        chart.line([(x, y) for x, y, _ in points], colour, 'stroke-width="1.5"')
        for x, y, label in points:
            roof = min(peak, x * read)
            if report is reports[0]:
                chart.text(chart.x(x) + 6, chart.y(y) + 14, label, colour)
            chart.dot(x, y, colour, f"{weights}, {label}: {y / 1e12:.3g} TOP/s, {y / roof:.2f} of the roof")
    for i, (report, points) in enumerate(drawn):
        at = [y / min(peak_of(report), x * 1e9 * report["machine"]["read_gb_per_s"]) for x, y, _ in points]
        chart.text(WIDTH - RIGHT + 12, TOP + 16 + 34 * i, report["weights"], COLOURS[report["weights"]])
        chart.text(WIDTH - RIGHT + 12, TOP + 30 + 34 * i, f"{min(at):.2f} to {max(at):.2f} of the roof")
    return chart.svg()


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    reports = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            reports += [json.loads(line) for line in file if line.strip()]
    reports = [report for report in reports if "machine" in report and points_of(report)]
    if not reports:
        sys.exit("roofline.py: expected reports with decode, batch or prompt, found none")
    sys.stdout.write(draw(reports))


if __name__ == "__main__":
    main()
