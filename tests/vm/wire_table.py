# SPDX-License-Identifier: MIT
"""
Every request of the protocol, mvm's and our own: its fields, bodies that are good, and the answers
that it may have. What is no good follows from the fields.
"""
import json

from mvm_types import ANSWERS, array, boolean, i32, nullable, string, struct, text, u64

COUNT = nullable(u64)       # a figure that may not be known


def field(value, kind, required=True, null=False, most=None):
    """A request's field: a good value, its JSON type, and what it may be besides."""
    return {"value": value, "kind": kind, "required": required, "null": null, "most": most}


STATE = text("inactive|waiting|start-pre|start|running|reload|stop-sigterm|stop-sigkill|"
             "auto-restart|exited|failed")
SERVICE = struct(
    name=string, state=STATE, reason=nullable(string), pid=COUNT, uid=COUNT, gid=COUNT, state_ms=u64, restarts=u64,
    failures=u64, next_start_ms=COUNT, exit_code=COUNT, built_in=boolean, memory_bytes=COUNT,
    cpu_us=COUNT, tasks=COUNT, oom_kills=u64)
STAGE = struct(name=string, start_us=u64, duration_us=u64, success=boolean,
               detail=nullable(string))
EVENT = struct(number=u64, at_ms=u64, service=string, before=STATE, after=STATE, cause=string,
               reason=nullable(string), pid=COUNT, exit_code=nullable(i32))
CHECKS = struct(total=u64, checked=u64, healthy=u64)

OWN_ANSWERS = {
    "Hello": struct(protocol=u64, agent=string, init=nullable(string), requests=array(string)),
    "Services": struct(services=array(SERVICE)),
    "Logs": struct(text=string, position=u64, cut=boolean,
                   times=array(struct(position=u64, unix_ms=u64))),
    "BootTimeline": struct(stages=array(STAGE), all_healthy_us=COUNT),
    "Metrics": struct(
        guest=struct(uptime_ms=u64, processors=u64, tasks=u64, cpu_us=u64, memory_bytes=u64,
                     memory_available_bytes=u64),
        agent=struct(version=string, memory_bytes=u64, connections=u64, requests=u64,
                     commands=u64, commands_cpu_us=u64),
        integrations=CHECKS, probes=CHECKS, services=nullable(array(SERVICE))),
    "RestartResult": struct(success=boolean, detail=nullable(string)),
    "ReloadServiceResult": struct(success=boolean, detail=nullable(string)),
    "Events": struct(events=array(EVENT), position=u64, lost=u64),
    "ReloadResult": struct(success=boolean, detail=nullable(string), started=COUNT, stopped=COUNT,
                           restarted=COUNT, unchanged=COUNT, bad=array(string)),
    "ShutdownAck": struct(success=boolean, detail=nullable(string)),
}
ALL_ANSWERS = {**ANSWERS, **OWN_ANSWERS}


