#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""install-packages asks for what is missing and no more, and names what cannot be had."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "vm"))
from rig.tap import main  # noqa: E402

# Stand-ins: packages are files in $STATE; apt-get knows those in $STATE/known.
DPKG_QUERY = r"""#!/bin/sh
for name in "$@"; do
	[ ! -f "$STATE/installed/$name" ] || echo "installed $name"
done
"""
APT_GET = r"""#!/bin/sh
echo "apt-get $*" >>"$STATE/calls"
case " $* " in
*" update "*) exit 100 ;;
esac
for word in "$@"; do
	[ -z "${seen:-}" ] || [ -f "$STATE/known/$word" ] || { echo "E: no package $word"; exit 100; }
	[ -z "${seen:-}" ] || : >"$STATE/installed/$word"
	[ "$word" != --no-install-recommends ] || seen=1
done
"""


APT_CACHE = r"""#!/bin/sh
[ "$1" != show ] || [ -f "$STATE/known/$2" ]
"""


class Install(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.state = directory.name
        for name in ("installed", "known", "bin"):
            os.mkdir(os.path.join(self.state, name))
        for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET), ("apt-cache", APT_CACHE),
                           ("sudo", '#!/bin/sh\nshift\nexec "$@"\n')):
            path = os.path.join(self.state, "bin", name)
            with open(path, "w") as f:
                f.write(text)
            os.chmod(path, 0o755)

    def packages(self, group):
        with open(os.path.join(HERE, "packages.txt")) as f:
            words = [line.split() for line in f]
        return [w[1].split("|")[0] for w in words if len(w) == 2 and w[0] == group]

    def put(self, where, names):
        for name in names:
            open(os.path.join(self.state, where, name), "w").close()

    def install(self, *groups, **environment):
        """Returns the exit status, all output, and the calls of apt-get."""
        r = subprocess.run(
            ["sh", os.path.join(HERE, "install-packages"), *groups], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            env=dict(environment, STATE=self.state,
                     PATH=os.path.join(self.state, "bin") + ":" + os.environ["PATH"]))
        calls = os.path.join(self.state, "calls")
        return r.returncode, r.stdout, open(calls).read() if os.path.exists(calls) else ""

    def test_nothing_missing(self):
        self.put("installed", self.packages("build") + self.packages("unit"))
        self.assertEqual(self.install("build", "unit"), (0, "", ""))

    def test_only_what_is_missing(self):
        packages = self.packages("build")
        self.put("installed", packages[1:])
        self.put("known", packages)
        status, output, calls = self.install("build")
        self.assertEqual((status, output), (0, "installing: %s\n" % packages[0]))
        self.assertRegex(calls, r"update\n.* --no-install-recommends %s\n$" % packages[0])

    def test_alternatives(self):
        """What this release of Debian has, and what is there already."""
        packages = self.packages("kernel")
        others = [p for p in packages if p != "linux-source-6.1"]
        self.put("installed", others)
        self.put("known", ["linux-source-6.12"])
        status, output, calls = self.install("kernel")
        self.assertEqual(status, 0, output)
        self.assertRegex(calls, r" --no-install-recommends linux-source-6\.12\n$")
        self.put("known", ["linux-source-6.1"])
        self.assertEqual(self.install("kernel"), (0, "", calls))

    def test_provided(self):
        self.assertEqual(self.install("vm", INSTALL_PACKAGES="provided"), (0, "", ""))

    def test_package_that_is_not_to_be_had(self):
        packages = self.packages("unit")
        self.put("known", packages[:1])
        status, output, _ = self.install("unit")
        self.assertEqual(status, 1)
        self.assertRegex(output, r"E: no package %s" % packages[1])
        self.assertRegex(output, r"install-packages: cannot install: .*%s" % packages[1])

    def test_packages_of_two_groups_once(self):
        both = set(self.packages("build")) & set(self.packages("kernel"))
        self.assertTrue(both)
        self.put("known", self.packages("build") + self.packages("kernel"))
        _, output, _ = self.install("build", "kernel")
        for package in both:
            self.assertEqual(output.split().count(package), 1)

    def test_not_to_be_installed(self):
        status, output, calls = self.install("vm", INSTALL_PACKAGES="no")
        self.assertEqual((status, calls), (1, ""))
        self.assertIn("not installed: ", output)
        self.assertIn("qemu-system-x86", output)

    def test_unknown_group(self):
        status, output, _ = self.install("nothing")
        self.assertEqual(status, 1)
        self.assertIn('packages.txt: no group "nothing"', output)

    def test_every_line_of_the_list_is_understood(self):
        groups = ("build", "unit", "kernel", "vm", "probe", "ns", "nix", "lint", "coverage", "debian",
                  "aarch64")
        with open(os.path.join(HERE, "packages.txt")) as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    self.assertRegex(line, r"^(%s) [a-z0-9][a-z0-9.+-]+(\|[a-z0-9][a-z0-9.+-]+)*\n$"
                                     % "|".join(groups))


class HostTools(unittest.TestCase):
    """The tests' nixpkgs takes programs of the machine: each comes with a package of the list."""

    STUB = os.path.join(HERE, "nix", "stub-nixpkgs", "default.nix")
    USED = ("initial-path", "gcc", "e2fsprogs", "squashfs-tools", "jq", "meson", "ninja", "patchelf")
    GIVEN = {"git", "make"}         # what the README asks for

    def programs(self):
        with open(self.STUB, encoding="utf-8") as f:
            lists = dict(re.findall(r'hostTools "([a-z0-9-]+)" \[([^]]*)\]', f.read()))
        return {p for name in self.USED for p in re.findall(r'"([^"]+)"', lists[name])}

    @staticmethod
    def installed():
        """{package: (essential, names of packages that it needs)}, also by the names it provides."""
        fields = "${Package}\t${Essential}\t${Pre-Depends}, ${Depends}\t${Provides}\n"
        text = subprocess.run(["dpkg-query", "-W", "-f", fields], check=True, capture_output=True,
                              text=True).stdout
        packages, word = {}, re.compile(r"(?:^|[,|] ?)([a-z0-9][a-z0-9.+-]+)")
        for line in text.splitlines():
            name, essential, needs, provides = line.split("\t")
            for alias in word.findall(provides):
                packages.setdefault(alias, (False, []))[1].append(name)
            packages[name] = (essential == "yes", word.findall(needs))
        return packages

    def reached(self):
        """Packages that are on every machine, given, or listed; and what those need."""
        packages = self.installed()
        with open(os.path.join(HERE, "packages.txt"), encoding="utf-8") as f:
            listed = {line.split()[1] for line in f if line.startswith("nix ")}
        todo = listed | self.GIVEN | {p for p, (essential, _) in packages.items() if essential}
        found = set()
        while todo:
            name = todo.pop()
            if name in packages and name not in found:
                found.add(name)
                todo.update(packages[name][1])
        return found

    @staticmethod
    def owner(program):
        """The package of a program; before /usr was merged, packages had /bin."""
        path = os.path.realpath(shutil.which(program))
        for name in (path, path.replace("/usr", "", 1)):
            done = subprocess.run(["dpkg-query", "-S", name], check=False, capture_output=True,
                                  text=True)
            if done.returncode == 0:
                return done.stdout.split(":")[0]
        return None

    def test_packages_of_all_are_listed(self):
        reached, programs = self.reached(), self.programs()
        self.assertGreater(len(programs), 50)
        self.assertEqual({p: self.owner(p) for p in programs if self.owner(p) not in reached}, {})


if __name__ == "__main__":
    main()
