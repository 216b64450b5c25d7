#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the rig's own functions, with a minimal init."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

from rig import images
from rig.machine import Machine
from rig.minimal import MinimalGuest
from rig.tap import TestCase, main
from rig.waiting import Ended, RigError, TimedOut, readable


class Boot(MinimalGuest):
    def test_ext4_root(self):
        guest = self.minimal()
        machine = self.facts(guest, "id + mountinfo + read /etc/passwd + write /etc/new")
        machine.console.wait_line("id: uid=900 euid=900 gid=900 .*")
        machine.console.wait(r"^mountinfo: \S+ \S+ \S+ / / rw,\S* .* ext4 /dev/root rw")
        machine.console.wait_line("read: /etc/passwd ok root:x:0:0::/root:/bin/sh")
        machine.console.wait_line("write: /etc/new EACCES")

    def test_squashfs_root(self):
        machine = self.facts(self.minimal("squashfs"), "mountinfo + write /etc/new", uid=0)
        machine.console.wait(r"^mountinfo: \S+ \S+ \S+ / / ro,\S* .* squashfs /dev/root ro")
        machine.console.wait_line("write: /etc/new EROFS")

    def test_ext4_root_mounted_read_only(self):
        machine = self.facts(self.minimal(writable=False), "write /etc/new", uid=0)
        machine.console.wait_line("write: /etc/new EROFS")

    def test_network(self):
        machine = self.facts(self.minimal(), "net")
        machine.console.wait_line("addr: eth0 172.16.0.2/24")
        machine.console.wait_line(r"route: eth0 0.0.0.0/0 via 172\.16\.0\.1")

    def test_no_network(self):
        guest = self.minimal()
        guest.network = False
        machine = self.facts(guest, "net")
        machine.console.wait_line(r"\[minimal\] eth0: No such device")
        machine.console.wait_line("net-end:")
        self.assertEqual(machine.console.find("addr: eth0"), [])

    def test_drives_come_in_order(self):
        guest = self.minimal()
        guest.drive("first", {"a": "1"}, readonly=True)
        guest.drive("second", {"b": "2"}, size_mib=5)
        guest.blank_drive(6)
        machine = self.facts(guest, "cat /sys/block/vdb/size /sys/block/vdc/size "
                                    "/sys/block/vdd/size /sys/block/vdb/ro /sys/block/vdc/ro")
        for line in ("vdb/size: 8192", "vdc/size: 10240", "vdd/size: 12288", "vdb/ro: 1",
                     "vdc/ro: 0"):
            machine.console.wait_line("/sys/block/" + line)

    def test_several_processors(self):
        machine = self.facts(self.minimal(), "cat /sys/devices/system/cpu/online", cpus=2)
        machine.console.wait_line("/sys/devices/system/cpu/online: 0-1")

    def test_forwarded_port(self):
        machine = self.facts(self.minimal(), "tcp-echo 8080")
        machine.console.wait_line("tcp-echo: 8080 listening")
        with socket.create_connection(("127.0.0.1", machine.forward(8080)), 20) as s:
            s.sendall(b"through the network")
            self.assertEqual(s.recv(64), b"through the network")


