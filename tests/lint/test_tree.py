#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rules that a reader of the sources may rely on, checked in every file."""
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "vm"))
import source  # noqa: E402
from rig.tap import main  # noqa: E402

PID_1 = ("base", "init", "mounts", "supervisor")
PROGRAMS = PID_1 + ("protocol", "agent", "probe")

# Which directory may include which: one way, and never init.
INCLUDES = {
    "base": {"base"},
    "mounts": {"mounts", "base"},
    "supervisor": {"supervisor", "base"},
    "init": {"init", "mounts", "supervisor", "base"},
    "protocol": {"protocol", "base"},
    "agent": {"agent", "protocol", "base"},
    "probe": {"probe", "protocol", "base"},
}

# Files in formats without comments, or of other authors.
NO_LICENSE_LINE = re.compile(
    r"LICENSE|.*\.json|nix/flake\.lock|tests/fuzz/seeds/.*|.*\.(?:html|txt|dict)|nix/OPTIONS\.md"
    r"|debian/(?:changelog|copyright|source/format)")
SMALL_TEXT = 5          # lines at the top of a file in which its license stands

# Messages whose names are also other words: headings of tables, states of services.
COMMON = {"Error", "Services"}

C_FILE_LINES = 600
C_FUNCTION_LINES = 60
COLUMNS = 100
LAYOUT_VERSION = 14     # of clang-format


def words(*parts):
    """A word that this file does not contain itself."""
    return "".join(parts)


def c_files(*directories):
    return [p for p in source.files("*.c", "*.h") if p.split("/")[0] in directories]


def circles(paths, read=source.read):
    """The sets of modules (a .c with its .h) that include each other, however far around."""
    below = {}
    for path in paths:
        names = re.findall(r'(?m)^#include "([^"]+)"', read(path))
        below.setdefault(os.path.splitext(path)[0], set()).update(
            os.path.splitext(name)[0] for name in names)

    def reached(module):
        seen, left = set(), [module]
        while left:
            for name in below.get(left.pop(), ()):
                if name not in seen:
                    seen.add(name)
                    left.append(name)
        return seen

    reach = {module: reached(module) - {module} for module in below}
    found = []
    for module in sorted(below):
        circle = {module} | {m for m in reach[module] if module in reach.get(m, ())}
        if len(circle) > 1 and circle not in found:
            found.append(circle)
    return found


class Tree(unittest.TestCase):
    maxDiff = None

    def assert_none(self, found, message):
        if found:
            self.fail("%s:\n%s" % (message, "\n".join(found)))

    def lines_with(self, pattern, paths, code=False):
        """(path, line number, line) of each line that the pattern is found in."""
        found = []
        for path in paths:
            text = source.read(path)
            if text is None:
                continue
            shown = source.c_code(text) if code else text
            found += ["%s:%d: %s" % (path, n, line.strip()[:100])
                      for n, line in enumerate(shown.split("\n"), 1) if pattern.search(line)]
        return found


class PidOne(Tree):
    def test_it_has_no_way_out_but_power(self):
        """PID 1 never ends; _exit is for the children that it forks."""
        call = re.compile(r"\b(?:exit|_exit|_Exit|quick_exit|abort|assert|errx?|verrx?|raise|"
                          r"pthread_exit|__builtin_trap|__builtin_unreachable)\s*\(")
        paths = [p for p in c_files(*PID_1) if p not in ("base/passed.c", "base/spawn.c",
                                                             "init/helper.c")]
        self.assertGreater(len(paths), 50)
        self.assert_none(self.lines_with(call, paths, code=True), "ways to end PID 1")
        self.assertEqual(
            [line.split(": ")[1] for line in self.lines_with(call, ["base/spawn.c"], code=True)],
            ["_exit(SPAWN_EXIT_FAILED);"])

    def test_it_waits_for_children_in_two_places(self):
        """While services run there is one waiter; the other is power.c, at the end."""
        call = re.compile(r"\bwait(?:pid|id|3|4)?\s*\(")
        found = self.lines_with(call, c_files(*PID_1), code=True)
        self.assertEqual({line.split(":")[0] for line in found},
                         {"supervisor/supervisor.c", "init/power.c"})

    def test_includes_point_one_way(self):
        found = []
        for path in c_files(*PROGRAMS):
            for name in re.findall(r'(?m)^#include "([^"]+)"', source.read(path)):
                if name.split("/")[0] not in INCLUDES[path.split("/")[0]]:
                    found.append("%s includes %s" % (path, name))
        self.assert_none(found, "includes that point the wrong way")

    def test_no_circle_of_files(self):
        """Calls go down: with each .c taken together with its .h, includes make no circle."""
        self.assert_none([" <-> ".join(sorted(circle)) for circle in circles(c_files(*PROGRAMS))],
                         "circles of includes")

    def test_a_circle_would_be_found(self):
        texts = {"x/a.h": '#include "x/b.h"', "x/b.c": '#include "x/c.h"', "x/b.h": "",
                 "x/c.h": '#include "x/a.h"', "x/d.c": '#include "x/a.h"'}
        self.assertEqual(circles(texts, texts.get), [{"x/a", "x/b", "x/c"}])