class Request:
    """
    A row of the table.

    answer      the answer to a good request, if nothing is in its way
    guarded     needs the policy's leave
    ends        the guest does not outlive it
    """

    def __init__(self, name, answer, guarded=False, ends=False, **fields):
        self.name, self.answer, self.fields = name, answer, fields
        self.guarded, self.ends = guarded, ends

    def body(self, **changes):
        """As a host spells it; changes: {field: value}, or ... to leave it out."""
        if not self.fields:
            return json.dumps(self.name)
        members = {n: f["value"] for n, f in self.fields.items()}
        members.update(changes)
        members = {n: v for n, v in members.items() if v is not ...}
        return json.dumps({self.name: members}, separators=(",", ":"), ensure_ascii=False)

    def raw(self, name, value):
        """The same with a field's JSON as it is written here."""
        return self.body(**{name: "@@@"}).replace("\"@@@\"", value)

    def _with(self, member):
        """The same with one more member, in front."""
        begin = "{\"%s\":{" % self.name
        return self.body().replace(begin, begin + member + ",")

    def good(self):
        """All spellings that mean the same."""
        if not self.fields:
            bodies = [self.body(), "{%s:null}" % self.body(), " \t\r\n%s\n " % self.body(),
                      "{ %s : null }" % self.body(), "\"\\u%04x%s\"" % (ord(self.name[0]),
                                                                        self.name[1:])]
            return bodies
        bodies = [self.body(), " \n" + self.body().replace(":", " : ") + "\t",
                  self._with("\"later\":{\"a\":[1,2.5e3,null]}")]
        for name, f in self.fields.items():
            if not f["required"]:
                bodies.append(self.body(**{name: ...}))
            if f["null"]:
                bodies.append(self.body(**{name: None}))
        return bodies

    def bad(self):
        """{what is wrong: body}."""
        name, body = self.name, self.body()
        found = {
            "lower case": body.replace(name, name.lower()), "a longer name": body.replace(
                name, name + "s"), "a shorter name": body.replace(name, name[:-1]),
            "trailing byte": body + "x", "a second value": body + body, "trailing NUL": body + "\0",
            "trailing comma": body + ",", "cut": body[:-1], "a byte order mark": "\ufeff" + body,
            "in an array": "[%s]" % body, "not UTF-8": body.encode().replace(
                name.encode(), name.encode() + b"\xff"),
            "a lone surrogate in its name": body.replace(name, name + "\\ud800"),
            "single quotes": body.replace("\"", "'"),
        }
        if not self.fields:
            found.update({"an empty object": "{%s:{}}" % body, "an empty array": "{%s:[]}" % body,
                          "true": "{%s:true}" % body, "two names": "{%s:null,\"Ping\":null}" % body,
                          "the name twice": "{%s:null,%s:null}" % (body, body)})
            return found
        found.update({"only its name": json.dumps(name), "null fields": "{\"%s\":null}" % name,
                      "a number for fields": "{\"%s\":1}" % name,
                      "two names": body[:-1] + ",\"Ping\":null}"})
        wrong = {"string": ["1", "true", "[]", "{}", "\"\\ud83d\"", "\"\\udc00\\ud800\"", "\"\n\"",
                            "\"\\x41\"", "\"open"],
                 "number": ["\"1\"", "1.0", "-1", "-0", "1e3", "01", "+1", "18446744073709551616",
                            "true", "[]", "{}", "0x10", "NaN"],
                 "strings": ["\"db\"", "[1]", "[null]", "{}", "[\"a\",]", "[\"\\ud800\"]", "[[]]"],
                 "bool": ["1", "\"true\"", "[]", "True"]}
        for key, f in self.fields.items():
            for value in wrong[f["kind"]] + ([] if f["null"] else ["null"]):
                found["%s: %s" % (key, value)] = self.raw(key, value)
            if f["most"] is not None:
                found["%s: too many" % key] = self.raw(key, str(f["most"] + 1))
            if f["required"]:
                found["without " + key] = self.body(**{key: ...})
            found["%s twice" % key] = self._with("\"%s\":%s" % (key, json.dumps(f["value"])))
        found["a lone surrogate in an unknown field"] = self._with("\"x\":\"\\udfff\"")
        found["an unknown field nested too deeply"] = self._with(
            "\"x\":" + "[" * 128 + "]" * 128)
        return found


REQUESTS = {r.name: r for r in (
    Request("Ping", "Pong"),
    Request("WorkerStatus", "WorkerStatus"),
    Request("IntegrationStatus", "IntegrationStatusReport"),
    Request("ProbeStatus", "ProbeStatusReport"),
    Request("Wake", "WakeAck"),
    Request("PostRestore", "PostRestoreAck"),
    Request("SleepPrep", "SleepPrepAck", drain_timeout_secs=field(30, "number")),
    Request("CheckpointIntegrations", "CheckpointResult",
            integrations=field(["db", "mail"], "strings")),
    Request("Exec", "ExecResult", guarded=True, command=field("/bin/facts echo här", "string"),
            stdin=field("in", "string", required=False, null=True),
            timeout_secs=field(30, "number", required=False, null=True)),
    Request("Hello", "Hello"),
    Request("Services", "Services"),
    Request("Logs", "Logs", service=field("talker", "string"),
            lines=field(2, "number", required=False, null=True, most=2 ** 32 - 1),
            position=field(0, "number", required=False, null=True)),
    Request("BootTimeline", "BootTimeline"),
    Request("Metrics", "Metrics"),
    Request("Restart", "RestartResult", guarded=True, service=field("talker", "string")),
    Request("Events", "Events", service=field("talker", "string", required=False, null=True),
            position=field(0, "number", required=False, null=True),
            wait_secs=field(0, "number", required=False, null=True, most=2 ** 32 - 1)),
    Request("Reload", "ReloadResult", guarded=True),
    Request("ReloadService", "ReloadServiceResult", guarded=True,
            service=field("talker", "string")),
    Request("Shutdown", "ShutdownAck", guarded=True, ends=True,
            power_off=field(False, "bool", required=False, null=True)),
)}
