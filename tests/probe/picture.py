# SPDX-License-Identifier: MIT
"""The pixels of a PNG file (RFC 2083), 8 bits a channel, as rsvg-convert writes it."""
import struct
import zlib


class Picture:
    def __init__(self, data):
        assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG file"
        at, packed = 8, b""
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            body = data[at + 8:at + 8 + size]
            if kind == b"IHDR":
                self.width, self.height, depth, color = struct.unpack(">IIBB", body[:10])
                assert depth == 8 and color in (2, 6), "another kind of PNG file"
                self.channels = 3 if color == 2 else 4
            elif kind == b"IDAT":
                packed += body
            at += 12 + size
        self.rows = self._unfilter(zlib.decompress(packed))

    def _unfilter(self, raw):
        step, line = self.channels, self.channels * self.width
        rows, above = [], bytearray(line)
        for y in range(self.height):
            kind = raw[y * (line + 1)]
            row = bytearray(raw[y * (line + 1) + 1:(y + 1) * (line + 1)])
            for x in range(line):
                left = row[x - step] if x >= step else 0
                corner = above[x - step] if x >= step else 0
                up = above[x]
                if kind == 1:
                    row[x] = row[x] + left & 255
                elif kind == 2:
                    row[x] = row[x] + up & 255
                elif kind == 3:
                    row[x] = row[x] + (left + up) // 2 & 255
                elif kind == 4:
                    guess = left + up - corner
                    row[x] = row[x] + min((left, up, corner), key=lambda v, g=guess: abs(g - v)) & 255
            rows.append(row)
            above = row
        return rows

    def color(self, x, y):
        """The red, green and blue of a pixel."""
        return tuple(self.rows[y][x * self.channels:x * self.channels + 3])

    def spans(self, color):
        """For each line of pixels that has the color: (y, first x, last x)."""
        found = []
        for y in range(self.height):
            xs = [x for x in range(self.width) if self.color(x, y) == color]
            if xs:
                found.append((y, xs[0], xs[-1]))
        return found
