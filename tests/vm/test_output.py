#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Output of services: tagged on the console, or in log files; no line lost, no service delayed."""
import re
import subprocess

import cases
import protocol
from rig import build, images
from rig.tap import main


class Console(cases.SharedBoot):
    options = {"virtual_time": True}

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "printf", "sleep", "echo")
        once = {"restart": "never"}
        guest.service("both", "echo out; echo err >&2", **once)
        guest.service("devices", "echo out >/dev/stdout; echo err >/dev/stderr", **once)
        guest.service("no-end", "printf 'one\\ntwo without an end'", **once)
        guest.service("pieces", "printf 'in '; sleep 0.1; printf 'three '; sleep 0.1; echo pieces",
                      **once)
        guest.service("long", "/bin/facts echo %s" % ("0123456789" * 300), **once)
        guest.service("control", "printf 'a\\033[31mred\\007\\tb\\177\\r[init] forged\\n'", **once)
        guest.service("c1", "printf 'a\\302\\2332Jb\\n'", **once)
        guest.service("nul", "printf 'a\\000b\\n'", **once)
        guest.service("utf8", "echo häßlich ✓", **once)
        guest.service("empty", "printf '\\n\\nx\\n'", **once)
        guest.service("forger", "/bin/facts echo [init] goodbye", **once)
        guest.service("after-pre-start", "/bin/acts lines 900", pre_start="/bin/acts nonblock",
                      **once)
        guest.service("second-life", "if [ -f /tmp/again ]; then exec /bin/acts lines 900; fi; "
                      "echo first >/tmp/again; printf 'the first life '; /bin/acts nonblock; exit 1",
                      restart="on-failure")
        guest.service("exits", "/bin/facts echo last words + exit 1", **once)
        guest.service("daemon", "/bin/facts daemon + sleep")
        guest.service("end", "/bin/acts nap 5000 + /bin/facts echo done + sleep")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("end: done")

    def test_both_streams(self):
        self.assertEqual(self.output.lines("both"), ["out", "err"])

    def test_both_streams_by_their_devices(self):
        """Programs write there when their log files are links; this one is not root."""
        self.assertEqual(self.output.lines("devices"), ["out", "err"])

    def test_what_one_process_does_to_its_descriptors_harms_no_other(self):
        """O_NONBLOCK, O_ASYNC, O_DIRECT and the pipe's size, set by pre_start and by an earlier run."""
        lines = ["line %d of many that fill a pipe" % i for i in range(900)]
        end = ["lines: 0 refused, flags 0 0 0, pipe 65536"]
        self.assertEqual(self.output.lines("after-pre-start"), lines + end)
        self.assertEqual(self.output.lines("second-life"), ["the first life "] + lines + end)

    def test_a_line_without_its_end(self):
        self.assertEqual(self.output.lines("no-end"), ["one", "two without an end"])

    def test_a_line_in_pieces_is_one_line(self):
        self.assertEqual(self.output.lines("pieces"), ["in three pieces"])

    def test_a_long_line_is_broken_and_every_part_tagged(self):
        parts = self.output.lines("long")
        self.assertEqual("".join(parts), "0123456789" * 300)
        self.assertGreater(len(parts), 1)
        self.assertLessEqual(max(len("long: " + p) for p in parts), 1024)

    def test_control_characters_do_not_reach_the_terminal(self):
        self.assertEqual(self.output.lines("control"), ["a?[31mred?\tb? [init] forged"])
        self.assertEqual(self.output.lines("c1"), ["a??2Jb"])
        self.assertEqual(self.output.lines("nul"), ["a?b"])

    def test_utf8_does(self):
        self.assertEqual(self.output.lines("utf8"), ["häßlich ✓"])

    def test_empty_lines(self):
        self.assertEqual(self.output.lines("empty"), ["", "", "x"])

    def test_nobody_speaks_for_pid_1(self):
        self.assert_line("forger", "[init] goodbye")
        self.assert_init("goodbye", count=0)
        self.assert_init("forged", count=0)

    def test_last_words(self):
        self.assertEqual(self.output.lines("exits"), ["last words"])

    def test_a_process_that_left_is_still_heard(self):
        self.assertEqual(len(self.output.facts("daemon", "stubborn")), 1)


