#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Limits on what a service sees, changes and calls: private_tmp, read_only_paths, seccomp."""
import subprocess

import cases
from rig import build, images
from rig.tap import main

WAIT_SECONDS = 120


class Files:
    """Mount namespaces, on every kind of root."""

    FAILS = (
        # name, read_only_paths, what PID 1 says
        ("absent", "/etc /srv/absent",
         r"private mounts /srv/absent: No such file or directory, restart in (2[7-9]|3[0-3])\.\d s"),
        ("below-file", "/etc/passwd/x",
         r"private mounts /etc/passwd/x: Not a directory, restart in (2[7-9]|3[0-3])\.\d s"),
    )

    @classmethod
    def prepare(cls, guest):
        guest.tree.directory("/var/tmp", mode=0o1777).directory("/srv/site")
        guest.tree.symlink("/srv/link", "site")
        guest.drive("mvm-data")
        guest.facts("other", "write /tmp/outside /var/tmp/outside", ready="started")
        guest.facts("private", "ls /tmp /var/tmp + write /tmp/inside /var/tmp/inside + "
                    "stat /tmp /var/tmp + mountinfo", private_tmp="yes", after="other")
        guest.facts("sees", "ls /tmp + mountinfo", after="private")
        guest.service("again", "/bin/facts ls /tmp + write /tmp/again + exit 1", private_tmp="yes",
                      start_limit="1")
        guest.facts("prepared", "ls /tmp + read /etc/made + write /etc/made", user="root",
                    private_tmp="yes", read_only_paths="/etc",
                    pre_start="/bin/facts write /etc/made /tmp/made")
        guest.facts("fixed", "write /etc/new /mnt/new /mnt/data/new /srv/site/new /srv/new "
                    "/var/log/new /run/new /tmp/fixed + mountinfo", user="root",
                    read_only_paths="/etc /mnt /srv/link -/srv/absent")
        guest.facts("drive", "write /mnt/data/new /mnt/new + mountinfo", user="root",
                    read_only_paths="/mnt/data")
        guest.facts("all", "write /etc/new /mnt/data/new /run/new /dev/shm/new /tmp/all /var/tmp/all "
                    "+ read /etc/passwd", user="root", read_only_paths="/", private_tmp="yes")
        for name, paths, _ in cls.FAILS:
            guest.facts(name, "id", read_only_paths=paths)

    @classmethod
    def observe(cls, machine):
        for line in ("sees: done", "prepared: done", "fixed: done", "drive: done", "all: done",
                     r"\[init\] again: .*not started again", r"\[init\] absent: .*",
                     r"\[init\] below-file: .*"):
            machine.console.rewind()
            machine.console.wait_line(line)
        machine.console.rewind()
        for _ in range(2):
            machine.console.wait_line("again: write: .*")

    def written(self, who):
        return dict(w.split() for w in self.output.facts(who, "write"))

    def test_a_private_tmp_is_empty(self):
        self.assertEqual(self.output.facts("private", "ls"), [])
        self.assertEqual(self.output.facts("private", "ls-end"), ["/tmp", "/var/tmp"])
        self.assertEqual(self.written("private"), {"/tmp/inside": "ok", "/var/tmp/inside": "ok"})

    def test_nobody_else_sees_it(self):
        self.assertNotIn("/tmp/inside", self.output.facts("sees", "ls"))
        self.assertIn("/tmp outside", self.output.facts("sees", "ls"))
        self.assertNotIn("/var/tmp", self.output.mounts("sees"))

    def test_it_is_anybodys_and_bounded(self):
        mounts = self.output.mounts("private")
        for path in ("/tmp", "/var/tmp"):
            kind, source, options, more = mounts[path]
            self.assertEqual((kind, source, options),
                             ("tmpfs", "tmpfs", {"rw", "nosuid", "nodev", "relatime"}))
            self.assertTrue([o for o in more if o.startswith("size=")], more)
            self.assertIn(path + " 041777 uid=0 gid=0",
                          [s.rsplit(" size=", 1)[0] for s in self.output.facts("private", "stat")])

    def test_it_is_new_at_every_start(self):
        self.assertEqual(self.output.facts("again", "ls-end"), ["/tmp", "/tmp"])
        self.assertEqual(self.output.facts("again", "ls"), [])
        self.assertEqual(self.output.facts("again", "write"), ["/tmp/again ok"] * 2)

    def test_pre_start_is_outside(self):
        self.assertEqual(self.output.facts("prepared", "write"),
                         ["/etc/made ok", "/tmp/made ok", "/etc/made EROFS"])
        self.assertEqual(self.output.facts("prepared", "ls"), [])
        self.assert_line("prepared", "read: /etc/made ok written")

    def test_read_only_paths_with_what_is_mounted_below(self):
        self.assertEqual(self.written("fixed"), {
            "/etc/new": "EROFS", "/mnt/new": "EROFS", "/mnt/data/new": "EROFS",
            "/srv/site/new": "EROFS", "/srv/new": self.srv, "/var/log/new": "ok", "/run/new": "ok",
            "/tmp/fixed": "ok"})

    def test_flags_of_drives_stay(self):
        for who in ("fixed", "drive"):
            self.assertLessEqual({"ro", "nosuid", "nodev", "noexec"},
                                 self.output.mounts(who)["/mnt/data"][2])

    def test_a_mount_point_alone(self):
        self.assertEqual(self.written("drive"), {"/mnt/data/new": "EROFS", "/mnt/new": self.srv})

    def test_everything_but_tmp(self):
        self.assertEqual(self.written("all"), {
            "/etc/new": "EROFS", "/mnt/data/new": "EROFS", "/run/new": "EROFS",
            "/dev/shm/new": "EROFS", "/tmp/all": "ok", "/var/tmp/all": "ok"})
        self.assert_line("all", "read: /etc/passwd ok root:x:0:0::/root:/bin/sh")

    def test_the_guest_is_as_it_was(self):
        mounts = self.output.mounts("sees")
        self.assertIn("rw", mounts["/mnt/data"][2])
        for path in ("/srv/site", "/mnt"):
            self.assertNotIn(path, mounts)

    def test_a_path_that_is_not_there_is_named(self):
        for name, _, expected in self.FAILS:
            with self.subTest(name):
                self.assert_init(name + ": " + expected)


