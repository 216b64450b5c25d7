#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Injected faults: system calls that fail, limits that are reached. Each gives one clear line with the
service or file, the action and the error, and loses nothing else.
"""
import errno
import fcntl
import os
import re
import signal

import cell
from rig.tap import main

FILES = "/etc/mvm/services.d/"
# The texts of musl, and of the C library of instrumented builds.
EMFILE = "(?:No file descriptors available|Too many open files)"
EAGAIN = "Resource temporarily unavailable"
EIO = "(?:I/O error|Input/output error)"
EPERM = "Operation not permitted"
ENOMEM = "Cannot allocate memory"
ENOSPC = "No space left on device"


class FaultCase(cell.CellCase):
    def said(self, guest, regex):
        """The lines of PID 1 that the regex matches as a whole."""
        return [l for l in self.output(guest).init() if re.fullmatch(regex, l)]

    def start_with(self, faults, *services, cgroup=None, **keys):
        """Starts a cell with these faults, and services that print "here"."""
        guest = self.cell(cgroup=cgroup, faults=faults)
        for name in services:
            guest.facts(name, "echo here", **keys)
        return guest.start()

    def add_service(self, guest, name, command="/bin/facts echo here + sleep"):
        """Adds a service file and sends SIGHUP."""
        guest.write(FILES + name + ".ini", "[service]\ncommand = %s\n" % command)
        guest.signal(signal.SIGHUP)


class Processes(FaultCase):
    def test_clone3_that_is_hidden(self):
        """Seccomp filters of container runtimes hide it: the child then joins its group by itself."""
        for error in ("ENOSYS", "EPERM", "EINVAL"):
            with self.subTest(error):
                guest = self.cell(cgroup=True, faults=["clone3=" + error])
                guest.facts("web", "cat /proc/self/cgroup /sys/fs/cgroup/services/web/cgroup.procs")
                guest.start().console.wait_line("web: done")
                self.end(guest)
                output = self.output(guest)
                self.assertIn("0::/services/web", output.facts("web", "/proc/self/cgroup"))
                self.assertEqual(len(output.facts("web", "/sys/fs/cgroup/services/web/cgroup.procs")),
                                 1)
                self.assertEqual(self.said(guest, "web: .*"), [])

    def test_no_more_processes(self):
        """RLIMIT_NPROC: a new service starts later; running services are not affected."""
        guest = self.start_with([], "web")
        guest.console.wait_line("web: done")
        guest.console.rewind()
        self.wait_init(guest, "no guest agent: .*")
        guest.wait_until("the collector", lambda: guest.pids_of("--log-collector"))
        before = guest.limit("NPROC", 1)
        self.add_service(guest, "new")
        self.wait_init(guest, r"new: cannot make a process: %s, restart in 0\.1 s" % EAGAIN)
        self.wait_init(guest, r"new: cannot make a process: %s, restart in 0\.2 s "
                       r"\(number 2 in a row\)" % EAGAIN)
        guest.limit("NPROC", before)
        guest.console.wait_line("new: here")
        self.end(guest)
        self.assertEqual(self.output(guest).lines("web"), ["here", "done"])
        self.assertEqual(self.said(guest, "web: .*"), [])

    def test_no_process_after_pre_start(self):
        """What pre_start left behind is killed, and the reason is told."""
        guest = self.cell(cgroup=True)
        guest.busybox("sh", "sleep")
        guest.facts("web", "echo here", restart="never",
                    pre_start="/bin/sh -c 'sleep 1000 & echo left; while ! [ -e /tmp/on ]; "
                    "do sleep 0.01; done'")
        guest.start().console.wait_line("web: left")
        guest.console.rewind()
        self.wait_init(guest, "no guest agent: .*")
        guest.wait_until("the collector", lambda: guest.pids_of("--log-collector"))
        guest.limit("NPROC", 1)
        guest.write("/tmp/on")
        guest.console.rewind()
        self.wait_init(guest, "web: cannot make a process: %s, not started again" % EAGAIN)
        self.assertEqual(guest.pids_of("sleep 1000"), [])
        self.end(guest)
        self.assertEqual(len(self.said(guest, "web: .*")), 1)

    def test_no_memory_for_a_process(self):
        guest = self.start_with(["clone3=ENOMEM"], "web", cgroup=True, restart="never")
        self.wait_init(guest, "web: cannot make a process: %s, not started again" % ENOMEM)
        self.end(guest)
        self.assertEqual(len(self.said(guest, "web: .*")), 1)

    def test_no_more_descriptors(self):
        """The limit is reached at run time, and lifted again."""
        guest = self.cell()
        guest.service("web", "/bin/acts trap bye", restart_delay="20ms", restart_delay_max="20ms",
                      restart="always")
        guest.start().console.wait_line("web: trap: set")
        guest.console.rewind()
        self.wait_init(guest, "no guest agent: .*")
        guest.wait_until("the collector", lambda: guest.pids_of("--log-collector"))
        before = guest.limit("NOFILE", 4)
        os.kill(guest.pid_of("acts trap"), signal.SIGTERM)
        self.wait_init(guest, r"web: cannot make a process: %s, restart in .*" % EMFILE)
        guest.limit("NOFILE", before)
        guest.console.wait_line("web: trap: set")
        self.end(guest)

    def test_steps_of_the_child(self):
        for fault, stage in (("setgroups=EPERM", "supplementary groups"),
                             ("setresuid=EPERM", "user id"), ("setsid=EPERM", "new session")):
            with self.subTest(fault):
                guest = self.start_with([fault], "web", restart="never")
                self.wait_init(guest, "web: %s: %s, not started again" % (stage, EPERM))
                self.end(guest)
                self.assertEqual(len(self.said(guest, "web: .*")), 1)

    def test_a_group_that_cannot_be_made(self):
        """Each start tries again, and the message is never that of an earlier end."""
        guest = self.cell(cgroup=True)
        guest.service("web", "/bin/facts echo here + exit 1", restart_delay="20ms",
                      restart_delay_max="20ms", start_limit="3", start_limit_interval="60s")
        guest.facts("calm", "echo here")
        guest.faults = ("mkdirat=ENOSPC",)
        guest.start()
        self.wait_init(guest, r"web: cannot make the cgroup: %s, restart in .*" % ENOSPC)
        self.wait_init(guest, r"web: cannot make the cgroup: %s, not started again" % ENOSPC)
        self.end(guest)
        self.assertEqual(len(self.said(guest, "web: .*")), 4)


class Accounts(FaultCase):
    def reload_web(self, guest, command):
        guest.write("/etc/mvm/services.d/web.ini",
                    "[service]\ncommand = %s\nuser = new\n" % command)
        guest.signal(signal.SIGHUP)

    def test_what_could_not_be_read_is_read_again_by_a_reload(self):
        guest = self.cell()
        guest.tree.symlink("/etc/passwd", "/run/passwd")
        guest.start()
        self.wait_init(guest, "/etc/passwd: No such file or directory")
        self.wait_init(guest, "mvm-init .*")
        guest.write("/run/passwd", "root:x:0:0::/:/bin/sh\nnew:x:77:77::/:/bin/sh\n")
        self.reload_web(guest, "/bin/facts echo here + sleep")
        guest.console.wait_line("web: here")

    def test_groups_that_could_not_be_read(self):
        guest = self.cell()
        guest.tree.file("/etc/passwd", "root:x:0:0::/:/bin/sh\nnew:x:77:77::/:/bin/sh\n")
        guest.tree.symlink("/etc/group", "/run/group")
        guest.service("web", "/bin/facts id + sleep", user="new")
        guest.start().console.wait_line("web: .*groups=77 .*")
        guest.write("/run/group", "more:x:88:new\n")
        self.reload_web(guest, "/bin/facts id + sleep + sleep")
        guest.console.wait_line("web: .*groups=77,88 .*")


class Output(FaultCase):
    def test_no_pipe(self):
        for fault, reason in (("pipe2=EMFILE", EMFILE), ("memfd_create=ENOMEM", ENOMEM),
                              ("ftruncate=ENOSPC", ENOSPC),
                              # F_SETFL: without O_NONBLOCK the collector would wait for this service.
                              ("fcntl:1=4=EIO", EIO),
                              ("fcntl:1=%d=EMFILE" % fcntl.F_DUPFD_CLOEXEC, EMFILE)):
            with self.subTest(fault):
                guest = self.start_with([fault], "web", restart="never")
                self.wait_init(guest, "web: output pipe: %s, not started again" % reason)
                guest.signal(signal.SIGTERM)
                self.wait_init(guest, "goodbye")
                self.assertEqual(guest.wait(), cell.RESTARTED)
                self.assertEqual(len(self.said(guest, "web: .*")), 1)

    def test_no_link_to_the_collector(self):
        """Services run, and their output stays in the pipes."""
        guest = self.cell(faults=["socketpair=EMFILE"])
        guest.service("web", "/bin/facts echo lost + write /run/web + sleep", user="root")
        guest.start()
        self.wait_init(guest, "log-collector: cannot open its link: %s" % EMFILE)
        guest.wait_until("the service's file", lambda: os.path.exists(guest.path("/run/web")))
        self.end(guest)

    def test_no_memory_for_a_ring(self):
        """Only the collector makes shared mappings."""
        guest = self.start_with(["mmap:3=1=ENOMEM"], "web")
        guest.console.wait_line("log-collector: cannot take the output of web: %s" % ENOMEM)
        self.wait_init(guest, r"log-collector: exit code 1 after \d\.\d s, restart in 0\.1 s")
        self.end(guest)
        self.assertEqual(self.said(guest, "web: .*"), [])

    def small_log(self, guest, **keys):
        """A tmpfs of 16 KiB on /small, and a service that writes given lines there."""
        guest.busybox("sh", "mount", "mkdir", "sleep", "cat")
        guest.service("a-mounts", "mkdir /small; exec mount -t tmpfs -o size=16k none /small",
                      user="root", type="oneshot")
        guest.service("web", "n=1; while :; do while ! [ -f /tmp/$n ]; do sleep 0.01; done; cat "
                      "/tmp/$n; n=$((n+1)); done", requires="a-mounts", after="a-mounts",
                      log_file="/small/web.log", **keys)

    def test_a_full_file_system(self):
        """Lost bytes are counted, and no line is torn."""
        guest = self.cell()
        self.small_log(guest)
        guest.start()
        self.wait_init(guest, "mvm-init .*")    # this hides earlier files in /tmp
        lines = ["line %04d\n" % i for i in range(2000)]
        guest.write("/tmp/1", "".join(lines))
        guest.console.wait_line("web: log_file /small/web.log: %s: output is lost" % ENOSPC)
        log = guest.path("/small/web.log")
        with open(log, encoding="utf-8") as f:
            kept = f.read()
        self.assertEqual(kept, "".join(lines)[:len(kept)])
        guest.write("/small/web.log")           # somebody empties it
        guest.write("/tmp/2", "kept\n")
        after = guest.console.wait_line(
            r"web: log_file /small/web.log: writing again, (\d+) bytes were lost")
        self.assertEqual(int(after.group(1)), len("".join(lines)) - len(kept))
        guest.wait_until("the last line", lambda: os.path.getsize(log) == 5)
        self.assertEqual(len(self.output(guest).lines("web")), 2)

    def test_a_line_that_was_cut_off(self):
        """When there is room again, the next line starts on a line of its own."""
        guest = self.cell()
        self.small_log(guest)
        guest.start()
        self.wait_init(guest, "mvm-init .*")
        guest.wait_until("the small file system", lambda: os.path.exists(guest.path(
            "/small")) and os.stat(guest.path("/small")).st_dev != os.stat(guest.path("/")).st_dev)
        guest.write("/small/filler", "x" * 8192)
        guest.write("/tmp/1", "".join("line %04d\n" % i for i in range(1000)))
        guest.console.wait_line("web: log_file /small/web.log: %s: output is lost" % ENOSPC)
        os.unlink(guest.path("/small/filler"))
        guest.write("/tmp/2", "kept\n")
        guest.console.wait_line(r"web: log_file /small/web.log: writing again, \d+ bytes were lost")
        with open(guest.path("/small/web.log"), encoding="utf-8") as f:
            *whole, cut, last = f.read().splitlines()
        self.assertEqual(whole, ["line %04d" % i for i in range(len(whole))])
        self.assertTrue(0 < len(cut) < 9 and ("line %04d" % len(whole)).startswith(cut), cut)
        self.assertEqual(last, "kept")

    def test_a_file_that_cannot_be_rotated(self):
        guest = self.cell()
        self.small_log(guest, log_max_size="100")
        guest.faults = ("renameat=EIO",)
        guest.start()
        self.wait_init(guest, "mvm-init .*")
        lines = "".join("line %04d\n" % i for i in range(100))
        guest.write("/tmp/1", lines)
        guest.console.wait_line("web: log_file /small/web.log cannot be rotated and keeps growing: " + EIO)
        guest.wait_until("all lines", lambda: os.path.getsize(
            guest.path("/small/web.log")) == len(lines))
        guest.write("/tmp/2", "more\n")
        guest.wait_until("more", lambda: os.path.getsize(
            guest.path("/small/web.log")) == len(lines) + 5)
        self.assertEqual(len(self.output(guest).lines("web")), 1)


    def test_what_no_log_file_can_be(self):
        guest = self.cell()
        guest.busybox("mkfifo")
        guest.tree.symlink("/var/log/link.log", "/etc/passwd")
        guest.tree.directory("/var/log/dir.log")
        guest.service("a-fifo", "/bin/mkfifo /var/log/fifo.log", user="root", type="oneshot")
        for name in ("link", "dir", "fifo", "deep/er"):
            guest.facts(name.replace("/", "-"), "echo line", log_file="/var/log/%s.log" % name,
                        after="a-fifo")
        guest.facts("none", "echo line", log_file="/proc/none/x.log")
        guest.start()
        for line in ("link: log_file /var/log/link.log: (?:Symbolic link loop|Too many levels of "
                     "symbolic links): output is lost",
                     "dir: log_file /var/log/dir.log: Is a directory: output is lost",
                     "fifo: log_file /var/log/fifo.log: .*: output is lost",
                     "none: log_file /proc/none/x.log: No such file or directory: output is lost"):
            guest.console.rewind()
            guest.console.wait_line(line)
        deep = guest.path("/var/log/deep/er.log")
        guest.wait_until("its lines", lambda: os.path.exists(deep) and os.path.getsize(deep) == 10)
        self.end(guest)

    def test_a_device_is_not_rotated(self):
        guest = self.cell()
        guest.service("web", "/bin/acts flood 2000 + /bin/facts write /run/web + sleep", user="root",
                      log_file="/dev/null", log_max_size="10K")
        guest.start()
        guest.wait_until("the service's file", lambda: os.path.exists(guest.path("/run/web")))
        self.end(guest)
        self.assertEqual(self.output(guest).lines("web"), [])


class Mounts(FaultCase):
    def test_busy(self):
        """A file system that the kernel has mounted gets its flags without an error."""
        guest = self.start_with(["mount:3=14=EBUSY"], "web", cgroup=False)
        guest.console.wait_line("web: done")
        self.end(guest)
        self.assertEqual(self.said(guest, "cannot mount (?:proc|sysfs) .*"), [])
        self.assertEqual([l.replace(": Resource busy", ": Device or resource busy")
                          for l in self.said(guest, "cannot mount .*")],
                         ["cannot mount cgroup2 on /sys/fs/cgroup: " + os.strerror(errno.EBUSY)])

    def test_every_tmpfs(self):
        guest = self.start_with(["mount:3=6=EIO"], "web")
        guest.console.wait_line("web: done")
        self.end(guest)
        said = self.said(guest, "cannot mount .*")
        self.assertEqual([re.sub(": .*", "", l) for l in said],
                         ["cannot mount tmpfs on " + p for p in ("/dev/shm", "/run", "/tmp")])
        for line in said:
            self.assertRegex(line, ": %s$" % EIO)

    def test_all_of_them(self):
        guest = self.start_with(["mount=EIO"], "web", cgroup=False)
        guest.console.wait_line("web: done")
        self.end(guest)
        self.assertEqual(len(self.said(guest, "cannot mount .*: %s" % EIO)), 8)


class Boot(FaultCase):
    def test_no_event_loop(self):
        """PID 1 stays, and tries again: if it ended, the kernel would panic."""
        for fault in ("epoll_create1=EMFILE", "signalfd4=EMFILE"):
            with self.subTest(fault):
                guest = self.start_with([fault], "web")
                self.wait_init(guest, "no event loop: %s, trying again" % EMFILE)
                self.assertTrue(guest.running())

    def test_a_name_that_is_refused(self):
        guest = self.cell(faults=["sethostname=EPERM"]).init_ini(guest={"hostname": "cell-1"})
        guest.facts("web", "echo here").start().console.wait_line("web: here")
        self.end(guest)
        self.assertEqual(len(self.said(guest, "cannot set the host name cell-1: " + EPERM)), 1)

    def test_no_socket(self):
        """Sockets fail both for readiness and for the network."""
        guest = self.cell(faults=["socket=ENOMEM"])
        guest.service("web", "/bin/acts notify + /bin/facts sleep", ready="notify",
                      start_timeout="200ms", restart="never")
        guest.facts("calm", "echo here")
        guest.start()
        self.wait_init(guest, "cannot open /run/mvm-notify.*: %s|cannot open .*notify.*: %s" % (
            ENOMEM, ENOMEM))
        guest.console.wait_line("calm: here")
        self.wait_init(guest, "web: not ready after 0 s: stopped")
        self.end(guest)

    def test_no_memory_when_files_are_read_again(self):
        """One line; running services go on; the next reload works."""
        if "meson-unit" in os.environ.get("NS_INIT", ""):
            self.skipTest("the sanitizers have taken all the memory that they will need")
        guest = self.start_with([], "web")
        guest.console.wait_line("web: done")
        with open("/proc/%d/status" % guest.pid, encoding="utf-8") as f:
            size = next(int(l.split()[1]) for l in f if l.startswith("VmSize:")) * 1024
        for i in range(300):
            guest.write(FILES + "n%03d.ini" % i,
                        "[service]\ncommand = /bin/facts echo here + sleep\n[env]\nX=%s\n" % (
                            "x" * 1000))
        before = guest.limit("AS", size + 3 * 65536)
        guest.signal(signal.SIGHUP)
        self.wait_init(guest, "%s.*: %s" % ("(?:cannot read )?" + FILES[:-1], ENOMEM))
        guest.limit("AS", before)
        guest.signal(signal.SIGHUP)
        counts = self.wait_init(guest, r"read %s again: (\d+) started, 0 stopped, (\d+) restarted, "
                                r"(\d+) unchanged, 0 bad" % FILES[:-1])
        self.assertEqual(sum(int(n) for n in counts.groups()), 301)
        for i in range(300):
            guest.console.rewind()
            guest.console.wait_line("n%03d: here" % i)
        self.end(guest)
        self.assertEqual(self.said(guest, "web: .*"), [])


if __name__ == "__main__":
    main()
