#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The installed files, the tarball, and completion in real shells."""
import hashlib
import os
import re
import subprocess
import tempfile
import unittest

import fakes
from fakes import probe
from rig.tap import main


def run(*command):
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=fakes.ROOT,
                          timeout=fakes.SECONDS)
    if done.returncode != 0:
        raise AssertionError("%s: %s%s" % (command, done.stdout, done.stderr))
    return done.stdout


def script(shell, directory):
    path = os.path.join(directory, shell)
    with open(path, "w", encoding="utf-8") as f:
        f.write(probe("completion", shell).stdout)
    return path


class Completion(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = temporary.name

    def bash(self, *words):
        return run("bash", "--norc", "-c",
                   "source %s; COMP_WORDS=(mvm-probe %s); COMP_CWORD=%d; _mvm_probe; "
                   "echo ${COMPREPLY[@]}" % (script("bash", self.directory), " ".join(words),
                                             len(words))).split()

    def test_bash(self):
        self.assertEqual(self.bash("stat"), ["status"])
        self.assertEqual(self.bash("logs", "--l"), ["--lines"])
        self.assertEqual(self.bash("status", "--l"), [], "an option of another verb")
        self.assertEqual(self.bash("status", "--json", "--pa"), ["--parallel"])

    def test_fish(self):
        path = script("fish", self.directory)
        out = run("fish", "--no-config", "-c", "source %s; complete -C 'mvm-probe stat'" % path)
        self.assertIn("status\tis the guest healthy, and what is not?", out)
        out = run("fish", "--no-config", "-c", "source %s; complete -C 'mvm-probe logs --li'" % path)
        self.assertIn("--lines", out)

    def test_zsh(self):
        path = script("zsh", self.directory)
        self.assertIn("_mvm_probe", run("zsh", "-f", "-c", "source %s; which _mvm_probe" % path))

    def test_another_shell(self):
        self.assertIn("no such shell; choose bash", probe("completion", "tcsh", status=2).stderr)


def tarball():
    return os.path.join(fakes.ROOT, run("make", "-s", "dist").strip())


class Version(unittest.TestCase):
    def test_the_program_tells_version_and_commit(self):
        number = re.search(r"version: '(.*)'", run("cat", "meson.build")).group(1)
        text = probe("--version").stdout
        self.assertRegex(text, r"\Amvm-probe %s \(commit [0-9a-f]{12}\)\n\Z" % re.escape(number))
        changelog = run("cat", "CHANGELOG.md")
        self.assertIn("\n## %s\n" % number, changelog)
        self.assertIn("mvm-init (%s) " % number, run("head", "-n", "1", "debian/changelog"))

    def test_the_tarball_knows_its_commit(self):
        """Also within a directory that git knows for something else."""
        head = run("git", "rev-parse", "--short=12", "HEAD").strip()
        self.assertEqual(run("probe/commit").strip(), head)
        with tempfile.TemporaryDirectory(dir=os.path.join(fakes.ROOT, "build")) as directory:
            run("tar", "-xzf", tarball(), "-C", directory)
            name, = os.listdir(directory)
            self.assertEqual(run(os.path.join(directory, name, "probe", "commit")).strip(), head)

    def test_sources_that_nobody_knows(self):
        with tempfile.TemporaryDirectory(dir=os.path.join(fakes.ROOT, "build")) as directory:
            run("cp", "probe/commit", directory)
            done = subprocess.run([os.path.join(directory, "commit")], check=False,
                                  capture_output=True, text=True)
            self.assertEqual((done.returncode != 0, done.stdout), (True, ""))


@unittest.skipUnless(os.environ.get("DEBIAN_PACKAGE"), "make soak builds the Debian package")
class Debian(unittest.TestCase):
    """The package builds from the tarball, lintian finds nothing, and its program runs."""

    def test_the_package(self):
        with tempfile.TemporaryDirectory() as directory:
            run("tar", "-xzf", tarball(), "-C", directory)
            name, = os.listdir(directory)
            sources = os.path.join(directory, name)
            built = subprocess.run(["dpkg-buildpackage", "-us", "-uc", "-j2"], cwd=sources,
                                   check=False, capture_output=True, text=True)
            self.assertEqual(built.returncode, 0, built.stdout[-4000:] + built.stderr[-4000:])
            for changes in (n for n in os.listdir(directory) if n.endswith(".changes")):
                checked = subprocess.run(
                    ["lintian", "--allow-root", "--fail-on", "error,warning",
                     os.path.join(directory, changes)], check=False, capture_output=True, text=True)
                self.assertEqual((checked.returncode, checked.stdout), (0, ""), checked.stderr)
            package, = (n for n in os.listdir(directory)
                        if n.startswith("mvm-probe_") and n.endswith(".deb"))
            root = os.path.join(directory, "root")
            run("dpkg-deb", "-x", os.path.join(directory, package), root)
            self.assertIn("(commit %s)" % run("git", "rev-parse", "--short=12", "HEAD").strip(),
                          run(os.path.join(root, "usr", "bin", "mvm-probe"), "--version"))
            for page in ("man1/mvm-probe.1.gz", "man7/mvm-snapshot.7.gz"):
                self.assertTrue(os.path.exists(os.path.join(root, "usr/share/man", page)), page)


class Packaging(unittest.TestCase):
    def test_the_tarball_is_the_same_each_time(self):
        def digest():
            with open(tarball(), "rb") as f:
                return hashlib.sha256(f.read()).hexdigest()
        self.assertEqual(digest(), digest())

    def test_what_is_installed(self):
        with tempfile.TemporaryDirectory() as root:
            run("make", "-s", "install", "DESTDIR=" + root)
            for path in ("bin/mvm-probe", "share/man/man1/mvm-probe.1", "share/man/man8/init.8",
                         "share/bash-completion/completions/mvm-probe",
                         "share/zsh/vendor-completions/_mvm-probe",
                         "share/fish/vendor_completions.d/mvm-probe.fish",
                         "lib/systemd/system/mvm-probe-exporter.service"):
                self.assertTrue(os.path.getsize(os.path.join(root, "usr", path)), path)


if __name__ == "__main__":
    main()
