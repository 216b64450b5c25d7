#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Services in a cell: start, restart, stop, reload; and the ways in which a cell ends."""
import contextlib
import os
import re
import signal
import subprocess

import cell
from rig.tap import main

GROUPS = "/sys/fs/cgroup/services/"


class Start(cell.CellCase):
    def test_a_service_runs_as_its_user_in_its_group(self):
        guest = self.cell(cgroup=True)
        guest.user("web", 1000).init_ini(guest={"hostname": "cell-1"})
        guest.facts("web", "id + cat /proc/self/cgroup /proc/sys/kernel/hostname", user="web",
                    env={"COLOUR": "red"})
        guest.facts("env", "env", env={"COLOUR": "red"})
        guest.start().console.wait_line("web: done")
        guest.console.rewind()
        guest.console.wait_line("env: done")
        output = self.output(guest)
        self.assertIn("uid=1000 euid=1000 gid=1000 egid=1000 groups=900,1000 session-leader=yes "
                      "group-leader=yes", output.facts("web", "id"))
        self.assertIn("0::/services/web", output.facts("web", "/proc/self/cgroup"))
        self.assertEqual(output.facts("web", "/proc/sys/kernel/hostname"), ["cell-1"])
        self.assertIn("COLOUR=red", output.facts("env", "env"))

    def test_the_longest_name_that_a_host_can_have(self):
        name = "a" * 64
        guest = self.cell()
        guest.tree.file("/etc/hostname", name + "\n")
        guest.facts("web", "cat /proc/sys/kernel/hostname").start().console.wait_line("web: done")
        self.assertEqual(self.output(guest).facts("web", "/proc/sys/kernel/hostname"), [name])

    def test_a_hosts_file_of_comments(self):
        """It has no localhost, so it counts as none. Its comments stay."""
        guest = self.cell().init_ini(guest={"hostname": "cell-2"})
        guest.tree.file("/etc/hosts", "# ours\n \t\r\n  # nothing yet")
        guest.facts("web", "cat /etc/hosts").start().console.wait_line("web: done")
        self.assertEqual([l for l in self.output(guest).facts("web", "/etc/hosts") if l.strip()],
                         ["# ours", "  # nothing yet", "127.0.0.1 localhost", "::1 localhost",
                          "127.0.1.1 cell-2"])

    def test_what_pid_1_says_of_a_plain_start(self):
        guest = self.cell(cgroup=True).facts("web", "echo here").start()
        guest.console.wait_line("web: done")
        self.end(guest)
        lines = [l for l in self.output(guest).init() if not l.startswith("descriptor limit is ")]
        self.assertEqual(sorted(lines), sorted([
            "network: no eth0: only lo is up", "mvm-init 0.2.0: 1 of 1 services started",
            "no guest agent: the image has no mvm-guest-agent", "shutting down...", "goodbye"]))

    def test_order(self):
        guest = self.cell()
        guest.service("c-first", "/bin/acts nap 20 + clock up", type="oneshot")
        guest.service("b-second",
                      "/bin/acts clock up + nap 50 + clock told + notify + /bin/facts sleep",
                      ready="notify", requires="c-first")
        guest.service("a-third", "/bin/acts clock up + /bin/facts echo up + sleep", after="b-second")
        guest.service("broken", "/bin/facts exit 3", type="oneshot", restart="never")
        guest.facts("blocked", "echo never", requires="broken")
        guest.start().console.wait_line("a-third: up")
        guest.console.rewind()
        guest.console.wait_line("b-second: notify: sent")   # it says so after it has told PID 1
        guest.console.rewind()
        self.wait_init(guest, "blocked: cannot start: it requires broken")
        text = guest.console.text
        # Lines of two services may reach the console in any order: their own clock decides.
        at = [float(re.search("%s: clock: %s ([0-9.]+)" % event, text).group(1)) for event in
              (("c-first", "up"), ("b-second", "up"), ("b-second", "told"), ("a-third", "up"))]
        self.assertEqual(at, sorted(at))    # in whole milliseconds
        self.assertEqual(self.output(guest).lines("blocked"), [])

    def test_who_may_say_that_a_service_is_ready(self):
        """Any process of its cgroup may, and no other."""
        guest = self.cell(cgroup=True)
        guest.service("a-forger", "/bin/acts put /sys/fs/cgroup/cgroup.procs 0 + notify-child + "
                      "/bin/facts sleep", ready="notify", user="root", stop_timeout="200ms")
        guest.service("child", "/bin/acts nap 100 + notify WATCHDOG=1 + notify-child + /bin/facts "
                      "sleep", ready="notify")
        guest.facts("after-child", "echo up", after="child")
        guest.facts("after-forger", "echo never", after="a-forger")
        guest.start()
        self.wait_init(guest, r"a-forger: READY=1 from unknown process \d+ ignored")
        guest.console.rewind()
        guest.console.wait_line("after-child: up")
        guest.signal(signal.SIGTERM)        # the forger has left this group
        self.wait_init(guest, "a-forger: does not stop on TERM: killed")
        self.wait_init(guest, "goodbye")
        self.assertEqual(guest.wait(), cell.RESTARTED)
        self.assertEqual(self.output(guest).lines("after-forger"), [])

    def test_a_graph_with_mistakes(self):
        """Services in a cycle, or after a failed one, do not start; all others do."""
        guest = self.cell()
        guest.facts("a", "echo never", requires="b")
        guest.facts("b", "echo never", requires="c")
        guest.facts("c", "echo never", requires="a")
        guest.facts("strange", "echo never", requires="nobody-here")
        guest.service("base", "/bin/facts exit 1", restart="never", type="oneshot")
        guest.facts("middle", "echo never", requires="base")
        guest.facts("top", "echo never", requires="middle")
        guest.facts("later", "echo here", after="base")
        guest.facts("calm", "echo here")
        guest.start().console.wait_line("calm: here")
        guest.console.rewind()
        guest.console.wait_line("later: here")
        guest.console.rewind()
        self.wait_init(guest, "top: cannot start: it requires middle")
        self.end(guest)
        self.assertNotIn("never", guest.console.text)
        said = self.output(guest).init()
        self.assertEqual(len([l for l in said if "cycle" in l]), 3, said)
        self.assertEqual(len([l for l in said if l.startswith("strange: ")]), 1, said)

    def test_a_schedule(self):
        guest = self.cell()
        guest.service("tick", "/bin/facts echo tick", on_boot_delay="50ms", on_interval="100ms",
                      restart="never")
        guest.start()
        for _ in range(3):
            guest.console.wait_line("tick: tick")

    def test_every_wish_of_a_service(self):
        """Settings that process.c passes on, as the kernel shows them."""
        guest = self.cell()
        guest.tree.file("/etc/extra.env", "FROM=file\n")
        guest.facts("web", "id + cat /proc/self/limits /proc/self/oom_score_adj /proc/self/stat "
                    "+ env", working_directory="/usr", limit_core="0", nice="5",
                    oom_score_adj="300", umask="0027", environment_file="/etc/extra.env")
        guest.start().console.wait_line("web: done")
        output = self.output(guest)
        self.assertIn("cwd=/usr umask=027 ppid=1", output.facts("web", "id"))
        self.assertIn("FROM=file", output.facts("web", "env"))
        self.assertEqual(output.facts("web", "/proc/self/oom_score_adj"), ["300"])
        self.assertEqual(output.facts("web", "/proc/self/stat")[0].rsplit(")", 1)[1].split()[16], "5")
        self.assertTrue(any(re.match(r"Max core file size\s+0\s+0", l)
                            for l in output.facts("web", "/proc/self/limits")))


    def test_a_read_only_root(self):
        """/etc, /var and the homes of service users are overlays."""
        guest = self.cell(writable=False)
        guest.user("web", 1000, home="/home/web")
        guest.tree.directory("/home/web", uid=1000, gid=1000)
        guest.tree.directory("/var/lib/web", uid=1000, gid=1000, mode=0o700)
        guest.facts("web", "mountinfo + write /var/lib/web/x /home/web/x /usr/x + stat /var/lib/web",
                    user="web")
        guest.start().console.wait_line("web: done")
        self.end(guest)
        mounts = self.output(guest).mounts("web")
        for path in ("/etc", "/var", "/home"):
            self.assertEqual(mounts[path][0], "overlay")
            self.assertLessEqual({"nosuid", "nodev"}, mounts[path][2])
        self.assertEqual(mounts["/run/mvm/overlay"][0], "tmpfs")
        self.assertEqual([f.split()[-1] for f in self.output(guest).facts("web", "write")],
                         ["ok", "ok", "EROFS"])

    def test_one_that_has_no_room_for_changes(self):
        """The tmpfs for changes cannot be mounted: one line, and the rest runs."""
        guest = self.cell(writable=False, faults=["mount:3=6=ENOMEM"])
        guest.tree.directory("/run/mvm/overlay")
        guest.facts("web", "write /etc/x + echo here")
        guest.start().console.wait_line("web: here")
        self.end(guest)
        self.assertEqual(len([l for l in self.output(guest).init() if "for changes" in l]), 1)

    def test_supplementary_groups(self):
        guest = self.cell()
        guest.group("disk", 700).group("audio", 701)
        guest.facts("web", "id", supplementary_groups="disk audio")
        guest.facts("unknown", "id", supplementary_groups="nobodies")
        guest.start().console.wait_line("web: done")
        self.end(guest)
        self.assertIn("groups=700,701,900 ", " ".join(self.output(guest).facts("web", "id")))
        self.assertEqual([l for l in self.output(guest).init() if l.startswith("unknown: ")],
                         ["unknown: no group 'nobodies' in the group file"])

    def test_after_a_snapshot(self):
        """USR1 without an agent: services stop and start again."""
        guest = self.cell()
        guest.facts("web", "echo up", restart="always")
        guest.service("once", "/bin/facts echo once", type="oneshot")
        guest.service("behind", "/bin/facts echo up + sleep", requires="once")
        guest.start()
        for line in ("web: done", r"\[init\] no guest agent: .*", "behind: up"):
            guest.console.rewind()
            guest.console.wait_line(line)
        guest.signal(signal.SIGUSR1)
        self.wait_init(guest, "post-restore: mounting config and secrets again")
        self.wait_init(guest, "post-restore complete, services restarting")
        guest.console.wait_line("web: up")
        self.end(guest)
        self.assertEqual(self.output(guest).lines("once"), ["once"])

    def test_an_environment_file_that_cannot_be_read(self):
        """One line says so."""
        guest = self.cell()
        guest.facts("web", "echo up")
        for name, path in (("directory", "/etc"), ("device", "/dev/zero")):
            guest.facts(name, "echo up", environment_file=path)
        guest.start().console.wait_line("web: done")
        self.end(guest)
        self.assertEqual(
            sorted(l for l in self.output(guest).init() if "/etc:" in l or "/dev/zero:" in l),
            ["device: environment_file /dev/zero: File too large",
             "directory: environment_file /etc: Is a directory"])

    def test_a_machine_id_that_cannot_be_made(self):
        """A directory is in its place: nothing is left beside it."""
        guest = self.cell()
        guest.tree.directory("/etc/machine-id")
        guest.facts("web", "echo up").start().console.wait_line("web: done")
        self.assertEqual(os.listdir(guest.path("/etc/machine-id")), [])
        self.assertFalse(os.path.lexists(guest.path("/etc/machine-id.new")))
        self.end(guest)
        self.assertIn("cannot make /etc/machine-id: Is a directory", self.output(guest).init())

    def test_a_machine_id_that_cannot_be_read(self):
        """The memory of PID 1 is a regular file that gives EIO. It stays, and is reported."""
        guest = self.cell()
        guest.busybox("sh", "mount", "rm", "touch", "cat")
        guest.service("web", "if ! [ -e /tmp/again ]; then rm /etc/machine-id; touch /etc/machine-id "
                      "/tmp/again; mount -o bind /proc/1/mem /etc/machine-id; fi; echo up; "
                      "exec /bin/facts sleep", user="root")
        guest.start().console.wait_line("web: up")
        guest.console.rewind()
        self.wait_init(guest, r"no guest agent: .*")
        guest.signal(signal.SIGUSR1)
        self.wait_init(guest, "cannot read /etc/machine-id, not changing it: "
                       "(?:I/O error|Input/output error)")
        guest.console.wait_line("web: up")
        self.end(guest)
        said = [l for l in self.output(guest).init() if "machine-id" in l]
        self.assertEqual(len(said), 1, said)

    @staticmethod
    def signal_of_one_that_has_ended(guest, name):
        """PID 1 stands still until the sender, a process of the cell, has been reaped."""
        guest.signal(signal.SIGSTOP)
        try:
            subprocess.run(["nsenter", "--target", str(guest.pid), "--user", "--pid", "sh", "-c",
                            "kill -%s 1" % name], check=True)
        finally:
            guest.signal(signal.SIGCONT)

    def test_halt_whose_process_has_ended(self):
        """Nothing says that this is a restored snapshot, so the guest stops."""
        for name, what in (("USR1", "halting"), ("USR2", "powering off"), ("TERM", "restarting")):
            guest = self.cell()
            guest.facts("web", "echo up").start().console.wait_line("web: done")
            self.signal_of_one_that_has_ended(guest, name)
            self.wait_init(guest, r"SIG%s from process \d+ \(it has ended\): %s" % (name, what))
            self.wait_init(guest, "goodbye")


