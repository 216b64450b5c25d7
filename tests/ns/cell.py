# SPDX-License-Identifier: MIT
"""
The real init as PID 1 of namespaces on this machine's own kernel: faster than a virtual machine, and
faults can be injected. contain.c makes the namespaces and explains why they are harmless.

CellCase      starts cells in tests, and checks the output of each

NS_INIT       (environment) path of another build of init
NS_COVERAGE   (environment) its build directory, where it writes coverage counts
"""
import atexit
import ctypes
import getpass
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tty
import unittest
import weakref

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "vm"))
import cases  # noqa: E402
from rig import build  # noqa: E402
from rig.console import Console  # noqa: E402
from rig.contents import Contents  # noqa: E402
from rig.tap import TestCase  # noqa: E402
from rig.waiting import (DIES_WITH_US, Deadline, RigError, TimedOut, end_process,  # noqa: E402
                         wait_exit)

IDS = 65536             # user and group numbers in a cell
FIRST_ID = 100000       # the outside uid of a cell's root, when root starts the cell

_FILES = 524288         # limits that init gives services

# A cell must not sync the machine's disks: that would take time.
_RULES = ("sync=OK",)

# reboot(2) in a pid namespace ends its PID 1 by a signal.
RESTARTED, POWERED_OFF = 128 + 1, 128 + 2

_running = weakref.WeakSet()


@atexit.register
def _close_all():
    for cell in list(_running):
        cell.close()


def _id_map(kind):
    """The argument of contain's --uids or --gids ("uid", "gid")."""
    own = os.geteuid() if kind == "uid" else os.getegid()
    if os.geteuid() == 0:
        return "0 %d %d" % (FIRST_ID, IDS)
    with open("/etc/sub" + kind, encoding="utf-8") as f:
        for line in f:
            user, first, count = line.strip().split(":")
            if user in (getpass.getuser(), str(os.geteuid())):
                return "0 %d 1 1 %s %s" % (own, first, count)
    raise OSError("/etc/sub%s has no range for %s" % (kind, getpass.getuser()))


def _root_outside(kind):
    """The uid outside that is root in a cell."""
    return int(_id_map(kind).split()[1])


def why_not():
    """Why this machine cannot run cells, or None."""
    try:
        _id_map("uid")
        _id_map("gid")
    except OSError as e:
        return str(e)
    if os.geteuid() != 0 and not (shutil.which("newuidmap") and shutil.which("newgidmap")):
        return "no newuidmap"
    r = subprocess.run(["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork",
                        "--mount-proc", "true"], capture_output=True, text=True, check=False)
    return r.stderr.strip() or "no namespaces" if r.returncode else None


def _cgroup_root():
    """Where cgroup v2 is mounted, or None."""
    with open("/proc/self/mounts", encoding="utf-8") as f:
        return next((l.split()[1] for l in f if l.split()[2] == "cgroup2"), None)


def why_no_cgroup():
    """Why cells on this machine cannot have their own cgroup, or None."""
    root = _cgroup_root()
    if root is None:
        return "no cgroup v2"
    return None if os.access(root, os.W_OK) else "%s is not ours to write" % root