class FilesOnExt4(Files, cases.SharedBoot):
    srv = "ok"


class FilesOnSquashfs(Files, cases.SharedBoot):
    root = "squashfs"
    srv = "EROFS"


EVERYTHING = ("mount umount2 mount_setattr open_tree pivot_root reboot swapoff sethostname "
              "clock_settime setns unshare unshare-user ptrace process_vm_readv io_uring_setup syslog "
              "clone-ipc").split() + (["iopl"] if build.GUEST_ARCH == "x86_64" else [])
NETWORK = ("inet", "inet6", "netlink", "vsock")
IDENTITY = ("setuid", "setgroups", "fchown", "chroot", "setpriority")
PROCESSES = ("shmget", "fork", "unix")


class Calls(cases.SharedBoot):
    """Runs as root with every capability, so that only the filter refuses calls."""

    TIERS = ("essential", "minimal", "standard", "network", "unrestricted")

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "tr", "sleep")
        guest.user("web", 1000)
        for tier in cls.TIERS:
            guest.facts("root-" + tier, "calls", user="root", seccomp=tier)
            guest.facts("user-" + tier, "calls", seccomp=tier)
        for tier in cls.TIERS[1:]:
            guest.service("shell-" + tier, "echo one two | tr a-z A-Z; (exit 3) || echo rc $?; "
                          "exec sleep 100000", seccomp=tier)
        for tier in cls.TIERS[3:]:
            guest.facts("net-" + tier, "tcp-echo 808%d" % cls.TIERS.index(tier), seccomp=tier)
        guest.service("notifies", "/bin/acts notify + /bin/facts sleep", seccomp="minimal",
                      ready="notify", read_only_paths="/", private_tmp="yes")
        guest.facts("behind", "echo ready", requires="notifies")
        guest.service("execs", "exec /bin/facts echo in its place", seccomp="essential",
                      restart="never")
        for name, keys in cls.FILTERS.items():
            guest.facts(name, "id", **keys[1])
        guest.service("pre", "/bin/facts sleep", pre_start="/bin/facts id", seccomp="network")
        guest.service("bad", "/bin/facts id", seccomp="standard", no_new_privs="no")
        guest.service("everybody", "exec </dev/console; read -r line; for p in /proc/[0-9]*; do while "
                      "read -r k v; do case $k in Name:) n=$v;; Seccomp:) echo \"$n $v\";; esac; "
                      "done <$p/status; done; echo done; exec sleep 100000", user="root")

    # name: (mode in /proc/PID/status, keys)
    FILTERS = {
        "default": ("0", {}),
        "root": ("0", {"user": "root"}),
        "asked": ("0", {"seccomp": "unrestricted", "no_new_privs": "no"}),
        "told": ("2", {"user": "web", "capabilities": "sys_time", "seccomp": "network"}),
        "told-root": ("2", {"user": "root", "seccomp": "network"}),
    }

    @classmethod
    def observe(cls, machine):
        waits = [who + tier + ": done" for who in ("root-", "user-") for tier in cls.TIERS]
        waits += ["shell-%s: rc 3" % tier for tier in cls.TIERS[1:]]
        waits += ["net-%s: tcp-echo: 808%d listening" % (tier, cls.TIERS.index(tier))
                  for tier in cls.TIERS[3:]]
        waits += [name + ": done" for name in cls.FILTERS]
        waits += ["behind: done", "execs: in its place", "pre: id: cwd=.*",
                  "mvm-guest-agent: listening .*"]
        for line in waits:
            machine.console.rewind()
            machine.console.wait_line(line)
        machine.type("go on\n")
        machine.console.wait_line("everybody: done")

    def calls(self, name):
        return dict(c.split(" ", 1) for c in self.output.facts(name, "calls"))

    def test_what_each_tier_refuses(self):
        plain = self.calls("root-unrestricted")
        self.assertEqual(set(plain), set(EVERYTHING) | set(NETWORK) | set(IDENTITY) |
                         set(PROCESSES) | {"unshare-files", "clone3", "newer"})
        self.assertEqual([c for c in plain if plain[c] == "EPERM"], [], "the kernel refuses nothing")
        self.assertEqual(plain["clone3"], "EINVAL")
        for i, tier in enumerate(self.TIERS[:4]):
            expected = dict(plain, clone3="ENOSYS", newer="ENOSYS")
            expected.update((c, "EPERM") for c in EVERYTHING)
            if i < 3:
                expected.update((c, "EAFNOSUPPORT") for c in NETWORK)
            if i < 2:
                expected.update((c, "EPERM") for c in IDENTITY)
            if i < 1:
                expected.update((c, "EPERM") for c in NETWORK + PROCESSES)
            with self.subTest(tier):
                self.assertEqual(self.calls("root-" + tier), expected)

    def test_a_user_cannot_make_a_user_namespace_by_default(self):
        self.assertEqual(self.calls("user-unrestricted")["unshare-user"], "ENOSPC")
        self.assertEqual(self.calls("user-network")["unshare-user"], "EPERM")

    def test_shells_run(self):
        for tier in self.TIERS[1:]:
            self.assertEqual(self.output.lines("shell-" + tier), ["ONE TWO", "rc 3"])

    def test_only_who_is_told_has_a_filter(self):
        for name, (mode, _) in self.FILTERS.items():
            with self.subTest(name):
                self.assertIn("Seccomp " + mode, self.output.facts(name, "id"))

    def test_pre_start_has_no_filter(self):
        self.assertIn("Seccomp 0", self.output.facts("pre", "id"))

    def test_pid_1_has_none(self):
        """Nor has what starts checks; the agent's own filter is vm/cage's."""
        lines = self.output.lines("everybody")
        self.assertIn("mvm-starter 0", lines)
        self.assertIn("init 0", lines)

    def test_a_filter_without_no_new_privs_is_an_error(self):
        self.assert_init("/etc/mvm/services.d/bad.ini: seccomp needs no_new_privs = yes")