class Restart(cell.CellCase):
    def test_backoff(self):
        guest = self.cell()
        guest.service("web", "/bin/facts exit 3")
        guest.start()
        for number, delay in enumerate(("0\\.1", "0\\.2", "0\\.4", "0\\.[789]"), 1):
            row = r" \(number %d in a row\)" % number if number > 1 else ""
            self.wait_init(guest, r"web: exit code 3 after 0\.\d s, restart in %s s%s" % (delay, row))

    def test_what_cannot_run_says_so(self):
        guest = self.cell()
        guest.service("gone", "/bin/none")
        guest.service("limit", "/bin/facts exit 1", start_limit="2", start_limit_interval="60s",
                      restart_delay="10ms")
        guest.start()
        self.wait_init(guest, r"gone: exec /bin/none: No such file or directory, restart in \d\d\.\d s")
        guest.console.rewind()
        self.wait_init(guest, r"limit: exit code 1 after \d\.\d s, not started again")

    def test_pre_start(self):
        guest = self.cell()
        guest.service("web", "/bin/facts echo command + sleep", pre_start="/bin/facts echo before")
        guest.service("bad", "/bin/facts echo never", pre_start="/bin/facts exit 4")
        guest.start().console.wait_line("web: command")
        guest.console.rewind()
        self.wait_init(guest, r"bad: pre_start: exit code 4, restart in .*")
        self.assertEqual(self.output(guest).lines("web")[:2], ["before", "command"])
        self.assertEqual(self.output(guest).lines("bad"), [])

    def test_leftovers_die_and_the_next_life_lives(self):
        """Some kernels kill every child started inside a group that has seen cgroup.kill."""
        guest = self.cell(cgroup=True)
        count = "count %sweb/cgroup.procs" % GROUPS
        guest.service("web", "/bin/acts %s + leave" % count, restart_delay="20ms",
                      restart_delay_max="20ms")
        guest.start()
        for _ in range(4):
            guest.console.wait_line("web: count: %sweb/cgroup.procs 1" % GROUPS)
        self.assertEqual([l for l in self.output(guest).init() if "Killed" in l], [])

    def test_a_group_with_groups_below_it(self):
        """The group cannot be replaced; the service joins it by itself."""
        guest = self.cell(cgroup=True)
        guest.busybox("sh", "mkdir", "sleep")
        guest.service("web", "mkdir -p %sweb/below; echo $(while read -r l; do echo $l; done "
                      "</proc/self/cgroup); sleep 1000 & exit 1" % GROUPS, user="root",
                      restart_delay="20ms", restart_delay_max="20ms")
        guest.start()
        for _ in range(3):
            guest.console.wait_line("web: .*0::/services/web.*")

    def test_without_groups(self):
        """Process groups take the place of cgroups."""
        guest = self.cell(cgroup=False)
        guest.service("web", "/bin/facts children 2 + exit 1", restart_delay="20ms")
        guest.facts("limited", "echo never", tasks_max="5")
        guest.service("stubborn", "/bin/facts stubborn", stop_timeout="100ms")
        guest.start()
        self.wait_init(guest, "cannot make /sys/fs/cgroup/services: Permission denied")
        self.wait_init(guest, r"limited: no cgroups: cannot enforce its limits: .*, restart in .*")
        guest.console.rewind()
        self.wait_init(guest, r"web: exit code 1 .*\(number 2 in a row\)")
        guest.console.rewind()
        guest.console.wait_line("stubborn: stubborn: .*")
        guest.signal(signal.SIGTERM)
        self.wait_init(guest, "stubborn: does not stop on TERM: killed")
        self.wait_init(guest, "goodbye")
        self.assertEqual(guest.wait(), cell.RESTARTED)