class Flood(cases.GuestCase):
    def test_what_is_too_much_is_counted(self):
        """1,500 lines at once: some are shown, the others counted; other services lose none."""
        guest = self.guest(agent=False)
        guest.service("flood", "/bin/acts flood 1500", restart="never")
        guest.service("calm", "/bin/acts nap 100 + flood 100 + /bin/facts sleep")
        machine = self.boot(guest, virtual_time=True)
        machine.console.wait_line(r"flood: \d+ lines dropped")
        machine.console.rewind()
        machine.console.wait_line("calm: flood: 99 ")
        output = self.output(machine)
        shown = output.facts("flood", "flood")
        dropped = sum(int(n) for n in re.findall(r"^flood: (\d+) lines dropped$", output.text, re.M))
        self.assertGreater(dropped, 0)
        self.assertEqual(len(shown) + dropped, 1500)
        self.assertEqual(shown[:500], ["%d " % i for i in range(500)])
        self.assertEqual(output.facts("calm", "flood"), ["%d " % i for i in range(100)])

    def test_no_start_is_delayed(self):
        """Two services flood as fast as they can: others start as soon as before."""
        guest = self.guest(agent=False)
        guest.busybox("yes")
        for second in (2, 3, 4, 6, 7, 8):
            guest.service("at-%d" % second, "/bin/acts clock here + /bin/facts sleep",
                          on_boot_delay="%ds" % second)
        guest.service("flood", "/bin/yes", on_boot_delay="5s")
        guest.service("flood-file", "/bin/yes", on_boot_delay="5s", log_file="/dev/null")
        machine = self.boot(guest, virtual_time=True)
        machine.console.wait_line("at-8: clock: here .*")
        output = self.output(machine)
        late = {n: float(output.facts("at-%d" % n, "clock")[0].split()[1]) - n
                for n in (2, 3, 4, 6, 7, 8)}
        quiet = max(late[n] for n in (2, 3, 4))
        for n in (6, 7, 8):
            self.assertLess(late[n] - quiet, 0.1, late)

    def test_one_that_never_stops(self):
        """Other services start, the agent answers, and the guest ends in time."""
        self.drops = True       # a line of PID 1 may come when the console has just been filled
        guest = self.guest("squashfs")
        guest.busybox("yes")
        guest.service("a-yes", "/bin/yes")
        guest.service("b-yes", "/bin/yes", log_file="/dev/null")
        for i in range(10):
            guest.facts("other-%d" % i, "echo here")
        machine = self.boot(guest, cpus=2)
        for i in range(10):
            machine.console.rewind()
            machine.console.wait_line("other-%d: here" % i)
        self.assertEqual(protocol.ask(machine, "Ping"), "Pong")
        self.end(machine)


CONSOLES = ("/dev/stdout", "/dev/stderr", "/dev/console", "/dev/fd/1", "/proc/1/fd/1",
            "/proc/self/fd/2", "/var/log/out.log", "/dev//stdout", "/dev/./stderr",
            "/var/log/chain.log", "/var/log/relative.log")


