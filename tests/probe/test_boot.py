#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""boot: bars on a terminal, and a picture that a real renderer draws."""
import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml

import fakes
from fakes import probe
from picture import Picture
from rig.tap import main
from terminal import Terminal

BLUE, RED, GREEN, WHITE = (0x4a, 0x90, 0xd9), (0xd0, 0x34, 0x2c), (0x2e, 0x8b, 0x57), (255,) * 3
LEFT, WIDTH = 200, 600      # of the bars, in pixels


def stage(name, start_us, duration_us, success=True, detail=None):
    return {"name": name, "start_us": start_us, "duration_us": duration_us, "success": success,
            "detail": detail}


STAGES = [stage("kernel", 0, 500000), stage("mounts", 500000, 250000),
          stage("<net & work>", 750000, 125000, False, "eth0: \x1b[2J \"no\" <link>")]


class Boot(unittest.TestCase):
    def setUp(self):
        self.fleet = fakes.Fleet(["a", "b"]).__enter__()
        self.addCleanup(self.fleet.__exit__, None, None, None)
        self.fleet.guests["a"].answers["BootTimeline"] = {
            "BootTimeline": {"stages": STAGES, "all_healthy_us": 1000000}}
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.svg = os.path.join(temporary.name, "boot.svg")

    def test_bars_on_a_terminal(self):
        with Terminal([fakes.PROBE, "boot", self.fleet.path("a")], cols=120) as t:
            self.assertEqual(t.end(), 1)
            lines = t.model.lines()
        at = lines[0].index("WHEN")
        self.assertEqual([line[at:at + 32].rstrip() for line in lines[1:5]],
                         ["#" * 16, " " * 16 + "#" * 8, " " * 24 + "!" * 4, " " * 31 + "|"])

    def test_no_bars_elsewhere(self):
        self.assertNotIn("WHEN", probe("boot", self.fleet.path("a"), status=1).stdout)

    def render(self):
        return Picture(subprocess.run(["rsvg-convert", self.svg], check=True,
                                      stdout=subprocess.PIPE).stdout)

    def test_a_picture(self):
        done = probe("boot", "--svg", self.svg, self.fleet.path("a"), status=1)
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        picture = self.render()
        self.assertEqual(picture.color(0, 0), WHITE)
        blue = picture.spans(BLUE)
        kernel, mounts = blue[0], blue[-1]
        self.assertEqual((kernel[1], kernel[2] + 1), (LEFT, LEFT + WIDTH // 2))
        self.assertEqual((mounts[1], mounts[2] + 1), (LEFT + WIDTH // 2, LEFT + WIDTH * 3 // 4))
        red = picture.spans(RED)
        self.assertEqual((red[0][1], red[0][2] + 1), (LEFT + WIDTH * 3 // 4, LEFT + WIDTH * 7 // 8))
        self.assertGreater(red[0][0], mounts[0], "each stage has its line")
        texts = [e.text for e in xml.parse(self.svg).iter("{http://www.w3.org/2000/svg}text")]
        for text in ("a", "kernel", "<net & work>", "500.0 ms", "125.0 ms failed",
                     "every check healthy at 1000.0 ms"):
            self.assertIn(text, texts)
        titles = [e.text for e in xml.parse(self.svg).iter("{http://www.w3.org/2000/svg}title")]
        self.assertIn('eth0: \\x1b[2J "no" <link>', titles)

    def test_guests_below_each_other_to_one_scale(self):
        probe("boot", "--svg", self.svg, self.fleet.directory, status=1)
        texts = [e.text for e in xml.parse(self.svg).iter("{http://www.w3.org/2000/svg}text")]
        self.assertLess(texts.index("a"), texts.index("b"))
        # b's kernel took 90 of 1000 ms
        widths = {last - first + 1 for _, first, last in self.render().spans(BLUE)}
        self.assertIn(WIDTH * 9 // 100, widths)

    def test_what_cannot_be_drawn(self):
        self.fleet.stop("b")
        done = probe("boot", "--svg", self.svg, self.fleet.path("a"), self.fleet.path("b"),
                     status=3)
        self.assertIn("no such socket", done.stderr)
        self.assertTrue(self.render().spans(BLUE), "the guest that answers is there")
        done = probe("boot", "--svg", "/nonexistent/x.svg", self.fleet.path("a"), status=3)
        self.assertIn("--svg: /nonexistent/x.svg: No such file", done.stderr)


if __name__ == "__main__":
    main()
