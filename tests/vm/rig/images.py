# SPDX-License-Identifier: MIT
"""File system images, made and read without root."""
import io
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile

MIB = 1 << 20


class ImageError(Exception):
    """A tool failed; the message has its output."""


def _run(command, **options):
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                       **options)
    output = r.stdout.decode(errors="replace")
    if r.returncode != 0:
        raise ImageError("%s: exit %d\n%s" % (" ".join(command), r.returncode, output))
    return output


class _Entry:
    def __init__(self, kind, mode, uid, gid, data):
        self.kind, self.mode, self.uid, self.gid, self.data = kind, mode, uid, gid, data


class Tree:
    """
    What an image contains: paths with owner and mode. Missing parent directories are root's, 0755.
    Later entries replace earlier ones. Owners are at most 65535.
    """

    def __init__(self):
        self._entries = {"/": _Entry("d", 0o755, 0, 0, None)}

    def _add(self, path, kind, mode, uid, gid, data):
        path = os.path.normpath("/" + path.lstrip("/"))
        parent = os.path.dirname(path)
        if parent not in self._entries:
            self.directory(parent)
        self._entries[path] = _Entry(kind, mode, uid, gid, data)
        return self

    def directory(self, path, mode=0o755, uid=0, gid=0):
        return self._add(path, "d", mode, uid, gid, None)

    def file(self, path, content="", mode=0o644, uid=0, gid=0):
        """content: text or bytes."""
        data = content.encode() if isinstance(content, str) else content
        return self._add(path, "f", mode, uid, gid, data)

    def copy(self, source, path, mode=0o755, uid=0, gid=0):
        """A file with the contents of the host's file `source`."""
        with open(source, "rb") as f:
            return self.file(path, f.read(), mode, uid, gid)

    def symlink(self, path, target):
        return self._add(path, "l", 0o777, 0, 0, target)

    def remove(self, path):
        """Removes a path and all below."""
        for p in [p for p in self._entries if p == path or p.startswith(path.rstrip("/") + "/")]:
            del self._entries[p]
        return self

    def paths(self):
        return sorted(self._entries)

    def size(self):
        """Bytes of all files."""
        return sum(len(e.data) for e in self._entries.values() if e.kind == "f")

    def _write(self, top):
        """Puts everything below the directory top, as the user's own and readable."""
        for path in self.paths():
            entry, target = self._entries[path], top + path
            if entry.kind == "d":
                os.makedirs(target, exist_ok=True)
            elif entry.kind == "l":
                os.symlink(entry.data, target)
            else:
                with open(target, "wb") as f:
                    f.write(entry.data)

    def ext4(self, image, label=None, size_mib=None, options=()):
        """
        Makes an ext4 image; returns its path. size_mib: None: what fits, and some to spare;
        options: more words for mke2fs.
        """
        if size_mib is None:
            size_mib = max(4, 8 + self.size() * 5 // 4 // MIB)
        with tempfile.TemporaryDirectory() as top:
            self._write(top)
            command = ["mke2fs", "-q", "-F", "-t", "ext4", "-d", top, "-m", "0"]
            command += ["-L", label] if label else []
            if os.path.exists(image):
                os.unlink(image)
            _run(command + list(options) + [image, "%dM" % size_mib])
        # mke2fs takes owners and modes from the host's files; these are the real ones.
        kinds = {"d": stat.S_IFDIR, "f": stat.S_IFREG, "l": stat.S_IFLNK}
        commands = []
        for path in self.paths():
            entry = self._entries[path]
            fields = (("mode", "0%o" % (kinds[entry.kind] | entry.mode)), ("uid", entry.uid),
                      ("gid", entry.gid))
            commands += ['sif "%s" %s %s' % ((path,) + field) for field in fields]
        _debugfs(image, commands, write=True)
        return image

    def tar(self):
        """A tar archive of it, as bytes."""
        archive = io.BytesIO()
        types = {"d": tarfile.DIRTYPE, "f": tarfile.REGTYPE, "l": tarfile.SYMTYPE}
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path in self.paths():
                entry = self._entries[path]
                if path == "/":
                    continue            # the unpacking side has made it
                info = tarfile.TarInfo(path.lstrip("/"))
                info.type, info.mode = types[entry.kind], entry.mode
                info.uid, info.gid = entry.uid, entry.gid
                if entry.kind == "l":
                    info.linkname = entry.data
                data = entry.data if entry.kind == "f" else b""
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return archive.getvalue()

    def squashfs(self, image, compression="lz4"):
        """Makes a squashfs image; returns its path."""
        _run(["mksquashfs", "-", image, "-tar", "-noappend", "-quiet", "-no-progress",
              "-comp", compression, "-root-mode", "%o" % self._entries["/"].mode],
             input=self.tar())
        return image


def blank(image, size_mib):
    """A drive with nothing on it."""
    with open(image, "wb") as f:
        f.truncate(size_mib * MIB)
    return image


def copy(image, to):
    shutil.copyfile(image, to)
    return to


def _debugfs(image, commands, write=False):
    """Runs debugfs commands; returns what they print. debugfs itself never fails."""
    command = ["debugfs"] + (["-w"] if write else []) + ["-f", "-", image]
    r = subprocess.run(command, input="\n".join(commands) + "\n", stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    complaints = [line for line in r.stderr.splitlines()
                  if line and not line.startswith("debugfs 1.")]
    if r.returncode != 0 or complaints:
        raise ImageError("%s: %s" % (image, "\n".join(complaints)))
    # Each command is echoed with debugfs's prompt.
    return "\n".join(l for l in r.stdout.splitlines() if not l.startswith("debugfs: "))


def read_file(image, path):
    """The contents of a file in an ext4 image, as bytes. The journal is not looked at."""
    with tempfile.TemporaryDirectory() as top:
        out = os.path.join(top, "out")
        _debugfs(image, ['dump "%s" %s' % (path, out)])
        if not os.path.exists(out):
            raise ImageError("%s: no file %s" % (image, path))
        with open(out, "rb") as f:
            return f.read()


def list_directory(image, path):
    """The names in a directory of an ext4 image."""
    names = re.findall(r"^/\d+/\d+/\d+/\d+/([^/]+)/", _debugfs(image, ['ls -p "%s"' % path]), re.M)
    return sorted(n for n in names if n not in (".", ".."))


def _header(image, field):
    text = _run(["dumpe2fs", "-h", image], env=dict(os.environ, LC_ALL="C"))
    return re.search(r"^%s:\s*(.*)$" % field, text, re.M).group(1)


def size(image):
    """Bytes of the file system in an ext4 image, which may be less than the image has."""
    return int(_header(image, "Block count")) * int(_header(image, "Block size"))


def sectors(image, path):
    """The sectors of 512 bytes that have the contents of a file in an ext4 image."""
    each = int(_header(image, "Block size")) // 512
    blocks = [int(n) for n in _debugfs(image, ['blocks "%s"' % path]).split()]
    return [block * each + i for block in blocks for i in range(each)]


def write_sparse(image, path, size):
    """Puts a file of so many bytes into an ext4 image that takes no block there."""
    _debugfs(image, ['write /dev/null "%s"' % path, 'sif "%s" size %d' % (path, size)], write=True)


def owner(image, path):
    """Numbers of a file's user and group in an ext4 image."""
    text = _debugfs(image, ['stat "%s"' % path])
    return tuple(int(n) for n in re.search(r"User: +(\d+) +Group: +(\d+)", text).groups())


def features(image):
    """The names of an ext4 image's features."""
    return _header(image, "Filesystem features").split()


def is_clean(image):
    """Whether an ext4 image was unmounted properly: nothing to recover from its journal."""
    return ("needs_recovery" not in features(image) and
            _header(image, "Filesystem state") == "clean")


def check(image):
    """Raises ImageError when e2fsck finds anything wrong with an ext4 image; changes nothing."""
    _run(["e2fsck", "-f", "-n", image])
