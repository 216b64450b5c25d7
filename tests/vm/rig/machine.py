# SPDX-License-Identifier: MIT
"""One virtual machine of QEMU, emulated (neither KVM nor root), with Firecracker's devices."""
import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import weakref

from . import build
from .boards import board
from .console import Console
from .qmp import QMP
from .waiting import (DIES_WITH_US, Deadline, Ended, RigError, TimedOut, end_process,
                      wait_exit)

GATEWAY = "172.16.0.1"
ADDRESS = "172.16.0.2"

_KERNEL_WORDS = ["reboot=k", "panic=-1"]

_running = weakref.WeakSet()


@atexit.register
def _close_all():
    for machine in list(_running):
        machine.close()


class Drive:
    """
    A disk: an image file in raw format.

    write_limit     bytes that it writes in a second; None: no limit
    flush           what the guest has flushed survives a crash of this machine, too; False: only the
                    end of QEMU, which saves the wait for this machine's disk
    bad_sectors     numbers of the sectors of 512 bytes that cannot be read: EIO (QEMU's blkdebug)
    """

    def __init__(self, path, readonly=False, write_limit=None, bad_sectors=(), flush=True):
        self.path, self.readonly, self.write_limit = path, readonly, write_limit
        self.bad_sectors = bad_sectors
        self.flush = flush

    def words(self):
        """The words of QEMU's -drive about the file."""
        words = ["format=raw", "readonly=" + ("on" if self.readonly else "off")]
        path = self.path.replace(",", ",,")
        if self.bad_sectors:
            words += ["file.driver=blkdebug", "file.image.driver=file", "file.image.filename=" + path]
            for i, sector in enumerate(self.bad_sectors):
                words += ["file.inject-error.%d.%s" % (i, w) for w in (
                    "event=none", "iotype=read", "errno=5", "sector=%d" % sector)]
        else:
            words.append("file=" + path)
        if not self.flush:
            words.append("cache=unsafe")
        if self.write_limit is not None:
            words.append("throttling.bps-write=%d" % self.write_limit)
        return words