class Reload(cell.CellCase):
    def write(self, guest, name, text):
        guest.write("/etc/mvm/services.d/%s.ini" % name, text)

    def test_new_changed_removed_and_untouched(self):
        guest = self.cell()
        for name in ("same", "changes", "goes"):
            guest.service(name, "/bin/facts echo first + sleep")
        guest.start()
        for name in ("same", "changes", "goes"):
            guest.console.rewind()
            guest.console.wait_line(name + ": first")
        self.write(guest, "changes", "[service]\ncommand = /bin/facts echo second + sleep\n")
        self.write(guest, "comes", "[service]\ncommand = /bin/facts echo new + sleep\n")
        self.write(guest, "bad", "[service]\ncolour = red\n")
        os.unlink(guest.path("/etc/mvm/services.d/goes.ini"))
        guest.signal(signal.SIGHUP)
        for line in (r"\[init\] goes: its file was removed", r"\[init\] changes: its file has changed",
                     "changes: second", "comes: new",
                     r"\[init\] read /etc/mvm/services.d again: 1 started, 1 stopped, 1 restarted, "
                     r"1 unchanged, 1 bad",
                     r"\[init\] /etc/mvm/services.d/bad.ini:2: unknown key 'colour' in \[service\]"):
            guest.console.rewind()
            guest.console.wait_line(line)
        self.assertEqual(self.output(guest).lines("same"), ["first"])
        # A file that becomes bad changes nothing; a service whose file returns runs again.
        self.write(guest, "changes", "rubbish\n")
        self.write(guest, "goes", "[service]\ncommand = /bin/facts echo back + sleep\n")
        guest.signal(signal.SIGHUP)
        self.wait_init(guest, "changes: keeping the previous configuration")
        guest.console.rewind()
        guest.console.wait_line("goes: back")
        self.assertEqual(self.output(guest).lines("changes"), ["first", "second"])


    def test_one_whose_last_process_is_not_a_child_of_pid_1(self):
        """Only its cgroup shows that it has ended."""
        guest = self.cell(cgroup=True)
        guest.busybox("sh", "sleep")
        guest.service("goes", "/bin/facts sleep", stop_timeout="100ms")
        guest.service("lends", "/bin/facts stubborn & echo $! >%sgoes/cgroup.procs; echo lent; wait; "
                      "echo back; exec sleep 1000" % GROUPS, user="root", after="goes")
        guest.start()
        guest.console.wait_line("lends: lent")
        guest.console.rewind()
        guest.console.wait_line("lends: stubborn: .*")
        os.unlink(guest.path("/etc/mvm/services.d/goes.ini"))
        guest.signal(signal.SIGHUP)
        guest.console.wait_line("lends: back")
        guest.wait_until("the end of its group",
                         lambda: not os.path.exists(guest.path(GROUPS + "goes")))


