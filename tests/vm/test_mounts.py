#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mounts of a guest, their options and effects: on an ext4, a read-only and a squashfs root."""
import cases
from rig import build
from rig.images import Tree
from rig.tap import main

SAFE = {"nosuid", "nodev", "noexec", "relatime"}

# mount point: (type, source, options, super options that must be there)
API = {
    "/proc": ("proc", "proc", {"rw"} | SAFE, set()),
    "/sys": ("sysfs", "sysfs", {"rw"} | SAFE, set()),
    "/dev": ("devtmpfs", "devtmpfs", {"rw", "nosuid", "relatime"}, {"mode=755"}),
    "/dev/pts": ("devpts", "devpts", {"rw", "nosuid", "noexec", "relatime"},
                 {"gid=5", "mode=620", "ptmxmode=666"}),
    "/dev/shm": ("tmpfs", "tmpfs", {"rw", "nosuid", "nodev", "relatime"}, set()),
    "/run": ("tmpfs", "tmpfs", {"rw", "nosuid", "nodev", "relatime"}, {"mode=755"}),
    "/tmp": ("tmpfs", "tmpfs", {"rw", "nosuid", "nodev", "relatime"}, set()),
    "/sys/fs/cgroup": ("cgroup2", "cgroup2", {"rw"} | SAFE, {"nsdelegate", "memory_recursiveprot"}),
}
DRIVES = {
    "/mnt/config": ("ext4", "/dev/vdb", {"ro"} | SAFE, {"ro"}),
    "/mnt/secrets": ("tmpfs", "tmpfs", {"ro"} | SAFE, {"mode=550"}),
    "/run/mvm/secrets": ("tmpfs", "tmpfs", {"rw"} | SAFE, {"mode=550"}),
    "/mnt/data": ("ext4", "/dev/vdd", {"rw"} | SAFE, {"rw"}),
}
OVERLAID = ("/etc", "/var", "/home", "/root")


def overlays():
    """Additional mounts of a read-only root."""
    table = {path: ("overlay", "overlay", {"rw", "nosuid", "nodev", "relatime"},
                    {"lowerdir=" + path, "upperdir=/run/mvm/overlay" + path,
                     "workdir=/run/mvm/overlay%s.work" % path}) for path in OVERLAID}
    table["/run/mvm/overlay"] = ("tmpfs", "tmpfs", {"rw", "nosuid", "nodev", "relatime"},
                                 {"mode=700"})
    return table