class Machine:
    """
    A guest. start() ... close(), or a context manager.

    kernel        uncompressed vmlinux, or Image of aarch64; None: the one that "make kernel" built
    drives        Drive objects: vda, vdb, ...
    append        words for the kernel's command line; root=/dev/vda comes by itself
    memory_mib    the guest's memory
    cpus          number of virtual processors; 1 with virtual_time
    network       a network card with user-mode networking: the guest is ADDRESS, the host GATEWAY,
                  and nothing else can be reached
    vsock         a vsock device (CID 3) with the hybrid socket at .vsock_path
    quirks        the vsock device half-closes as Firecracker does
    pci           devices on a PCI bus, as with Firecracker's --enable-pci; on x86_64 described by
                  ACPI, with a VM generation ID; otherwise virtio-mmio, on x86_64 from the command
                  line
    keyboard      a keyboard for ctrl_alt_del()
    virtual_time  the guest's clock counts instructions, so it is the same on a busy host, and idle
                  time passes at once: an hour of a guest's waiting takes seconds. The host is
                  arbitrarily slow then: a guest's timeout passes before any answer from outside.
    instruction_ns  what an instruction takes in virtual time: 1 to measure, 8 to boot quickly
    counter       a file of 4096 bytes that tests/bench/instruction_counter.c counts into
    accelerator   "tcg", which emulates, or "kvm"
    publish       pairs (port on 127.0.0.1, port of the guest) that lead into the guest
    outside       the guest also reaches this machine's network
    vsock_path    path of the hybrid socket; None: in a temporary directory
    log_directory directory of console.log, qemu.log and hvsock.log; None: a temporary one
    apic_timer    the kernel uses the processor's timer; False, on x86_64: the board's. To measure the
                  former takes two loops of 0.1 s, in virtual time 2 s of a host's processor; with the
                  latter a guest at rest wakes up every 27 ms
    messages      all of the kernel's messages on the console; False: those that its configuration has
                  there, errors and worse
    port_log      file that each access to a device is written to (QEMU's trace of memory regions)
    share         the socket of a virtiofsd, whose directory the guest finds as "shared"
    """

    def __init__(self, drives=(), append="", kernel=None, memory_mib=256, cpus=1, network=False,
                 vsock=True, quirks=False, pci=False, keyboard=True, virtual_time=False,
                 instruction_ns=8, log_directory=None, accelerator="tcg", publish=(),
                 outside=False, vsock_path=None, share=None,
                 messages=True, port_log=None, counter=None, apic_timer=True):
        self.kernel = kernel
        self.drives = list(drives)
        self.append = append
        self.memory_mib, self.cpus = memory_mib, cpus
        self.network, self.vsock, self.quirks, self.pci = network, vsock, quirks, pci
        self.keyboard, self.virtual_time = keyboard, virtual_time
        self.instruction_ns = instruction_ns
        self.accelerator, self.publish, self.outside = accelerator, list(publish), outside
        self.share, self.messages, self.port_log = share, messages, port_log
        self.apic_timer = apic_timer
        self._vsock_path = vsock_path
        self._board = board()
        self.counter = counter
        self.console = None
        self.exit_code = None           # QEMU's, once it has ended
        self.directory = None           # sockets; gone after close()
        self.log_directory = log_directory
        self._qemu = self._hvsock = self._qmp = None
        self._files = []
        self._listening = []

    # Life

    def _command(self):
        slots = list(self._board.slots)

        def device(name, **options):
            words = ["%s=%s" % kv for kv in options.items()]
            if self.pci:
                return ["-device", ",".join([name + "-pci"] + words)]
            if not slots:
                raise RigError("more than %d virtio devices" % len(self._board.slots))
            bus = "bus=virtio-mmio-bus.%d" % slots.pop(0)
            return ["-device", ",".join([name + "-device", bus] + words)]

        c = [self._board.qemu,
             "-M", "%s,memory-backend=mem,accel=%s" % (self._board.board(self.pci), self.accelerator),
             "-cpu", "host" if self.accelerator == "kvm" else self._board.cpu,
             "-object", "memory-backend-memfd,id=mem,size=%dM,share=on" % self.memory_mib,
             "-m", str(self.memory_mib), "-smp", str(self.cpus),
             "-global", "virtio-mmio.force-legacy=off",
             "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
             "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
             "-chardev", "socket,id=monitor,path=%s/qmp" % self.directory,
             "-mon", "chardev=monitor,mode=control",
             "-kernel", self.kernel or build.kernel()]
        for i, drive in enumerate(self.drives):
            c += ["-drive", ",".join(["if=none", "id=drive%d" % i] + drive.words())]
            c += device("virtio-blk", drive="drive%d" % i)
        if self.network:
            forwards = "".join(",hostfwd=tcp:127.0.0.1:%d-%s:%d" % (host, ADDRESS, guest)
                               for host, guest in self.publish)
            c += ["-netdev", "user,id=net,restrict=%s,ipv6=off,net=172.16.0.0/24,host=%s,"
                             "dhcpstart=%s%s" % ("off" if self.outside else "on", GATEWAY, ADDRESS,
                                                 forwards)]
            c += device("virtio-net", netdev="net", mac="06:00:AC:10:00:02")
        if self.vsock:
            c += ["-chardev", "socket,id=vsock,path=%s/vhost" % self.directory]
            c += device("vhost-user-vsock", chardev="vsock")
        if self.share:
            c += ["-chardev", "socket,id=share,path=" + self.share]
            c += device("vhost-user-fs", chardev="share", tag="shared")
        if slots:
            c += device("virtio-rng")
        c += self._board.extra_devices(self.pci, self.keyboard, device)
        if self.port_log:
            c += ["-d", "trace:memory_region_ops_read,trace:memory_region_ops_write",
                  "-D", self.port_log]
        if self.virtual_time:
            c += ["-icount", "shift=%d,sleep=off" % (self.instruction_ns.bit_length() - 1)]
            # A device answers within the instruction that asks it, not when another thread runs.
            c += ["-global", "virtio-mmio.ioeventfd=off"]
        if self.counter:
            c += ["-plugin", "%s,out=%s" % (build.program("instruction-counter"), self.counter)]
        used = self._board.slots[:len(self._board.slots) - len(slots)]
        return c + ["-append", self._kernel_command_line(used)]

    def _kernel_command_line(self, slots):
        words = ["console=" + self._board.console] + _KERNEL_WORDS
        words += ["loglevel=7"] if self.messages else []
        words += self._board.kernel_words(self.pci, slots, self.apic_timer)
        if self.drives and not re.search(r"(^|\s)root=", self.append):
            words += ["root=/dev/vda", "ro" if self.drives[0].readonly else "rw"]
        return " ".join(words + self.append.split())

    @property
    def vsock_path(self):
        """The hybrid Unix socket; a guest's call to port P of the host goes to "<this>_P"."""
        return self._vsock_path or os.path.join(self.directory, "v.sock")

    def start(self):
        """Starts the guest; returns self."""
        self.directory = tempfile.mkdtemp(prefix="vm-")
        if self.log_directory is None:
            self.log_directory = self.directory
        os.makedirs(self.log_directory, exist_ok=True)
        _running.add(self)
        try:
            if self.vsock:
                self._start_hvsock()
            self._qmp = QMP(self.directory + "/qmp")
            self._qemu = subprocess.Popen(
                DIES_WITH_US + self._command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=self._log("qemu.log", "wb"), start_new_session=True)
            self.console = Console(self._qemu.stdout.fileno(), self._log("console.log", "w"))
            self._qmp.accept(self._qemu)
        except Ended as e:
            log = self.read_log("qemu.log")
            self.close()
            raise Ended("%s\n%s" % (e, log)) from None
        except BaseException:
            self.close()
            raise
        return self

    def _log(self, name, mode):
        f = open(os.path.join(self.log_directory, name), mode)
        self._files.append(f)
        return f

    def read_log(self, name):
        """The text of console.log, qemu.log or hvsock.log."""
        try:
            with open(os.path.join(self.log_directory, name), errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def _start_hvsock(self):
        command = [build.program("hvsock"), "-v", "--socket", self.directory + "/vhost",
                   "--uds", self.vsock_path, "--once"]
        self._hvsock = subprocess.Popen(
            DIES_WITH_US + command + (["--fc-quirks"] if self.quirks else []),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self._log("hvsock.log", "wb"), start_new_session=True)
        if self._hvsock.stdout.readline() != b"READY\n":
            raise RigError("hvsock does not start: " + self.read_log("hvsock.log"))

    def __enter__(self):
        return self.start() if self._qemu is None else self

    def __exit__(self, *_):
        self.close()

    def running(self):
        return self._qemu is not None and self._qemu.poll() is None

    def wait(self, timeout=30):
        """Waits until QEMU has ended (the guest rebooted or powered off); returns its exit code."""
        code = wait_exit(self._qemu, timeout)
        if code is None:
            raise TimedOut("the guest still runs after %s s\n%s" % (timeout, self.console.tail()))
        self.exit_code = code
        self.console.join()
        return code

    def wait_short(self):
        """As wait(), for a moment; True if QEMU has ended."""
        return wait_exit(self._qemu, 0.2) is not None

    def pull_plug(self):
        """Ends the guest at once, in the middle of its work; its drives stay as they are."""
        if self.running():
            self._qemu.kill()
        return self.wait()

    def close(self):
        """Ends everything and removes the sockets. Safe to call twice."""
        if self._qemu is not None:
            self.exit_code = end_process(self._qemu)
            if self.console is not None:
                self.console.join()
            self._qemu.stdin.close()
            self._qemu.stdout.close()
        if self._qmp is not None:
            self._qmp.close()
        if self._hvsock is not None:
            if self._qemu is not None:
                wait_exit(self._hvsock, 2)      # it ends with QEMU
            end_process(self._hvsock)
            self._hvsock.stdout.close()
        for f in self._files + self._listening:
            f.close()
        self._files, self._listening = [], []
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
        _running.discard(self)

    # Control

    def command(self, name, **arguments):
        """A command of QEMU's monitor."""
        return self._qmp.command(name, **arguments)

    def events(self):
        """QEMU's events so far, e.g. SHUTDOWN with its reason."""
        return list(self._qmp.events)

    def ctrl_alt_del(self):
        """Presses Ctrl-Alt-Del on the guest's keyboard, as SendCtrlAltDel of Firecracker's API."""
        if self.virtual_time:
            raise RigError("ctrl_alt_del: in virtual time there are ages between two keys")
        keys = [{"type": "qcode", "data": k} for k in ("ctrl", "alt", "delete")]
        self.command("send-key", keys=keys)

    def pause(self):
        """Stops the virtual processors, as Firecracker's Paused."""
        self.command("stop")

    def resume(self):
        self.command("cont")

    def leap(self, seconds):
        """
        Advances all clocks of the guest by so much while the guest stands still. After pause(), they
        continue where they were.
        """
        os.killpg(self._qemu.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.killpg(self._qemu.pid, signal.SIGCONT)

    def replace_drive(self, index, path):
        """
        Gives drive `index` the contents of another image of the same size, as a snapshot's new
        life finds other images at the old paths. The guest must be paused. The guest sees the new
        blocks when it next reads the device; what its page cache holds lasts until it unmounts.
        """
        drive = self.drives[index]
        if self.command("query-status")["running"]:
            raise RigError("replace_drive: pause the guest first")
        if os.path.getsize(path) != os.path.getsize(drive.path):
            raise RigError("replace_drive: %s has another size than %s" % (path, drive.path))
        with open(path, "rb") as source, open(drive.path, "r+b") as target:
            shutil.copyfileobj(source, target)

    def forward(self, guest_port):
        """A TCP port on 127.0.0.1 that leads to the guest's port; returns it."""
        before = self._forwarded()
        answer = self.command("human-monitor-command", command_line="hostfwd_add net "
                              "tcp:127.0.0.1:0-%s:%d" % (ADDRESS, guest_port))
        new = self._forwarded() - before
        if len(new) != 1:
            raise RigError("hostfwd_add: %s" % answer)
        return new.pop()

    def _forwarded(self):
        text = self.command("human-monitor-command", command_line="info usernet")
        return {int(port) for port in re.findall(r"HOST_FORWARD\S*\s+\d+\s+127\.0\.0\.1\s+(\d+)",
                                                 text)}

    def type(self, text):
        """Types text into the serial console, which must be open: wait for its reader's line."""
        self._qemu.stdin.write(text.encode())
        self._qemu.stdin.flush()

    # vsock

    def connect(self, port, timeout=20, first=b""):
        """
        A stream socket connected to the guest's vsock port. Raises ConnectionRefusedError when
        nobody listens there: wait for a line on the console first, or use connect_when_up().
        The bytes `first` are there when the guest accepts: in virtual time, a guest's patience may
        end before this program comes to send anything.
        """
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        try:
            s.connect(self.vsock_path)
            s.sendall(b"CONNECT %d\n" % port + first)
            answer = b""
            while not answer.endswith(b"\n"):   # byte by byte: what follows is the guest's
                try:
                    byte = s.recv(1)
                except ConnectionResetError:    # `first` was not read
                    byte = b""
                if not byte:
                    raise ConnectionRefusedError("vsock port %d: nobody listens" % port)
                answer += byte
            if not re.fullmatch(rb"OK \d+\n", answer):
                raise RigError("the hybrid socket answers %r" % answer)
        except BaseException:
            s.close()
            raise
        return s

    def connect_when_up(self, port, timeout=60, first=b""):
        """
        As connect(), trying again while nobody listens. A listener's coming is not an event that
        the host can wait for; everything else in the rig waits for one.
        """
        deadline = Deadline(timeout)
        while True:
            try:
                return self.connect(port, timeout=max(0.1, deadline.left()), first=first)
            except ConnectionRefusedError:
                if deadline.passed():
                    raise TimedOut("nobody listens on vsock port %d in %s s\n%s" % (
                        port, timeout, self.console.tail())) from None
                if not self.running():
                    raise Ended("the guest ended before it listened on vsock port %d\n%s" % (
                        port, self.console.tail())) from None
                time.sleep(0.02)

    def listen(self, port, backlog=128):
        """A listening Unix socket that gets the guest's calls to this port of the host."""
        s = socket.socket(socket.AF_UNIX)
        self._listening.append(s)
        s.bind("%s_%d" % (self.vsock_path, port))
        s.listen(backlog)
        s.settimeout(60)
        return s
