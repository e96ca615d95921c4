#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/roofline.py draws what a bench report says: roofline_test.py ROOFLINE.PY"""
import json
import math
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

REPORT = {
    "weights": "int4", "operations_per_token": 1e10, "weight_bytes_per_token": 2e9,
    "machine": {"read_gb_per_s": 50, "matrix_peak_tops": {"int4": 2.0}},
    "decode": {"tokens_per_s": 20, "fraction_of_read": 0.8},
    "batch": [{"size": 1, "tokens_per_s": 21}, {"size": 4, "tokens_per_s": 60}],
    "prompt": [{"length": 512, "tokens_per_s": 150, "fraction_of_peak": 0.75}],
}


def draw(*reports):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write("".join(json.dumps(report) + "\n" for report in reports))
        file.flush()
        return subprocess.run([sys.executable, sys.argv[1], file.name], capture_output=True, text=True)


def main():
    done = draw(REPORT)
    assert done.returncode == 0, done.stderr
    root = xml.fromstring(done.stdout)
    dots = {}
    for circle in root.iter("{http://www.w3.org/2000/svg}circle"):
        title = circle[0].text
        dots[title.split(":")[0]] = (float(circle.get("cx")), float(circle.get("cy")), title)
    assert set(dots) == {"int4, decode", "int4, batch 4", "int4, prompt 512"}, dots
    # To the right in this order, and as far apart as their operations per byte: 5, 20.
    decode, batch = dots["int4, decode"], dots["int4, batch 4"]
    ticks = [float(t.get("x")) for t in root.iter("{http://www.w3.org/2000/svg}text")
             if t.get("text-anchor") == "middle" and re.fullmatch(r"1|10+", t.text)]
    decade = ticks[1] - ticks[0]
    assert abs(batch[0] - decode[0] - decade * math.log10(4)) < 0.5, (decode, batch, decade)
    # 20 tokens/s of 5 operations a byte at 50 GB/s: 0.2 of 0.25 TOP/s.
    assert "0.2 TOP/s, 0.80 of the roof" in decode[2], decode
    assert "0.75 of the roof" in dots["int4, prompt 512"][2]
    assert draw({"weights": "int4"}).returncode != 0
    print("drawn")


main()
