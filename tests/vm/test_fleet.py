#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two real guests among twenty fakes: a real Prometheus scrapes them, and the dashboard is drawn."""
import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

import cases
from rig.tap import main

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "probe"), os.path.join(HERE, "..", "tools")]
import dashboard_picture  # noqa: E402
import fakes  # noqa: E402
from prometheus_server import Prometheus, dashboard_queries  # noqa: E402

REAL = ("real-1", "real-2")
SVG = "{http://www.w3.org/2000/svg}"


SCRAPES = int(os.environ.get("DASHBOARD_SCRAPES", "4"))


def living(n, start):
    """The numbers of a fake that works: the n-th more than the one before; two are not well."""
    def answer(_):
        seconds = time.monotonic() - start
        metrics = json.loads(json.dumps(fakes.HEALTHY["Metrics"]["Metrics"]))
        metrics["guest"].update(uptime_ms=int(60000 + 1000 * seconds),
                                cpu_us=int(1e6 * seconds * (n + 1) / 25),
                                memory_available_bytes=(1 << 26) - (n << 21) +
                                ((int(seconds) * (n + 3)) % 16 << 20))
        web, agent = metrics["services"]
        web.update(memory_bytes=(8 + 3 * n << 20) + (int(seconds) * n % 7 << 20))
        agent.update(memory_bytes=200 << 10)
        if n == 3:
            web.update(state="auto-restart", failures=int(seconds), restarts=int(seconds))
        if n == 5:
            metrics["integrations"]["healthy"] = 0
        return {"Metrics": metrics}
    return answer


class Fleet(cases.GuestCase):
    def test_two_real_guests_among_twenty_fakes(self):
        fleet = fakes.Fleet(["vm%02d" % n for n in range(20)]).__enter__()
        self.addCleanup(fleet.__exit__, None, None, None)
        start = time.monotonic()
        for n, fake in enumerate(fleet.guests.values()):
            fake.answers["Metrics"] = living(n, start)
        for name in REAL:
            os.mkdir(fleet.path(name))
            guest = self.guest("squashfs")
            guest.busybox("sh", "sleep", "true")
            guest.service("web", "sleep 100000")
            guest.service("busy", "sh -c 'while true; do true; done'", cpu_weight=1)
            guest.integration("web", health_cmd="true", health_interval_secs=1)
            self.boot(guest, vsock_path=os.path.join(fleet.path(name), "v.sock"))
        fakes.probe("wait", "--timeout", "120s", fleet.directory)
        begun = time.time()
        with Prometheus(fleet.directory) as server:
            server.wait('mvm_up{job="mvm"} == 1', 22)
            for name in REAL:
                server.wait('mvm_service_running{job="mvm",service="web",vm="%s"} == 1' % name, 1)
                server.wait('rate(mvm_guest_cpu_seconds_total{job="mvm",vm="%s"}[5s]) > 0' % name,
                            1)
            for text in dashboard_queries():
                with self.subTest(text):
                    server.wait(text, None)
            server.wait('count_over_time(mvm_up{vm="real-2"}[5m]) >= %d' % SCRAPES, 1)
            picture = dashboard_picture.draw(server, begun, time.time())
        self.look_at(picture)

    def look_at(self, picture):
        root = xml.fromstring(picture)
        texts = [e.text for e in root.iter(SVG + "text")]
        for text in ("Guests that answer", "22", "Processor time of each guest", "real-1"):
            self.assertIn(text, texts)
        self.assertGreater(len(list(root.iter(SVG + "polyline"))), 20)
        with tempfile.NamedTemporaryFile(suffix=".svg") as f:
            f.write(picture.encode())
            f.flush()
            png = subprocess.run(["rsvg-convert", f.name], check=True, stdout=subprocess.PIPE)
        self.assertEqual(png.stdout[:4], b"\x89PNG")
        if os.environ.get("DASHBOARD_PICTURE"):
            with open(os.environ["DASHBOARD_PICTURE"], "w", encoding="utf-8") as f:
                f.write(picture)


if __name__ == "__main__":
    main()
