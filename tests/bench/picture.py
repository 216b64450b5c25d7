# SPDX-License-Identifier: MIT
"""A picture of a table of times, as SVG: bars on a logarithmic scale, a group for each column."""
import math

BAR, GAP, GROUP_GAP = 14, 4, 26         # heights
LEFT, WIDTH, RIGHT = 150, 460, 90
COLOURS = {"init": "#2b6cb0", "bare": "#a0aec0", "floor": "#718096"}
OTHERS = "#dd9a5b"


def _text(x, y, text, anchor="start", size=11, weight="normal"):
    return ('<text x="%g" y="%g" text-anchor="%s" font-size="%d" font-weight="%s">%s</text>'
            % (x, y, anchor, size, weight, text))


def svg(title, columns, rows):
    """
    columns: headings; rows: (name, a number or None for each column), times in milliseconds.
    Returns the SVG's text.
    """
    values = [v for _, row in rows for v in row if v]
    low = 10 ** math.floor(math.log10(min(values)))
    high = max(values)

    def length(value):
        return WIDTH * math.log(value / low) / math.log(high / low)
    parts, y = [_text(0, 16, title, size=14, weight="bold")], 40
    for i, heading in enumerate(columns):
        parts.append(_text(0, y, heading, size=12, weight="bold"))
        y += 8
        for name, row in rows:
            if not row[i]:
                continue
            parts.append(_text(LEFT - 6, y + BAR - 3, name, "end"))
            parts.append('<rect x="%d" y="%g" width="%.1f" height="%d" fill="%s"/>' % (
                LEFT, y, length(row[i]), BAR, COLOURS.get(name, OTHERS)))
            parts.append(_text(LEFT + length(row[i]) + 5, y + BAR - 3, "%.2f ms" % row[i]))
            y += BAR + GAP
        y += GROUP_GAP
    ticks = []
    decade = low
    while decade <= high:
        x = LEFT + length(decade)
        ticks.append('<line x1="%.1f" y1="46" x2="%.1f" y2="%g" stroke="#e2e8f0"/>' % (
            x, x, y - GROUP_GAP))
        ticks.append(_text(x, y - 8, "%g ms" % decade, "middle", 10))
        decade *= 10
    width = LEFT + WIDTH + RIGHT
    return ('<!-- SPDX-License-Identifier: MIT -->\n<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
            'viewBox="0 0 %d %d" font-family="sans-serif" fill="#1a202c">\n'
            '<rect width="100%%" height="100%%" fill="white"/>\n%s\n</svg>\n'
            % (width, y, width, y, "\n".join(ticks + parts)))
