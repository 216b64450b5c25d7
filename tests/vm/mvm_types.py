# SPDX-License-Identifier: MIT
"""
The answers of mvm 0.7's protocol, decoded as strictly as a host decodes them: written from the
protocol's description, not from the agent, so that each can be wrong about the other.

decode(body)    (name, value) of an answer; raises Undecodable where mvm's host could not go on
Type functions  take a parsed value and return it as a test wants it, or raise Undecodable
"""
import json
import re

NESTING_MAX = 127
U64_MAX = 2 ** 64 - 1


class Undecodable(ValueError):
    """A host would refuse it; the message says where and why."""


class Members(list):
    """The members of a JSON object: (name, value), as they came."""


# Texts

def _refuse(what):
    def refuse(text):
        raise Undecodable("%s: %s" % (what, text))
    return refuse


def _whole(text):
    """Digits with a minus sign are whole; a zero with one is a fraction to serde."""
    return -0.0 if text == "-0" else int(text)


def _check(value, depth=1):
    """What Python's decoder lets through and serde's does not."""
    if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
        raise Undecodable("a lone surrogate: %r" % value)
    if isinstance(value, (Members, list)):
        if depth > NESTING_MAX:
            raise Undecodable("nested too deeply")
        for part in value:
            for v in part if isinstance(value, Members) else (part,):
                _check(v, depth + 1)


def parse(body):
    """Strict JSON; objects become Members, so that nothing that stood twice is lost."""
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=Members, parse_int=_whole,
                           parse_constant=_refuse("no JSON"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as e:
        raise Undecodable(str(e)) from None
    _check(value)
    return value


# Types

def string(value):
    if not isinstance(value, str):
        raise Undecodable("no string: %r" % (value,))
    return value


def boolean(value):
    if not isinstance(value, bool):
        raise Undecodable("neither true nor false: %r" % (value,))
    return value


def whole(low, high):
    def decode_whole(value):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Undecodable("no whole number from %d to %d: %r" % (low, high, value))
        return value
    return decode_whole


u64 = whole(0, U64_MAX)
i32 = whole(-2 ** 31, 2 ** 31 - 1)


def anything(value):
    """Any JSON, as Python has it."""
    if isinstance(value, Members):
        return {name: anything(v) for name, v in value}
    return [anything(v) for v in value] if isinstance(value, list) else value


def array(of):
    def decode_array(value):
        if not isinstance(value, list) or isinstance(value, Members):
            raise Undecodable("no array: %r" % (value,))
        return [of(v) for v in value]
    return decode_array


def nullable(of):
    """Absent and null are the same."""
    def decode_nullable(value):
        return None if value is None else of(value)
    decode_nullable.absent = None
    return decode_nullable


def default(of, value_when_absent):
    """May be absent, but not null."""
    def decode_default(value):
        return of(value)
    decode_default.absent = value_when_absent
    return decode_default


def text(regex, otherwise=string):
    """A string that the regex matches as a whole."""
    def decode_text(value):
        if not re.fullmatch(regex, otherwise(value)):
            raise Undecodable("%r is not /%s/" % (value, regex))
        return value
    return decode_text


TIME = text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def struct(**fields):
    """Known fields stand once; unknown ones are nobody's business."""
    def decode_struct(value):
        if not isinstance(value, Members):
            raise Undecodable("no object: %r" % (value,))
        found = {}
        for name, content in value:
            if name not in fields:
                continue
            if name in found:
                raise Undecodable("%s twice" % name)
            try:
                found[name] = fields[name](content)
            except Undecodable as e:
                raise Undecodable("%s: %s" % (name, e)) from None
        for name, decode_field in fields.items():
            if name not in found:
                if not hasattr(decode_field, "absent"):
                    raise Undecodable("%s is missing" % name)
                found[name] = decode_field.absent
        return found
    decode_struct.fields = list(fields)
    return decode_struct


def one_of(variants):
    """An enum with its tag outside; a variant without content is {name: None}."""
    def decode_one_of(value):
        if isinstance(value, str):
            name, content, alone = value, None, True
        elif isinstance(value, Members) and len(value) == 1:
            (name, content), alone = value[0], False
        else:
            raise Undecodable("neither a name nor an object with one: %r" % (value,))
        if name not in variants:
            raise Undecodable("no such variant: %s" % name)
        of = variants[name]
        if of is None and content is None:
            return name, None
        if of is None or alone:
            raise Undecodable("%s %s content" % (name, "has no" if of is None else "without its"))
        try:
            return name, of(content)
        except Undecodable as e:
            raise Undecodable("%s: %s" % (name, e)) from None
    return decode_one_of


# What mvm has

INTEGRATION_STATUS = one_of({"active": None, "paused": None, "pending": None, "starting": None,
                             "error": string})
HEALTH = struct(healthy=boolean, detail=string, checked_at=TIME)
INTEGRATION = struct(name=string, status=INTEGRATION_STATUS, last_checkpoint_at=nullable(TIME),
                     state_size_bytes=default(u64, 0), health=nullable(HEALTH))
PROBE = struct(name=string, healthy=boolean, detail=string, output=nullable(anything),
               checked_at=TIME)

ANSWERS = {
    "Pong": None,
    "WorkerStatus": struct(status=text("idle|busy|unknown"), last_busy_at=nullable(TIME)),
    "IntegrationStatusReport": struct(integrations=array(INTEGRATION)),
    "ProbeStatusReport": struct(probes=array(PROBE)),
    "SleepPrepAck": struct(success=boolean, detail=nullable(string)),
    "WakeAck": struct(success=boolean),
    "CheckpointResult": struct(success=boolean, failed=array(string), detail=nullable(string)),
    "ExecResult": struct(exit_code=i32, stdout=string, stderr=string),
    "PostRestoreAck": struct(success=boolean, detail=nullable(string)),
    "Error": struct(message=text(r"(?s).+")),
}


def decode(body, answers=None):
    """An answer of mvm's, or one of these."""
    return one_of(answers or ANSWERS)(parse(body))