class End(MinimalGuest):
    def test_ctrl_alt_del(self):
        for reboot in ("reboot=k", "reboot=t"):
            with self.subTest(reboot):
                guest = self.minimal()
                machine = self.start(guest.machine(
                    arguments="init=/init %s -- 0 0 -" % reboot))
                machine.console.wait_line(r"\[minimal\] started")
                machine.ctrl_alt_del()
                machine.console.wait_line(r"\[minimal\] ctrl-alt-del")
                self.assertEqual(machine.wait(), 0)
                self.assertEqual([e["data"]["reason"] for e in machine.events()
                                  if e["event"] == "SHUTDOWN"], ["guest-reset"])

    def test_written_data_is_in_the_image(self):
        guest = self.minimal()
        machine = self.facts(guest, "write /etc/new", uid=0)
        machine.console.wait_line("write: /etc/new ok")
        machine.ctrl_alt_del()
        machine.wait()
        image = guest.root_image()
        # This init syncs but does not unmount: the journal is still to be recovered.
        self.assertFalse(images.is_clean(image))
        subprocess.run(["e2fsck", "-p", image], check=False, stdout=subprocess.DEVNULL)
        self.assertTrue(images.is_clean(image))
        self.assertEqual(images.read_file(image, "/etc/new"), b"written\n")

    def test_pulled_plug(self):
        machine = self.facts(self.minimal(), "sleep")
        machine.console.wait("started")
        self.assertNotEqual(machine.pull_plug(), 0)
        self.assertFalse(machine.running())

    def test_a_wait_ends_with_the_guest(self):
        machine = self.start(self.minimal().machine(arguments="init=/nothing"))
        with self.assertRaisesRegex(Ended, "(?s)guest ended before.*Kernel panic"):
            machine.console.wait("never printed")

    def test_a_wait_has_a_deadline(self):
        machine = self.facts(self.minimal(), "sleep")
        machine.console.wait("started")
        with self.assertRaises(TimedOut):
            machine.console.wait("never printed", timeout=0.2)
        with self.assertRaises(TimedOut):
            machine.wait(timeout=0.2)

    def test_qemu_that_does_not_start(self):
        with self.assertRaisesRegex(Ended, "(?s)QEMU.*nothing-here"):
            self.start(Machine(kernel="/nothing-here"))

    def test_close_ends_all_that_was_started(self):
        machine = self.facts(self.minimal(), "sleep")
        machine.console.wait("started")
        pids = [machine._qemu.pid, machine._hvsock.pid]
        directory = machine.directory
        machine.close()
        for pid in pids:
            self.assertFalse(os.path.exists("/proc/%d" % pid))
        self.assertFalse(os.path.exists(directory))


    def test_machines_end_with_a_killed_test(self):
        program = ("import sys; sys.path.insert(0, %r)\n"
                   "from rig.machine import Machine\n"
                   "m = Machine(append='init=/x').start()\n"
                   "m.pause()\n"
                   "print(m._qemu.pid, m._hvsock.pid, m.directory, flush=True)\n"
                   "m.wait(None)" % os.path.dirname(os.path.abspath(__file__)))
        test = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        qemu, hvsock, directory = test.stdout.readline().split()
        descriptors = [os.pidfd_open(int(pid)) for pid in (qemu, hvsock)]
        test.kill()
        test.wait()
        test.stdout.close()
        for fd in descriptors:
            self.assertEqual(readable([fd], 20), fd)
            os.close(fd)
        shutil.rmtree(directory)


class Pause(MinimalGuest):
    def test_pause_and_resume(self):
        machine = self.facts(self.minimal(), "vsock-echo 52", uid=0)
        machine.console.wait_line("vsock-echo: 52 listening")
        s = machine.connect(52)
        machine.pause()
        s.sendall(b"while paused")
        s.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            s.recv(64)
        machine.resume()
        s.settimeout(20)
        self.assertEqual(s.recv(64), b"while paused")
        s.close()

    def test_drive_replaced_while_paused(self):
        guest = self.minimal()
        guest.drive("mvm-config", {"name": "old"}, readonly=True)
        new = guest.drive_image("mvm-config", {"name": "new"})
        larger = guest.drive_image("mvm-config", size_mib=8)
        machine = self.facts(guest, "mount-read /dev/vdb ext4 name + line + "
                             "mount-read /dev/vdb ext4 name", uid=0)
        machine.console.wait_line("mount-read: /dev/vdb name old")
        machine.console.wait_line("line: waiting")
        with self.assertRaisesRegex(RigError, "pause the guest"):
            machine.replace_drive(1, new)
        machine.pause()
        with self.assertRaisesRegex(RigError, "another size"):
            machine.replace_drive(1, larger)
        machine.replace_drive(1, new)
        machine.resume()
        machine.type("go on\n")
        machine.console.wait_line("mount-read: /dev/vdb name new")


