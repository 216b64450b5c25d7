# SPDX-License-Identifier: MIT
"""
Draw the dashboard of contrib/grafana as SVG, from what a Prometheus server answers to its queries:
the picture in the README, where Grafana is not at hand. Panels have the places of the file.
"""
import html

WIDTH, COLUMNS, ROW = 1200, 24, 24      # pixels, units across, pixels of a unit down
COLORS = ("#4a90d9", "#2e8b57", "#d0342c", "#c98a00", "#7b4fa3", "#008b8b", "#b0447c", "#6b7a00")


def text(x, y, words, size=12, weight="normal", color="#222"):
    return '<text x="%d" y="%d" font-size="%d" font-weight="%s" fill="%s">%s</text>\n' % (
        x, y, size, weight, color, html.escape(words))


def number(value):
    for limit, suffix in ((1 << 30, "G"), (1 << 20, "M"), (10000, "k")):
        if abs(value) >= limit:
            return "%.1f%s" % (value / (1000 if suffix == "k" else limit), suffix)
    return "%g" % round(value, 3)


def label(metric):
    return "/".join(metric[k] for k in ("vm", "service") if k in metric) or "all"


def draw_stat(results, box):
    x, y, _, height = box
    values = [r[0]["value"][1] if r else "-" for r in results]
    return text(x + 16, y + height // 2 + 16, values[0], 40, "bold", COLORS[1]) + "".join(
        text(x + 90 + 60 * n, y + height // 2 + 16, value, 24, "bold", COLORS[2])
        for n, value in enumerate(values[1:]))


def draw_table(results, box):
    x, y, _, height = box
    rows = sorted((label(r["metric"]), float(r["value"][1])) for found in results for r in found)
    shown = rows[:(height - 40) // 15]
    return "".join(text(x + 16, y + 44 + 15 * n, name) + text(x + 200, y + 44 + 15 * n, number(v))
                   for n, (name, v) in enumerate(shown))


def draw_lines(results, box, begun, ended):
    x, y, width, height = box
    left, top, wide, high = x + 56, y + 32, width - 180, height - 52
    series = sorted((label(r["metric"]), [(float(t), float(v)) for t, v in r["values"]])
                    for found in results for r in found)
    most = max([v for _, points in series for _, v in points] + [0]) or 1
    out = '<path d="M%d %dv%dh%d" fill="none" stroke="#999"/>\n' % (left, top, high, wide)
    out += text(x + 6, top + 8, number(most), 10) + text(x + 6, top + high, "0", 10)
    for n, (name, points) in enumerate(series):
        color = COLORS[n % len(COLORS)]
        out += '<polyline fill="none" stroke="%s" points="%s"/>\n' % (color, " ".join(
            "%.1f,%.1f" % (left + wide * (t - begun) / ((ended - begun) or 1),
                           top + high - high * v / most) for t, v in points))
        if n < high // 12:
            out += text(left + wide + 8, top + 10 + 12 * n, name[:19], 10, color=color)
    return out


def draw(server, begun, ended):
    """The SVG of what `server` (a Prometheus) holds between two times."""
    import prometheus_server            # of tests/probe: the caller has its path
    body, bottom = "", 0
    for panel in prometheus_server.panels():
        place = panel["gridPos"]
        box = (place["x"] * WIDTH // COLUMNS + 4, place["y"] * ROW + 4,
               place["w"] * WIDTH // COLUMNS - 8, place["h"] * ROW - 8)
        bottom = max(bottom, (place["y"] + place["h"]) * ROW)
        body += '<rect x="%d" y="%d" width="%d" height="%d" fill="#fff" stroke="#ccc"/>\n' % box
        body += text(box[0] + 10, box[1] + 20, panel["title"], 13, "bold")
        queries = [t["expr"].replace("$__rate_interval", "5s") for t in panel["targets"]]
        if panel["type"] == "timeseries":
            body += draw_lines([server.api("query_range", query=q, start=begun, end=ended, step=1)
                                .get("result", []) for q in queries], box, begun, ended)
        else:
            drawn = draw_stat if panel["type"] == "stat" else draw_table
            body += drawn([server.query(q) for q in queries], box)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<!-- SPDX-License-Identifier: MIT -->\n'
            '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
            'font-family="sans-serif">\n<rect width="100%%" height="100%%" fill="#f4f4f4"/>\n'
            "%s</svg>\n" % (WIDTH, bottom, body))