class Messages(Tree):
    def fields(self):
        """The names of the fields in the tables of protocol/."""
        names = set()
        for path in c_files("protocol"):
            text = source.read(path)
            names.update(re.findall(r"\bROW\w*\(\s*struct \w+,\s*(\w+)", text))
            names.update(re.findall(r'\bROW\w*\([^()]*?"(\w+)"', text))
            names.update(re.findall(r'\.name = "([a-z]\w*)"', text))
        self.assertGreater(len(names), 150)
        return names

    def test_names_are_spelled_in_the_table_only(self):
        """protocol/messages.c has each name; other code uses the kind."""
        names = re.findall(r'\.body = \{ \.name = "(\w+)"', source.read("protocol/messages.c"))
        self.assertGreater(len(names), 80)
        pattern = re.compile(r'(?<![%%\w])(?:\\"|")(?:%s)(?:\\"|")' % "|".join(set(names) - COMMON))
        paths = [p for p in c_files("agent", "probe", "init", "base") if p.endswith((".c", ".h"))]
        self.assert_none(self.lines_with(pattern, paths), "names of messages outside the table")

    def test_no_program_writes_json_by_hand(self):
        """Only the table's examples are JSON."""
        paths = [p for p in c_files(*PROGRAMS) if p != "protocol/messages.c"]
        self.assert_none(self.lines_with(re.compile(r'\\"\w+\\":'), paths),
                         "JSON without a table of fields")

    def test_the_agent_spells_no_field_of_a_message(self):
        """Rows of tables may, because the agent's own files have tables, too."""
        names = [n for n in self.fields() if "_" in n]
        pattern = re.compile(r'^(?!.*(?:\.name|\.alias|\]) = ").*"(?:%s)"' % "|".join(names))
        self.assert_none(self.lines_with(pattern, c_files("agent")), "fields outside the table")

    def test_the_probe_reads_fields_that_messages_have(self):
        names = self.fields()
        found = []
        for path in c_files("probe"):
            found += ["%s: %s" % (path, name) for name in re.findall(
                r'\bshape_\w+\(\s*[&\w]+,\s*"(\w+)"', source.read(path)) if name not in names]
        self.assert_none(found, "fields that no message has")


class Text(Tree):
    def test_every_file_names_its_license(self):
        paths = [p for p in source.files() if not NO_LICENSE_LINE.fullmatch(p)]
        self.assertGreater(len(paths), 100)
        marker = "SPDX-License-Identifier: " + "MIT"
        self.assert_none(
            [p for p in paths if marker not in
             "\n".join((source.read(p) or "").split("\n")[:SMALL_TEXT])],
            "files without their license in the first %d lines" % SMALL_TEXT)

    def test_nothing_is_left_undone(self):
        mark = re.compile(r"\b(?:%s)\b" % "|".join(
            (words("TO", "DO"), words("FIX", "ME"), words("XX", "X"), words("HA", "CK"))))
        self.assert_none(self.lines_with(mark, source.files()), "words for work left undone")

    def test_nothing_names_this_machine_or_a_registry(self):
        """Addresses come from the machine's own configuration, wherever the checkout is."""
        hosts = [".".join(parts) for parts in (
            ("deb", "debian", "org"), ("security", "debian", "org"), ("pypi", "org"),
            ("registry", "npmjs", "org"), ("crates", "io"), ("proxy", "golang", "org"))]
        listed = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE)"], check=False,
                                capture_output=True, text=True).stdout
        hosts += [m.group(1) for m in re.finditer(r"(?m)^\w+://([^/:\s]+)", listed)]
        names = sorted(set(hosts)) + [source.ROOT + "/"]
        pattern = re.compile("|".join(r"(?<![\w.-])" + re.escape(n) for n in names))
        self.assert_none(self.lines_with(pattern, source.files()), "names of machines")

    def test_lines_end_where_they_should(self):
        paths = source.files("*.c", "*.h", "*.build", "Makefile", "man/*")
        self.assert_none(self.lines_with(re.compile(r"[ \t]+$|\r"), paths), "white space at ends")
        self.assert_none([p for p in paths if (source.read(p) or "\n")[-1:] != "\n"],
                         "files without a last line end")