class Life(cases.GuestCase):
    """A namespace must not keep a drive's old contents or prevent its unmounting."""

    def confined(self, root):
        guest = self.guest(root)
        cases.add_remote(guest)
        guest.busybox("mount", "umount", "mkdir", "sleep", "cat")
        guest.drive("mvm-config", {"name": "old config\n"}, readonly=True)
        guest.drive("mvm-secrets", {"key": "old secret\n"}, readonly=True)
        guest.drive("mvm-data")
        guest.service("confined", "/bin/facts read /mnt/config/name /mnt/secrets/key + echo done + "
                      "stubborn", user="root", private_tmp="yes", working_directory="/mnt/data",
                      read_only_paths="/mnt /etc")
        return guest

    def test_a_drive_that_is_in_use_is_busy_and_one_that_is_not_goes(self):
        guest = self.confined("ext4")
        guest.facts("loose", "echo done", private_tmp="yes", read_only_paths="/mnt")
        guest.service("waits", "while [ -e /mnt/config/name ]; do sleep 1; done; echo gone; while [ ! "
                      "-e /srv/late ]; do sleep 1; done; echo late; exec sleep 100000", private_tmp=1)
        guest.tree.directory("/srv")
        machine = self.boot(guest)
        for name in ("confined", "loose"):
            machine.console.rewind()
            machine.console.wait_line(name + ": done")
        machine.console.rewind()
        machine.console.wait_line("remote: ready")
        machine.type("umount /mnt/data\n")
        machine.console.wait_line("remote: .*[Bb]usy")
        machine.type("umount /mnt/config\n")
        machine.console.wait_line("waits: gone")
        machine.type("mount -t tmpfs x /srv; echo >/srv/late\n")
        machine.console.wait_line("waits: late")

    def restored(self, root):
        guest = self.confined(root)
        new = [guest.drive_image("mvm-config", {"name": "new config\n"}),
               guest.drive_image("mvm-secrets", {"key": "new secret\n"})]
        machine = self.boot(guest)
        machine.console.wait_line("confined: stubborn: .*")
        self.probe("wait", machine, "--timeout", "%ds" % WAIT_SECONDS)
        machine.pause()
        for i, image in enumerate(new):
            machine.replace_drive(1 + i, image)
        machine.resume()
        machine.console.rewind()
        self.assertIn("done", self.probe("post-restore", machine))
        machine.console.wait_line("confined: read: /mnt/config/name ok new config")
        machine.console.wait_line("confined: read: /mnt/secrets/key ok new secret")
        machine.console.wait_line("confined: stubborn: .*")
        machine.ctrl_alt_del()
        self.assertEqual(machine.wait(), 0)
        self.assertNotRegex(machine.console.text, "cannot unmount|do not end|post-restore: .*: ")
        data = guest.drives[2].path
        self.assertTrue(images.is_clean(data))
        images.check(data)
        if root == "ext4":
            self.assertTrue(images.is_clean(guest.root_image()))

    def probe(self, verb, machine, *arguments):
        done = subprocess.run([build.built("mvm-probe"), verb, *arguments, machine.vsock_path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_a_restore_and_the_end_on_ext4(self):
        self.restored("ext4")

    def test_a_restore_and_the_end_on_squashfs(self):
        self.restored("squashfs")


if __name__ == "__main__":
    main()