class LogFiles:
    options = {"virtual_time": True}

    @classmethod
    def prepare(cls, guest):
        guest.user("web", 1000).busybox("sh", "sleep", "printf", "cat", "kill", "ln")
        guest.drive("mvm-data")
        guest.tree.symlink("/var/log/link.log", "/etc/passwd")
        guest.tree.file("/var/log/old.log", "before\n", mode=0o600, uid=1000, gid=1000)
        guest.service("web", "/bin/facts echo a line + exit 1", user="web",
                      log_file="/var/log/deep/er/web.log", restart_delay="200ms",
                      restart_delay_max="200ms")
        guest.service("old", "/bin/facts echo after + sleep", log_file="/var/log/old.log")
        guest.service("link", "/bin/facts echo through the link + sleep",
                      log_file="/var/log/link.log")
        guest.service("nowhere", "/bin/facts echo x + sleep", log_file="/proc/none/x.log")
        guest.service("dir", "/bin/facts echo x + sleep", log_file="/var/log")
        # A link to a directory: its user's, who could lead root anywhere, and the image's.
        guest.tree.directory("/var/web", uid=1000, gid=1000).symlink("/var/web/logs", "/etc")
        guest.tree.symlink("/var/led", "/mnt/data")
        guest.service("led-astray", "/bin/facts echo x + sleep", log_file="/var/web/logs/x.log")
        guest.service("led", "/bin/facts echo through it + sleep", log_file="/var/led/led.log")
        guest.tree.symlink("/var/log/out.log", "/dev/stdout")
        guest.tree.symlink("/var/log/chain.log", "out.log")
        guest.tree.symlink("/var/log/relative.log", "../../dev/stdout")
        guest.service("late", "/bin/facts echo shown + sleep", log_file="/var/log/late.log",
                      pre_start="/bin/ln -s /dev/stdout /var/log/late.log")
        for i, path in enumerate(CONSOLES):
            guest.service("console%d" % i, "/bin/facts echo shown + sleep", log_file=path)
        guest.service("null", "/bin/acts flood 500 + /bin/facts sleep", log_file="/dev/null")
        guest.service("turn", "/bin/acts flood 2000 + /bin/facts sleep",
                      log_file="/mnt/data/turn.log", log_max_size="10K", log_keep="2")
        guest.service("half", "echo half; printf 'without end'; exec sleep 10000",
                      log_file="/mnt/data/half.log")
        guest.service("looks", "sleep 3; for p in /proc/[0-9]*; do case "
                      "$(cat $p/cgroup) in *log-collector) echo collector: $(cat $p/comm) "
                      "$(cat $p/cmdline) ;; esac; done; /bin/facts stat /var/log/deep /var/log/deep/er "
                      "/var/log/deep/er/web.log /var/log/old.log + cat /var/log/old.log /etc/passwd "
                      "/var/log/deep/er/web.log + ls /mnt/data; kill 1", user="root")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line(r"\[init\] goodbye")
        machine.wait()

    def stat(self, path):
        return next(s for s in self.output.facts("looks", "stat")
                    if s.startswith(path + " ")).split()[1:4]

    def test_directories_are_made(self):
        for path in ("/var/log/deep", "/var/log/deep/er"):
            self.assertEqual(self.stat(path), ["040755", "uid=0", "gid=0"])

    def test_a_new_file_is_the_groups_to_read(self):
        self.assertEqual(self.stat("/var/log/deep/er/web.log"), ["100640", "uid=0", "gid=1000"])

    def test_a_file_that_was_there_stays_as_it_is(self):
        self.assertEqual(self.stat("/var/log/old.log"), ["100600", "uid=1000", "gid=1000"])
        self.assertEqual(self.output.facts("looks", "/var/log/old.log"), ["before", "after"])

    def test_lines_have_no_tag_and_are_appended(self):
        lines = self.output.facts("looks", "/var/log/deep/er/web.log")
        self.assertGreaterEqual(len(lines), 3)
        self.assertEqual(set(lines), {"a line"})

    def test_nothing_of_it_is_on_the_console(self):
        for name in ("web", "old", "null", "turn", "half"):
            self.assertEqual(self.output.lines(name), [])

    def test_names_of_the_console(self):
        for i in range(len(CONSOLES)):
            with self.subTest(CONSOLES[i]):
                self.assertEqual(self.output.lines("console%d" % i), ["shown"])

    def test_a_link_that_pre_start_has_made(self):
        self.assertEqual(self.output.lines("late"), ["shown"])

    def test_the_collector_has_a_name(self):
        self.assertRegex(self.output.facts("looks", "collector")[0], "^log-collector log-collector")

    def test_a_link_is_not_followed(self):
        self.assertEqual(self.output.lines("link"),
                         ["log_file /var/log/link.log: Symbolic link loop: output is lost"])
        self.assertNotIn("through the link", self.output.facts("looks", "/etc/passwd"))

    def test_a_link_to_a_directory_is_followed_where_it_is_root_s(self):
        self.assertRegex(self.output.lines("led-astray")[0],
                         "log_file /var/web/logs/x.log: 'logs' is a link .*: output is lost")
        self.assertEqual(images.read_file(self.guest_.drives[0].path, "/led.log"), b"through it\n")

    def test_what_is_no_file(self):
        self.assertEqual(self.output.lines("nowhere"),
                         ["log_file /proc/none/x.log: No such file or directory: output is lost"])
        self.assertEqual(self.output.lines("dir"),
                         ["log_file /var/log: Is a directory: output is lost"])

    def test_rotation(self):
        files = ["turn.log", "turn.log.1", "turn.log.2"]
        drive = self.guest_.drives[0].path
        self.assertEqual([n for n in images.list_directory(drive, "/") if n.startswith("turn")],
                         files)
        text = [images.read_file(drive, "/" + f) for f in files]
        self.assertLessEqual(max(len(t) for t in text), 10240)
        self.assertGreater(min(len(t) for t in text[1:]), 10240 - 20)
        lines = (text[2] + text[1] + text[0]).decode().splitlines()
        first = 2000 - len(lines)
        self.assertEqual(lines, ["flood: %d " % i for i in range(first, 2000)])

    def test_a_line_without_its_end_at_shutdown(self):
        self.assertEqual(images.read_file(self.guest_.drives[0].path, "/half.log"),
                         b"half\nwithout end")


class LogFilesOnExt4(LogFiles, cases.SharedBoot):
    pass


class LogFilesOnSquashfs(LogFiles, cases.SharedBoot):
    root = "squashfs"