class Mounts:
    """The tests, for every kind of root."""

    root_mount = None       # type, option
    extra_mounts = {}

    @classmethod
    def prepare(cls, guest):
        guest.user("web", 1000, home="/home/web")
        guest.tree.directory("/var/lib/web", mode=0o750, uid=1000, gid=1000)
        guest.tree.directory("/home/web", mode=0o700, uid=1000, gid=1000)
        guest.tree.file("/etc/web.conf", "as built\n", mode=0o640, gid=900)
        program = Tree().copy(build.program("facts"), "/program")
        guest.drive("mvm-config", readonly=True, tree=Tree().copy(build.program("facts"),
                                                                  "/program", mode=0o755))
        guest.drive("mvm-secrets", {"key": "s3cret"}, readonly=True)
        guest.drive("mvm-data", tree=program)
        paths = ("/ /run /tmp /run/mvm /run/mvm/secrets /dev/shm /dev/console /dev/null /dev/ptmx "
                 "/dev/fd /etc /var /home /root /var/lib/web /home/web /etc/web.conf "
                 "/mnt/config /mnt/secrets /mnt/data")
        guest.facts("looks", "mountinfo + stat %s + read /proc/meminfo" % paths)
        guest.service("links", "/bin/acts link /dev/fd /dev/stdin /dev/stdout /dev/stderr + "
                      "/bin/facts read /dev/stdin + echo done + sleep")
        places = ("/mnt/config/new /mnt/secrets/new /mnt/secrets/key /run/new /run/mvm/new "
                  "/tmp/%s /dev/shm/%s /usr/new /etc/%s /var/%s /home/%s /root/%s")
        for name, user in (("service", "mvm"), ("root", "root")):
            guest.facts(name, "write %s" % places.replace("%s", name), user=user)
        guest.facts("runs", "run /mnt/data/program + run /mnt/config/program", user="root")
        guest.facts("web", "write /var/lib/web/new /home/web/new", user="web")

    @classmethod
    def observe(cls, machine):
        for name in ("looks", "links", "service", "root", "runs", "web"):
            machine.console.rewind()
            machine.console.wait_line("%s: done" % name)

    def mode(self, path):
        """Mode, uid and gid of a path, as text."""
        found = [f for f in self.output.facts("looks", "stat") if f.startswith(path + " ")]
        self.assertEqual(len(found), 1)
        return found[0].rsplit(" size=", 1)[0][len(path) + 1:]

    def written(self, who, path):
        """The result of a write."""
        found = [f.split()[1] for f in self.output.facts(who, "write") if f.split()[0] == path]
        self.assertEqual(len(found), 1)
        return found[0]

    def test_every_mount_and_no_other(self):
        mounts = self.output.mounts("looks")
        expected = {"/": self.root_mount, **API, **DRIVES, **self.extra_mounts}
        self.assertEqual(set(mounts), set(expected))
        for path, (kind, source, options, more) in expected.items():
            with self.subTest(path):
                self.assertEqual(mounts[path][:3], (kind, source, options))
                self.assertLessEqual(more, mounts[path][3])

    def test_nothing_is_mounted_twice(self):
        points = [m.split()[4] for m in self.output.facts("looks", "mountinfo")]
        self.assertEqual(len(points), len(set(points)))

    def test_no_tmpfs_takes_all_memory(self):
        """When all are full, memory is left."""
        memory = int(self.output.facts("looks", "read")[0].split()[-2])
        percent = {"/tmp": 25, "/dev/shm": 20, "/run": 10, "/run/mvm/secrets": 25}
        if self.extra_mounts:
            percent["/run/mvm/overlay"] = 25
        for path, expected in percent.items():
            size, = [o for o in self.output.mounts("looks")[path][3] if o.startswith("size=")]
            self.assertAlmostEqual(int(size[5:-1]) * 100 / memory, expected, delta=1, msg=path)

    def test_modes_and_owners(self):
        for path, expected in (
                ("/run", "040755 uid=0 gid=0"), ("/tmp", "041777 uid=0 gid=0"),
                ("/run/mvm", "040700 uid=0 gid=0"), ("/dev/shm", "041777 uid=0 gid=0"),
                ("/dev/console", "020600 uid=0 gid=0"), ("/dev/null", "020666 uid=0 gid=0"),
                ("/", "040755 uid=0 gid=0"), ("/etc", "040755 uid=0 gid=0"),
                ("/var", "040755 uid=0 gid=0"), ("/home", "040755 uid=0 gid=0"),
                ("/root", "040700 uid=0 gid=0"), ("/mnt/config", "040755 uid=0 gid=0"),
                ("/mnt/secrets", "040550 uid=0 gid=900"), ("/mnt/data", "040755 uid=0 gid=0")):
            with self.subTest(path):
                self.assertEqual(self.mode(path), expected)

    def test_the_image_keeps_its_owners(self):
        self.assertEqual(self.mode("/etc/web.conf"), "100640 uid=0 gid=900")
        self.assertEqual(self.mode("/home/web"), "040700 uid=1000 gid=1000")
        self.assertEqual(self.mode("/var/lib/web"), "040750 uid=1000 gid=1000")

    def test_what_only_root_enters(self):
        self.assertEqual(self.mode("/run/mvm/secrets"), "EACCES")

    def test_links_in_dev(self):
        for n, name in ((None, "fd"), (0, "stdin"), (1, "stdout"), (2, "stderr")):
            target = "/proc/self/fd" + ("" if n is None else "/%d" % n)
            self.assert_line("links", "link: /dev/%s %s" % (name, target))
        self.assert_line("links", "read: /dev/stdin ok ")

    def test_config_and_secrets_cannot_be_written(self):
        for who in ("service", "root"):
            for path in ("/mnt/config/new", "/mnt/secrets/new", "/mnt/secrets/key"):
                with self.subTest((who, path)):
                    self.assertIn(self.written(who, path), ("EROFS", "EACCES"))
        self.assertEqual(self.written("root", "/mnt/config/new"), "EROFS")
        self.assertEqual(self.written("root", "/mnt/secrets/key"), "EROFS")

    def test_what_a_service_may_write(self):
        for path, expected in (("/tmp/service", "ok"), ("/dev/shm/service", "ok"),
                               ("/run/new", "EACCES"), ("/run/mvm/new", "EACCES"),
                               ("/etc/service", "EACCES"), ("/root/service", "EACCES")):
            self.assertEqual(self.written("service", path), expected, path)

    def test_what_users_own_they_may_write(self):
        self.assertEqual(self.written("web", "/var/lib/web/new"), "ok")
        self.assertEqual(self.written("web", "/home/web/new"), "ok")

    def test_root_writes_where_state_belongs(self):
        for path in ("/tmp/root", "/run/new", "/etc/root", "/var/root", "/home/root", "/root/root"):
            self.assertEqual(self.written("root", path), "ok", path)

    def test_the_rest_of_the_root_is_as_the_image_is(self):
        self.assertEqual(self.written("root", "/usr/new"), self.write_usr)

    def test_drives_execute_nothing(self):
        self.assert_line("runs", "run: /mnt/data/program EACCES")
        self.assert_line("runs", "run: /mnt/config/program EACCES")


class MountsOnExt4(Mounts, cases.SharedBoot):
    root_mount = ("ext4", "/dev/root", {"rw", "relatime"}, {"rw"})
    write_usr = "ok"


class MountsOnReadOnlyExt4(Mounts, cases.SharedBoot):
    """Fleets boot like this: the root drive is read-only."""

    writable = False
    root_mount = ("ext4", "/dev/root", {"ro", "relatime"}, {"ro"})
    extra_mounts = overlays()
    write_usr = "EROFS"


class MountsOnSquashfs(Mounts, cases.SharedBoot):
    root = "squashfs"
    root_mount = ("squashfs", "/dev/root", {"ro", "relatime"}, {"ro"})
    extra_mounts = overlays()
    write_usr = "EROFS"


if __name__ == "__main__":
    main()