class Vsock(MinimalGuest):
    def test_host_calls_guest(self):
        machine = self.facts(self.minimal(), "vsock-echo 52", uid=0)
        machine.console.wait_line("vsock-echo: 52 listening")
        data = os.urandom(1 << 20)
        with machine.connect(52) as s:
            sent, got = 0, b""
            s.setblocking(False)
            while len(got) < len(data):
                ready = socket_ready(s, write=sent < len(data))
                if "w" in ready:
                    sent += s.send(data[sent:])
                if "r" in ready:
                    got += s.recv(1 << 16)
        self.assertEqual(got, data)

    def test_many_connections(self):
        machine = self.facts(self.minimal(), "vsock-echo 52", uid=0)
        machine.console.wait_line("vsock-echo: 52 listening")
        for i in range(20):
            with machine.connect(52) as s:
                s.sendall(b"%d" % i)
                self.assertEqual(s.recv(64), b"%d" % i)

    def test_nobody_listens(self):
        machine = self.facts(self.minimal(), "sleep")
        machine.console.wait("started")
        with self.assertRaises(ConnectionRefusedError):
            machine.connect(52)

    def test_connect_when_up(self):
        machine = self.facts(self.minimal(), "vsock-echo 52", uid=0)
        with machine.connect_when_up(52) as s:
            s.sendall(b"at last")
            self.assertEqual(s.recv(64), b"at last")

    def test_guest_calls_host(self):
        machine = self.minimal().machine(
            arguments="init=/init -- 1 900 /bin/facts line + vsock-connect 2 53 question")
        self.start(machine)
        listener = machine.listen(53)
        machine.console.wait_line("line: waiting")
        machine.type("now\n")
        s, _ = listener.accept()
        with s:
            s.settimeout(20)
            self.assertEqual(s.recv(64), b"question")
            self.assertEqual(s.recv(64), b"")       # the guest's half-close
            s.sendall(b"answer")
        machine.console.wait_line("vsock-read: answer end")

    def test_guest_calls_host_where_nobody_listens(self):
        machine = self.facts(self.minimal(), "vsock-connect 2 53")
        machine.console.wait_line("vsock-connect: 2 53 ECONNRESET")

    def half_close(self, **options):
        """The host half-closes; returns the bytes that still come from the guest."""
        machine = self.facts(self.minimal(), "line + vsock-answer 2 53 late", **options)
        machine.console.wait_line("line: waiting")
        listener = machine.listen(53)
        machine.type("now\n")
        s, _ = listener.accept()
        with s:
            s.settimeout(20)
            s.shutdown(socket.SHUT_WR)
            got = s.recv(64)
        return got, machine.console.wait_line("vsock-answer: (.*)").group(1)

    def test_half_close(self):
        self.assertEqual(self.half_close(), (b"late", "ok"))

    def test_half_close_as_firecracker_does_it(self):
        self.assertEqual(self.half_close(quirks=True), (b"", "EPIPE"))

    def test_guest_calls_itself(self):
        """The loopback transport works, so that other tests can show that such callers are refused."""
        machine = self.facts(self.minimal(), "vsock-connect 1 52")
        machine.console.wait_line("vsock-connect: 1 52 ECONNRESET")


class VirtualTime(MinimalGuest):
    def test_an_hour_passes_at_once(self):
        machine = self.facts(self.minimal(), "time + sleep 3600 + echo slept + time",
                             virtual_time=True)
        before = int(machine.console.wait_line(r"time: monotonic (\d+)").group(1))
        machine.console.wait_line("slept", timeout=120)
        after = int(machine.console.wait_line(r"time: monotonic (\d+)").group(1))
        self.assertGreaterEqual(after - before, 3600 * 10**9)
        self.assertLess(after - before, 3601 * 10**9)


class Image(TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.image = os.path.join(self.directory.name, "image")

    def tree(self):
        return (images.Tree().file("/a/secret", "s3cret", mode=0o440, uid=0, gid=900)
                .directory("/tmp", mode=0o1777).symlink("/link", "a/secret")
                .directory("/a/private", mode=0o700, uid=12, gid=34))

    def test_ext4_owners_and_modes(self):
        self.tree().ext4(self.image, label="mvm-data")
        images.check(self.image)
        self.assertTrue(images.is_clean(self.image))
        self.assertEqual(images.read_file(self.image, "/a/secret"), b"s3cret")
        listing = subprocess.run(["debugfs", "-R", "ls -p /a", self.image], check=True,
                                 capture_output=True, text=True).stdout
        self.assertRegex(listing, r"/100440/0/900/secret/6/")
        self.assertRegex(listing, r"/040700/12/34/private/")
        self.assertEqual(images.list_directory(self.image, "/"),
                         ["a", "link", "lost+found", "tmp"])

    def test_missing_file(self):
        self.tree().ext4(self.image)
        with self.assertRaisesRegex(images.ImageError, "/nothing"):
            images.read_file(self.image, "/nothing")

    def test_squashfs_owners_and_modes(self):
        for compression in ("lz4", "zstd", "xz", "gzip"):
            self.tree().squashfs(self.image, compression)
            listing = subprocess.run(["unsquashfs", "-llnumeric", self.image], check=True,
                                     capture_output=True, text=True).stdout
            self.assertRegex(listing, r"(?m)^-r--r----- 0/900 .*squashfs-root/a/secret$")
            self.assertRegex(listing, r"(?m)^drwx------ 12/34 .*squashfs-root/a/private$")
            self.assertRegex(listing, r"(?m)^drwxrwxrwt 0/0 .*squashfs-root/tmp$")
            self.assertRegex(listing, r"(?m)^drwxr-xr-x 0/0 .*squashfs-root$")

    def test_a_tool_that_fails(self):
        with self.assertRaisesRegex(images.ImageError, "mke2fs"):
            images.Tree().file("/big", b"x" * (8 << 20)).ext4(self.image, size_mib=4)


def socket_ready(s, write):
    """Which of "r" and "w" the socket is ready for."""
    import select
    poll = select.poll()
    poll.register(s, select.POLLIN | (select.POLLOUT if write else 0))
    events = dict(poll.poll(20000)).get(s.fileno(), 0)
    return ("r" if events & ~select.POLLOUT else "") + ("w" if events & select.POLLOUT else "")


if __name__ == "__main__":
    main()
