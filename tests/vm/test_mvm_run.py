#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runner: options, drives, Firecracker's configuration; Ctrl-C on a terminal."""
import contextlib
import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [os.path.join(ROOT, "runner"), os.path.join(ROOT, "tests", "vm")]
import mvm_run  # noqa: E402
from rig import build  # noqa: E402
from rig.console import Console  # noqa: E402
from rig.tap import TestCase, main, x86_64_only  # noqa: E402

MIB = 1 << 20


@x86_64_only("these need no guest")
class Runner(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.image = self.path("image")
        os.mkdir(self.image)
        os.mkdir(self.path("state"))
        self.write("image/vmlinux", "kernel")
        self.make_root("one")

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def make_root(self, text):
        """A file that passes for an ext4 image here."""
        self.write("image/rootfs.ext4", text + "\0" * (1 << 17) + "end")
        self.write("image/manifest.json", json.dumps({
            "rootfsType": "ext4", "system": "x86_64-linux",
            "kernelArguments": "root=/dev/vda rw rootwait init=/init reboot=k panic=1",
            "files": {"rootfs.ext4": {"sha256": text}}}))
        self.write("image/vmconfig.json", json.dumps({
            "boot-source": {"kernel_image_path": "vmlinux", "boot_args": "console=ttyS0"},
            "drives": [], "machine-config": {}, "vsock": {}}))

    def options(self, *words):
        return mvm_run.parse([self.image, "--state", self.path("state"), *words])

    def label(self, path):
        done = subprocess.run(["dumpe2fs", "-h", path], env=dict(os.environ, PATH=mvm_run.PATH),
                              capture_output=True, text=True, check=True)
        return next(line.split()[-1] for line in done.stdout.splitlines() if "volume name" in line)

    def refused(self, words, message):
        with self.assertRaises(mvm_run.RunError) as caught:
            mvm_run.qemu_machine(self.options(*words))
        self.assertIn(message, str(caught.exception))

    def test_an_ext4_root_is_a_copy_that_lasts(self):
        root = mvm_run.prepare(self.options())[1][0]
        self.assertEqual((root.path, root.readonly), (self.path("state/root.ext4"), False))
        self.assertEqual(self.read("state/root.ext4"), self.read("image/rootfs.ext4"))
        self.write("state/root.ext4", "written to by the guest")
        mvm_run.prepare(self.options())
        self.assertEqual(self.read("state/root.ext4"), "written to by the guest")
        self.make_root("two")
        mvm_run.prepare(self.options())
        self.assertEqual(self.read("state/root.ext4"), self.read("image/rootfs.ext4"))

    def test_config_and_secrets(self):
        for name in ("config", "secrets"):
            os.mkdir(self.path(name))
            self.write(name + "/file", "text of " + name)
        drives = mvm_run.prepare(self.options(
            "--config", self.path("config"), "--secrets", self.path("secrets")))[1][1:]
        self.assertEqual([self.label(d.path) for d in drives], ["mvm-config", "mvm-secrets"])
        self.assertTrue(all(d.readonly for d in drives))
        self.assertEqual(os.stat(drives[1].path).st_mode & 0o777, 0o600)
        done = subprocess.run(["debugfs", "-R", "cat /file", drives[1].path], check=True,
                              env=dict(os.environ, PATH=mvm_run.PATH), capture_output=True, text=True)
        self.assertEqual(done.stdout, "text of secrets")

    def test_data(self):
        data = self.path("data.img")
        drive = mvm_run.prepare(self.options("--data", data + ":16M"))[1][1]
        self.assertEqual((os.path.getsize(data), drive.readonly), (16 * MIB, False))
        self.assertEqual(self.label(data), "mvm-data")
        mvm_run.prepare(self.options("--data", data))
        self.assertEqual(os.path.getsize(data), 16 * MIB)
        mvm_run.prepare(self.options("--data", data + ":32M"))
        self.assertEqual(os.path.getsize(data), 32 * MIB)
        self.refused(["--data", data + ":8M"], "nothing is cut off")

    def test_what_is_refused(self):
        self.refused(["--config", self.path("absent")], "--config %s: not a directory" %
                     self.path("absent"))
        self.refused(["--data", self.path("x") + ":0"], "is not a size")
        self.refused(["--data", self.path("x") + ":1X"], "is not a size")
        self.refused(["--publish", "80"], "write HOST:GUEST")
        self.refused(["--publish", "80:70000"], "write HOST:GUEST")
        os.unlink(self.path("image/manifest.json"))
        self.refused([], "not an image of mkGuest")

    def test_words_for_the_kernel(self):
        machine = mvm_run.qemu_machine(self.options("--append", "quiet", "--publish", "8000:80"))
        words = machine.append.split()
        self.assertEqual(words[:2], ["rootwait", "init=/init"])
        self.assertIn("quiet", words)
        self.assertTrue(any(w.startswith("mvm.ip=") for w in words))
        self.assertEqual(machine.publish, [(8000, 80)])
        self.assertEqual(machine.vsock_path, self.path("state/v.sock"))

    def test_firecracker(self):
        config = mvm_run.firecracker_config(self.options("--memory", "256", "--append", "quiet"))
        self.assertEqual(config["boot-source"], {
            "kernel_image_path": self.path("image/vmlinux"), "boot_args": "console=ttyS0 quiet"})
        self.assertEqual(config["drives"], [{
            "drive_id": "drive0", "path_on_host": self.path("state/root.ext4"),
            "is_root_device": True, "is_read_only": False}])
        self.assertEqual(config["machine-config"], {"vcpu_count": 1, "mem_size_mib": 256})
        self.assertEqual(config["vsock"]["uds_path"], self.path("state/v.sock"))
        with self.assertRaises(mvm_run.RunError):
            mvm_run.firecracker_config(self.options("--publish", "1:2"))

    def test_a_command(self):
        self.assertEqual(self.options("--", "sh", "-c", "a -- b").command, ["sh", "-c", "a -- b"])

    def test_a_command_ends_with_a_guest_that_cannot_run(self):
        """As where /dev/kvm is there and cannot run the guest."""
        machine = mock.Mock(vsock_path=self.path("v.sock"))
        machine.running.return_value = True
        machine.wait_short.return_value = False
        machine.events.return_value = [{"event": "STOP"}]
        machine.command.return_value = {"status": "internal-error"}
        started = []
        self.addCleanup(lambda: [p.kill() for p in started])

        def start(*arguments, **options):
            started.append(popen(*arguments, **options))
            return started[0]

        popen = subprocess.Popen
        with mock.patch.object(subprocess, "Popen", start), \
                self.assertRaisesRegex(mvm_run.KvmError, "KVM cannot run this guest"):
            mvm_run.attend(machine, self.options("--", "sleep", "infinity"), [])
        self.assertEqual(started[0].wait(60), -signal.SIGTERM)

    def test_a_command_waits_for_kvm(self):
        """For a line of the guest's; it is not started where KVM fails."""
        machine = mock.Mock(accelerator="kvm")
        machine.console.lines = []
        machine.running.return_value = True
        machine.events.return_value = [{"event": "STOP"}]
        machine.command.return_value = {"status": "internal-error"}
        with mock.patch.object(subprocess, "Popen") as start, self.assertRaises(mvm_run.KvmError):
            mvm_run.attend(machine, self.options("--", "true"), [])
        start.assert_not_called()
        machine.events.return_value = []
        machine.wait_short.side_effect = lambda: machine.console.lines.append((0, "Linux"))
        mvm_run.wait_for_accelerator(machine, [])
        machine.wait_short.assert_called_once()

    def test_an_interrupt_ends_the_wait_for_kvm(self):
        """The guest is shut down at once, and the command is not started."""
        machine, interrupts = mock.Mock(accelerator="kvm"), []
        machine.console.lines = []
        machine.running.side_effect = lambda: not machine.ctrl_alt_del.called
        machine.events.return_value = []
        machine.wait_short.side_effect = lambda: interrupts.append(1)
        with mock.patch.object(subprocess, "Popen") as start:
            self.assertEqual(mvm_run.attend(machine, self.options("--", "true"), interrupts), 0)
        start.assert_not_called()
        machine.wait_short.assert_called_once()

    def run_where_kvm_fails(self, *arguments):
        """(what ends the run, the accelerators that were asked for, stderr)"""
        asked = []

        def run(options):
            asked.append(options.accel)
            if options.accel != "tcg":
                raise mvm_run.KvmError("KVM cannot run this guest")
            return 3

        errors = io.StringIO()
        with mock.patch.object(mvm_run, "run_machine", run), \
                mock.patch.object(shutil, "which", return_value="/bin/x"), \
                contextlib.redirect_stderr(errors):
            try:
                end = mvm_run.run_qemu(self.options(*arguments))
            except mvm_run.KvmError as problem:
                end = problem
        return end, asked, errors.getvalue()

    def test_a_guest_that_kvm_cannot_run_is_emulated(self):
        end, asked, errors = self.run_where_kvm_fails()
        self.assertEqual((end, asked), (3, ["auto", "tcg"]))
        self.assertIn("it is emulated instead", errors)

    def test_kvm_that_was_asked_for_is_not_replaced(self):
        end, asked, _ = self.run_where_kvm_fails("--accel", "kvm")
        self.assertIsInstance(end, mvm_run.KvmError)
        self.assertEqual(asked, ["kvm"])


@x86_64_only("the runner ends guests by their keyboard")
class Terminal(TestCase):
    """As a person uses it: the runner in the foreground of a terminal, and keys."""

    def image(self, guest):
        """A directory as mkGuest makes it of this guest."""
        directory = guest.image_path("image")
        os.mkdir(directory)
        os.symlink(build.kernel(), os.path.join(directory, "vmlinux"))
        os.symlink(guest.root_image(), os.path.join(directory, "rootfs.squashfs"))
        with open(os.path.join(directory, "manifest.json"), "w", encoding="utf-8") as f:
            json.dump({"rootfsType": "squashfs", "system": "x86_64-linux", "files": {},
                       "kernelArguments": "root=/dev/vda ro rootwait init=/init reboot=k"}, f)
        return directory

    def run_on_terminal(self, guest):
        """(the process, what comes on its terminal, a function that types)"""
        keyboard, terminal = pty.openpty()
        process = subprocess.Popen(
            ["setsid", "--ctty", sys.executable, os.path.join(ROOT, "runner", "mvm_run.py"),
             self.image(guest), "--accel", "tcg"],
            stdin=terminal, stdout=terminal, stderr=terminal)
        os.close(terminal)
        self.addCleanup(os.close, keyboard)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.makedirs(self.log_directory(), exist_ok=True)
        log = open(os.path.join(self.log_directory(), "terminal.log"), "w", encoding="utf-8")
        return process, Console(keyboard, log), lambda keys: os.write(keyboard, keys)

    def test_ctrl_c_shuts_the_guest_down(self):
        guest = self.guest("squashfs")
        guest.service("web", "/bin/acts trap stopped-in-peace")
        process, console, press = self.run_on_terminal(guest)
        console.wait_line("web: trap: set")
        press(b"\x03")
        console.wait_line("web: trap: stopped-in-peace")
        console.wait_line(r"\[init\] .*goodbye")
        self.assertEqual(process.wait(60), 0)
        self.assertNotIn("Traceback", console.text)

    def test_a_second_ctrl_c_ends_it_at_once(self):
        guest = self.guest("squashfs")
        guest.facts("up", "stubborn", stop_timeout="1h")
        process, console, press = self.run_on_terminal(guest)
        console.wait_line("up: stubborn.*")
        press(b"\x03")
        console.wait_line("up: got: signal 15")
        press(b"\x03")
        self.assertEqual(process.wait(60), 1)
        console.wait("the guest ended without a goodbye")
        self.assertNotIn("Traceback", console.text)


if __name__ == "__main__":
    main()
