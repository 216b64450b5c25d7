#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is installed, the tarball, and completion in the real shells."""
import hashlib
import os
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
        self.assertIn("no such shell; there are bash", probe("completion", "tcsh", status=2).stderr)


class Packaging(unittest.TestCase):
    def test_the_tarball_is_the_same_each_time(self):
        def digest():
            path = os.path.join(fakes.ROOT, run("make", "-s", "dist").strip())
            with open(path, "rb") as f:
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