class Output(cell.CellCase):
    def test_a_killed_collector(self):
        """No output is lost; the next collector shows the rest."""
        guest = self.cell()
        guest.busybox("sh", "sleep")
        guest.service("web", "for i in 1 2 3; do while ! [ -f /tmp/$i ]; do sleep 0.01; done; echo "
                      "line $i; done; exec sleep 1000")
        guest.start()
        self.wait_init(guest, "mvm-init .*")
        for i in (1, 2, 3):
            guest.write("/tmp/%d" % i)
            guest.console.wait_line("web: line %d" % i)
            os.kill(guest.pid_of("--log-collector"), signal.SIGKILL)
            self.wait_init(guest, r"log-collector: signal 9 \(Killed\) .*")
        self.assertEqual(self.output(guest).lines("web"), ["line 1", "line 2", "line 3"])

    def test_a_collector_that_is_killed_while_it_has_much_to_do(self):
        """Every line is in the file once, in order."""
        guest = self.cell()
        lines = 60000
        guest.service("web", "/bin/acts flood %d + /bin/facts write /run/web + sleep" % lines,
                      user="root", log_file="/var/log/web.log")
        guest.start()
        log, done = guest.path("/var/log/web.log"), guest.path("/run/web")
        size = [0]

        def grows():
            now = os.path.getsize(log) if os.path.exists(log) else 0
            grown, size[0] = now > size[0], now
            return grown

        kills = 0
        while kills < 6:
            guest.wait_until("a collector that writes", lambda: os.path.exists(done) or grows())
            if os.path.exists(done):
                break
            for pid in guest.pids_of("--log-collector"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
        self.assertGreaterEqual(kills, 3)
        guest.wait_until("the service's end", lambda: os.path.exists(done))
        wanted = "".join("flood: %d \n" % i for i in range(lines))
        guest.wait_until("the last line", lambda: os.path.getsize(log) >= len(wanted))
        with open(log, encoding="utf-8") as f:
            self.assertTrue(f.read().startswith(wanted))

    def test_a_log_file_with_a_second_name(self):
        """A user who can write to the directory may have linked a file of root there."""
        guest = self.cell()
        guest.busybox("ln").tree.file("/etc/secret", "before\n")
        guest.service("link", "ln /etc/secret /etc/web.log", user="root", type="oneshot")
        guest.service("web", "/bin/facts echo through the link + sleep", log_file="/etc/web.log",
                      requires="link")
        guest.start()
        guest.console.wait_line("web: log_file /etc/web.log: Too many links: output is lost")
        with open(guest.path("/etc/secret"), encoding="utf-8") as f:
            self.assertEqual(f.read(), "before\n")

    def test_what_a_service_that_has_gone_has_written(self):
        """Its memory is freed for others."""
        guest = self.cell()
        guest.facts("stays", "echo here")
        guest.start()
        guest.console.wait_line("stays: here")
        fds = "/proc/%d/fd/" % guest.pid
        (memory,) = [fds + n for n in os.listdir(fds)
                     if os.readlink(fds + n).startswith("/memfd:mvm-logs")]
        before = os.stat(memory).st_blocks
        for i in range(3):
            guest.console.rewind()
            guest.write("/etc/mvm/services.d/web%d.ini" % i,
                        "[service]\ncommand = /bin/acts flood 900 %s + /bin/facts sleep\n" % (50 * "x"))
            guest.signal(signal.SIGHUP)
            guest.console.wait_line("web%d: flood: 899 .*" % i)
            self.assertGreater(os.stat(memory).st_blocks, before + 100)
            os.unlink(guest.path("/etc/mvm/services.d/web%d.ini" % i))
            guest.signal(signal.SIGHUP)
            guest.wait_until("the end of what it has written",
                             lambda: os.stat(memory).st_blocks == before)

    def test_a_console_that_nobody_reads(self):
        """No service waits for it; when it is read, every line is there once."""
        guest = self.cell()
        guest.service("web", "/bin/acts flood 900 xxxxxxxxxxxxxxxxxxxx + /bin/facts write /run/web "
                      "+ sleep", user="root")
        guest.start(listen=False)
        guest.wait_until("the service's file", lambda: os.path.exists(guest.path("/run/web")))
        guest.listen()
        guest.console.wait_line("web: flood: 899 .*")
        self.assertEqual([l.split()[0] for l in self.output(guest).facts("web", "flood")],
                         [str(i) for i in range(900)])

    def test_too_many_lines(self):
        """Lines that are not shown are counted."""
        guest = self.cell()
        guest.service("web", "/bin/acts flood 1500 + /bin/facts sleep")
        guest.start()
        dropped = guest.console.wait_line(r"web: (\d+) lines dropped")
        shown = self.output(guest).facts("web", "flood")
        self.assertEqual(len(shown) + int(dropped.group(1)), 1500)
        self.assertEqual(len(shown), 1000)

    def test_more_services_than_a_program_may_usually_open(self):
        """A pipe and a file for each: the collector needs over a thousand descriptors."""
        guest = self.cell()
        for i in range(560):
            guest.service("s%03d" % i, "/bin/facts echo line + sleep",
                          log_file="/var/log/s%03d.log" % i)
        guest.start()
        logs = [guest.path("/var/log/s%03d.log" % i) for i in range(560)]
        guest.wait_until("a line in every file", lambda: all(
            os.path.exists(p) and os.path.getsize(p) == 5 for p in logs), timeout=60)
        self.assertEqual(self.output(guest).lines("log-collector"), [])


class End(cell.CellCase):
    def test_services_get_their_time(self):
        guest = self.cell()
        guest.service("web", "/bin/acts trap bye", stop_timeout="5s")
        guest.start().console.wait_line("web: trap: set")
        guest.signal(signal.SIGTERM)
        self.wait_init(guest, "shutting down.*")
        guest.console.rewind()
        guest.console.wait_line("web: trap: bye")
        guest.console.rewind()
        self.wait_init(guest, "goodbye")
        self.assertEqual(guest.wait(), cell.RESTARTED)

    def test_one_that_does_not_stop(self):
        guest = self.cell()
        guest.service("web", "/bin/facts stubborn", stop_timeout="100ms")
        guest.start().console.wait_line("web: stubborn: .*")
        guest.signal(signal.SIGTERM)
        self.wait_init(guest, "web: does not stop on TERM: killed")
        self.wait_init(guest, "goodbye")
        self.assertEqual(guest.wait(), cell.RESTARTED)

    def test_a_shutdown_while_one_stops(self):
        """It gets no more time than the others, whatever its stop_timeout."""
        guest = self.cell()
        guest.service("goes", "/bin/facts stubborn", stop_timeout="1h")
        guest.start()
        guest.console.wait_line("goes: stubborn: .*")
        os.unlink(guest.path("/etc/mvm/services.d/goes.ini"))
        guest.signal(signal.SIGHUP)
        guest.console.wait_line("goes: got: signal 15")
        guest.signal(signal.SIGTERM)
        self.wait_init(guest, "goodbye")
        self.assertEqual(guest.wait(), cell.RESTARTED)
        said = self.output(guest).init()
        self.assertIn("goes: does not stop on TERM: killed", said)
        self.assertEqual([l for l in said if l.startswith("some processes")], [])

    def test_a_shutdown_while_services_are_frozen(self):
        """Frozen for a snapshot: they are thawed and end as usual."""
        guest = self.cell(cgroup=True)
        guest.busybox("sh", "sleep")
        guest.service("web", "/bin/acts trap bye")
        guest.service("freezer", "while ! [ -f /tmp/now ]; do sleep 0.01; done; "
                      "echo 1 >%sweb/cgroup.freeze; echo done; exec sleep 1000" % GROUPS,
                      user="root")
        guest.start()
        guest.console.wait_line("web: trap: set")
        guest.write("/tmp/now")
        guest.console.wait_line("freezer: done")
        guest.signal(signal.SIGTERM)
        self.wait_init(guest, "goodbye")
        self.assertEqual(guest.wait(), cell.RESTARTED)
        self.assertEqual(self.output(guest).lines("web"), ["trap: set", "trap: bye"])

    def test_power_off(self):
        guest = self.cell().start()
        self.wait_init(guest, "mvm-init .*")
        guest.signal(signal.SIGUSR2)
        self.wait_init(guest, "goodbye")
        self.assertEqual(guest.wait(), cell.POWERED_OFF)

    def test_a_start_limit_ends_it(self):
        guest = self.cell()
        guest.service("web", "/bin/facts exit 1", start_limit="2", start_limit_interval="60s",
                      restart_delay="10ms", start_limit_action="exit", start_limit_exit_code="7")
        guest.start()
        self.wait_init(guest, "web has hit its start limit: shutting down the guest")
        self.wait_init(guest, "guest exit code 7")
        self.assertEqual(guest.wait(), cell.RESTARTED)

    def test_without_a_console(self):
        guest = self.cell(console=False).facts("web", "echo here").start()
        guest.console.wait_line("web: here")
        self.end(guest)

    def test_few_descriptors(self):
        """If the hard limit cannot be raised, services have it, too."""
        guest = self.cell(files=512).facts("web", "cat /proc/self/limits").start()
        self.wait_init(guest, r"descriptor limit is 512 \(wanted 65536\)")
        guest.console.wait_line("web: done")
        limits = [l.split()[3:5] for l in self.output(guest).facts("web", "/proc/self/limits")
                  if l.startswith("Max open files")]
        self.assertEqual(limits, [["512", "512"]])


if __name__ == "__main__":
    main()