def processes_of(namespace):
    """(pid, command line) of each process in a pid namespace, given by the text of its link."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink("/proc/%s/ns/pid" % name) == namespace:
                with open("/proc/%s/cmdline" % name, "rb") as f:
                    found.append((int(name), f.read().replace(b"\0", b" ").decode()))
        except OSError:
            pass                        # the process has ended since
    return found


class Cell(Contents):
    """
    A guest without a machine: Contents, then start().

    cgroup        it has its own cgroup-v2 group; otherwise it cannot mount or make any
    console       it has a /dev/console; otherwise it writes to standard error
    writable      its root is writable
    files         its hard limit of open files; None: as many as init asks for, if possible
    faults        rules for fault.c
    program       what becomes PID 1, with its arguments
    """

    def __init__(self, cgroup=True, console=True, writable=True, files=None, faults=()):
        super().__init__(agent=False, init=os.environ.get("NS_INIT"))
        self.tree.copy(build.program("fault"), "/bin/fault")
        self._add_libraries(os.environ.get("NS_INIT"))
        self.cgroup, self.has_console, self.writable = cgroup, console, writable
        self.files, self.faults = files, tuple(faults)
        self.program = ["/init"]
        self.pid = 0                    # PID 1's number outside
        self.console = None
        self.log_directory = None
        self._contain = self._directory = self._group = self._log = self._near = None

    def _add_libraries(self, program):
        """Adds the libraries that a dynamic build of init needs."""
        if program is None:
            return
        r = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
        for path in re.findall(r"(/\S+) \(0x", r.stdout):
            self.tree.copy(path, path)

    # Life

    def start(self, listen=True):
        """Starts it; returns self. Without `listen`, nobody reads its console before listen()."""
        self._directory = tempfile.mkdtemp(prefix="cell-")
        os.chmod(self._directory, 0o755)
        self.log_directory = self.log_directory or self._directory
        os.makedirs(self.log_directory, exist_ok=True)
        _running.add(self)
        try:
            self._start()
            if listen:
                self.listen()
        except BaseException:
            self.close()
            raise
        return self

    def _start(self):
        archive = os.path.join(self._directory, "root.tar")
        with open(archive, "wb") as f:
            f.write(self.finish().tar())
        os.mkdir(os.path.join(self._directory, "root"))
        command = [build.program("contain"), "--root", os.path.join(self._directory, "root"),
                   "--uids", _id_map("uid"), "--gids", _id_map("gid")]
        terminal, near, far = self._open_console()
        if terminal is not None:
            command += ["--console", terminal]
        if not self.writable:
            command += ["--read-only", "yes"]
        if self.cgroup:
            command += ["--cgroup", self._make_cgroup()]
        if os.environ.get("NS_COVERAGE"):
            command += ["--bind", os.environ["NS_COVERAGE"]]
        rules = _RULES + self.faults
        with open(archive, "rb") as f:
            self._contain = subprocess.Popen(
                DIES_WITH_US + command + ["/bin/fault", *rules, *self.program], stdin=f,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT if terminal else far,
                start_new_session=True, preexec_fn=self._limit_files)
        first = self._contain.stdout.readline().decode()
        if not re.fullmatch(r"pid \d+\n", first):
            raise RigError("contain does not start: " + first)
        self.pid = int(first.split()[1])
        self._log = open(os.path.join(self.log_directory, "console.log"), "w", encoding="utf-8")
        os.close(far)
        self._near = near

    def listen(self):
        """Reads its console."""
        self.console = Console(self._near, self._log)

    def _limit_files(self):
        hard = self.files or _FILES
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1024), hard))
        except ValueError:              # not even root may raise it everywhere
            pass

    def _open_console(self):
        """Returns (path of the cell's end or None, our end, the other end)."""
        if not self.has_console:
            return (None,) + os.pipe()
        near, far = os.openpty()
        tty.setraw(far)
        path = os.ttyname(far)
        os.chown(path, _root_outside("uid"), _root_outside("gid"))
        return path, near, far

    def _make_cgroup(self):
        self._group = os.path.join(_cgroup_root(), "cell-%d-%d" % (os.getpid(), id(self)))
        os.mkdir(self._group)
        for name in ("", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"):
            os.chown(os.path.join(self._group, name), _root_outside("uid"), _root_outside("gid"))
        return self._group

    def running(self):
        return self._contain is not None and self._contain.poll() is None

    def wait(self, timeout=20):
        """Waits for its end: RESTARTED, POWERED_OFF or another status of PID 1."""
        code = wait_exit(self._contain, timeout)
        if code is None:
            raise TimedOut("the cell still runs after %s s\n%s" % (timeout, self.console.tail()))
        self.console.join()
        return code

    def close(self):
        """Ends the cell and removes its files. Safe to call twice."""
        if self._contain is not None:
            if os.environ.get("NS_COVERAGE") and self.pid and self.running():
                self.signal(signal.SIGTERM)             # coverage counts are written only at the end
                wait_exit(self._contain, 5)
            end_process(self._contain, grace=0.1)       # the kernel ends the rest with PID 1
            self._contain.stdout.close()
            if self.console is not None:
                self.console.join()
            if self._near is not None:
                os.close(self._near)
        self._contain = None
        if self._log is not None:
            self._log.close()
        if self._group is not None:
            self._remove_cgroup()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        _running.discard(self)

    def _remove_cgroup(self):
        deadline = Deadline(10)         # a dead process leaves its group a little later
        for top, _, _ in sorted(os.walk(self._group), key=lambda entry: -len(entry[0])):
            while True:
                try:
                    os.rmdir(top)
                    break
                except OSError:
                    if deadline.passed():
                        raise
                    time.sleep(0.01)
        self._group = None

    def wait_until(self, what, holds, timeout=20):
        """Polls until holds() is true, for conditions that no line of the console shows."""
        deadline = Deadline(timeout)
        while not holds():
            if deadline.passed():
                raise TimedOut("not within %s s: %s\n%s" % (timeout, what, self.console.tail()))
            time.sleep(0.01)

    # Actions on it

    def signal(self, number):
        """Sends PID 1 a signal."""
        os.kill(self.pid, number)

    def path(self, path):
        """The outside path of one of its files."""
        return "/proc/%d/root%s" % (self.pid, path)

    def write(self, path, text=""):
        """Writes one of its files, as its root."""
        libc = ctypes.CDLL(None)
        root = os.open(self.path("/"), os.O_PATH)
        try:
            libc.setfsgid(_root_outside("gid"))
            libc.setfsuid(_root_outside("uid"))
            fd = os.open(path.lstrip("/"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=root)
            with open(fd, "w", encoding="utf-8") as f:
                f.write(text)
        finally:
            libc.setfsuid(os.geteuid())
            libc.setfsgid(os.getegid())
            os.close(root)

    def limit(self, what, soft):
        """Changes a soft limit of PID 1 without its knowledge: limit("NPROC", 1)."""
        number = getattr(resource, "RLIMIT_" + what)
        hard = resource.prlimit(self.pid, number)[1]
        before = resource.prlimit(self.pid, number, (soft, hard))
        return before[0]

    def pids_of(self, pattern):
        """The outside pids of its processes whose command lines match."""
        return [pid for pid, line in processes_of(os.readlink("/proc/%d/ns/pid" % self.pid))
                if re.search(pattern, line)]

    def pid_of(self, pattern):
        """The pid of the only process that matches."""
        found = self.pids_of(pattern)
        if len(found) != 1:
            raise RigError("%d processes match %s" % (len(found), pattern))
        return found[0]


class CellCase(TestCase):
    """Starts cells. Their consoles must not have words that a host takes for a crash."""

    drops = False       # the test makes a console lose lines

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reason = why_not()
        if reason:
            raise unittest.SkipTest(reason)

    def cell(self, cgroup=None, **options):
        """A Cell for this test; cgroup None: with a cgroup if possible."""
        if cgroup is None:
            cgroup = why_no_cgroup() is None
        elif cgroup and why_no_cgroup():
            self.skipTest(why_no_cgroup())
        cell = Cell(cgroup=cgroup, **options)
        cell.log_directory = self.log_directory()
        self.addCleanup(self._check_console, cell)
        self.addCleanup(cell.close)
        return cell

    def _check_console(self, cell):
        if cell.console is not None:
            self.assertEqual(cases.Output(cell.console.text).trouble(drops=self.drops), [])
            self.assertNotRegex(cell.console.text, "Sanitizer|runtime error:")

    def output(self, cell):
        return cases.Output(cell.console.text)

    def wait_init(self, cell, regex, timeout=20):
        """Waits for a line of PID 1."""
        return cell.console.wait_line(r"\[init\] " + regex, timeout)

    def end(self, cell):
        """Stops the cell as a host does; _check_console() checks its output."""
        cell.signal(signal.SIGTERM)
        self.wait_init(cell, "goodbye")
        self.assertEqual(cell.wait(), RESTARTED)