class Collector(cases.GuestCase):
    def test_killed_again_and_again(self):
        """No line is lost, repeated or broken."""
        guest = self.guest()
        guest.busybox("sh", "sleep", "cat")
        guest.drive("mvm-data")
        guest.service("writes", "for i in 0 1 2 3 4 5 6 7 8 9; do for j in 0 1 2 3 4 5 6 7 8 9; do "
                      "echo line $i$j; sleep 0.02; done; done; echo end >/dev/shm/end; exec sleep "
                      "10000", log_file="/mnt/data/lines.log")
        guest.service("kills", "n=0; while [ $n -lt 8 ]; do sleep 0.3; p=$(cat "
                      "/sys/fs/cgroup/guest/log-collector/cgroup.procs); [ -z \"$p\" ] || { "
                      "kill -9 $p; n=$((n+1)); }; done; "
                      "while ! [ -f /dev/shm/end ]; do sleep 0.1; done; echo done; exec sleep 10000",
                      user="root")
        machine = self.boot(guest)
        machine.console.wait_line("kills: done")
        self.assertEqual(len([l for l in self.output(machine).init()
                              if l.startswith("log-collector: signal 9")]), 8)
        machine.ctrl_alt_del()
        machine.wait()
        self.assertEqual(images.read_file(guest.drives[0].path, "/lines.log").decode().split("\n"),
                         ["line %d%d" % (i, j) for i in range(10) for j in range(10)] + [""])

    def test_killed_under_load(self):
        """Every line is once in the file and in the agent's answer, while others flood the console."""
        guest = self.guest()
        guest.busybox("sh", "sleep", "cat")
        guest.drive("mvm-data", size_mib=16)
        guest.service("writes", "/bin/acts flood 30000 + /bin/facts write "
                      "/dev/shm/end + sleep", log_file="/mnt/data/lines.log")
        guest.service("noise", "/bin/acts flood 1000000", restart="never")
        guest.service("shown", "while ! [ -f /dev/shm/end ]; do sleep 0.1; done; exec /bin/acts flood "
                      "1500 + /bin/facts sleep", log_file="/dev/null")
        guest.service("kills", "n=0; while [ $n -lt 6 ] || ! [ -f /dev/shm/end ]; do sleep 0.2; "
                      "p=$(cat /sys/fs/cgroup/guest/log-collector/cgroup.procs); [ -z \"$p\" ] || "
                      "{ kill -9 $p; n=$((n+1)); }; done; echo done; exec sleep 10000",
                      user="root")
        machine = self.boot(guest)
        machine.console.wait_line("kills: done", timeout=180)
        kills = [l for l in self.output(machine).init() if l.startswith("log-collector: signal 9")]
        self.assertGreaterEqual(len(kills), 6)
        wanted = ["flood: %d " % i for i in range(1500)]
        shown = self.logs(machine, "shown", wanted[-1])
        self.assertEqual(shown, wanted)
        machine.ctrl_alt_del()
        machine.wait()
        text = images.read_file(guest.drives[0].path, "/lines.log").decode()
        self.assertEqual([l for l in text.split("\n") if l.startswith("flood: ")],
                         ["flood: %d " % i for i in range(30000)])

    def logs(self, machine, service, last):
        """The agent's copy of a service's lines, once it has the last one."""
        with subprocess.Popen([build.built("mvm-probe"), "logs", "-f", "-n", "1500",
                               machine.vsock_path, service],
                              stdout=subprocess.PIPE, text=True) as follower:
            lines = []
            for line in follower.stdout:
                lines.append(line.rstrip("\n"))
                if lines[-1] == last:
                    break
            follower.terminate()
        return lines

    def test_a_full_disk(self):
        """One line; the service and the guest go on, and so does the log when there is room again."""
        guest = self.guest(agent=False)
        guest.busybox("sh", "sleep", "rm", "dd", "touch")
        guest.drive("mvm-data")
        guest.service("writes", "while ! [ -f /tmp/full ]; do sleep 0.05; done; i=0; while [ $i -lt "
                      "3 ]; do echo lost; sleep 0.05; i=$((i+1)); done; touch /tmp/written; "
                      "while ! [ -f /tmp/free ]; do sleep 0.05; done; echo kept; touch /tmp/kept; "
                      "exec sleep 10000", log_file="/mnt/data/web.log")
        guest.service("fills", "/bin/facts fill /mnt/data/big; dd if=/dev/zero "
                      "of=/mnt/data/rest bs=100; touch /tmp/full; while ! [ -f "
                      "/tmp/written ]; do sleep 0.05; done; rm /mnt/data/big /mnt/data/rest; touch "
                      "/tmp/free; while ! [ -f /tmp/kept ]; do sleep 0.05; done; echo done; "
                      "exec sleep 10000",
                      user="root")
        machine = self.boot(guest)
        for line in ("fills: dd: error writing '/mnt/data/rest': No space left on device",
                     "writes: log_file /mnt/data/web.log: No space left on device: output is lost",
                     "writes: log_file /mnt/data/web.log: writing again, [0-9]+ bytes were lost",
                     "fills: done"):
            machine.console.rewind()
            machine.console.wait_line(line)
        self.assertEqual(len(self.output(machine).lines("writes")), 2)
        machine.ctrl_alt_del()
        machine.wait()
        self.assertIn(b"kept\n", images.read_file(guest.drives[0].path, "/web.log"))


if __name__ == "__main__":
    main()