class C(Tree):
    def test_clang_format_would_change_nothing(self):
        version = subprocess.run(["clang-format", "--version"], check=True, capture_output=True,
                                 text=True).stdout
        if " version %d." % LAYOUT_VERSION not in version:
            self.skipTest("the tree is laid out by clang-format %d, and this is another: %s"
                          % (LAYOUT_VERSION, version.strip()))
        r = subprocess.run(["clang-format", "--dry-run", "--Werror", "--style=file",
                            *source.files("*.c", "*.h")], check=False, cwd=source.ROOT,
                           stderr=subprocess.PIPE, text=True)
        self.assert_none(sorted(set(re.findall(r"(?m)^(\S+?:\d+):", r.stderr))),
                         "not as clang-format has it; run: make format")
        self.assertEqual((r.returncode, r.stderr), (0, ""))

    def test_vsock_addresses_come_with_sockets(self):
        """Older kernel headers need <sys/socket.h> first; this machine's do not."""
        include = re.compile(r"#include <linux/vm_sockets\.h>")
        found = self.lines_with(include, c_files(*PROGRAMS, "tests"))
        self.assertEqual([line.split(":")[0] for line in found],
                         ["base/vsock.h", "tests/vm/payload/attack_sockets.c",
                          "tests/vm/payload/facts_net.c", "tests/vm/payload/intruder.c"])

    def test_files_and_functions_are_short(self):
        paths = source.files("*.c", "*.h")
        found = []
        functions = 0
        for path in paths:
            text = source.read(path)
            lines = text.count("\n")
            if lines > C_FILE_LINES:
                found.append("%s: %d lines" % (path, lines))
            for name, line, count in source.c_functions(text):
                functions += 1
                if count > C_FUNCTION_LINES:
                    found.append("%s:%d: %s() has %d lines" % (path, line, name, count))
        self.assertGreater(functions, 500)
        self.assert_none(found, "long files and functions")

    def test_headers_are_guarded_by_their_names(self):
        found = []
        for path in c_files(*PROGRAMS):
            guard = re.sub(r"\W", "_", path).upper()
            if path.endswith(".h") and "#ifndef %s\n#define %s\n" % (guard, guard) not in \
                    source.read(path):
                found.append(path)
        self.assert_none(found, "headers without their guard")


class Scripts(Tree):
    def test_shellcheck_has_no_complaints(self):
        scripts = [p for p in source.files() if re.match(r"#!.*\b(?:ba)?sh\b", (
            source.read(p) or "").split("\n")[0])]
        self.assertGreater(len(scripts), 4)
        r = subprocess.run(["shellcheck", *scripts], check=False, cwd=source.ROOT,
                           stdout=subprocess.PIPE, text=True)
        self.assertEqual(r.returncode, 0, r.stdout)

    def test_python_compiles(self):
        for path in source.files("*.py"):
            with self.subTest(path):
                compile(source.read(path), path, "exec", dont_inherit=True)

    def test_programs_are_executable(self):
        found = [p for p in source.files() if (source.read(p) or "").startswith("#!") and
                 not os.access(os.path.join(source.ROOT, p), os.X_OK)]
        self.assert_none(found, "scripts that cannot be executed")


if __name__ == "__main__":
    main()
