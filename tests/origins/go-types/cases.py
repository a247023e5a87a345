#!/usr/bin/env python3
"""cases.py > cases.jsonl: calls with values of every kind of type, and the same values as what must come back."""
import base64
import json
import random

random = random.Random(7)
ROUNDS = 4


# Makers of values: each is a function without parameters.
def number(low, high):
    def make():
        near = random.randint(max(low, -100), min(high, 100))
        value = random.choice([low, high, 0, 1, random.randint(low, high), near])
        return str(value) if abs(value) >= 1 << 53 else value
    return make


def text():
    length = random.choice([0, 0, 1, 2, 5, 20, 120])
    return "".join(random.choice(["a", "ß", "€", "😀", '"', "\\", "\n", "z", "\0", "日"]) for _ in range(length))


def binary():
    return base64.b64encode(bytes(random.randrange(256) for _ in range(random.choice([0, 1, 7, 100])))).decode()


def one_of(*values):
    return lambda: random.choice(values)


def list_of(make, most=4):
    return lambda: [make() for _ in range(random.choice([0, 0, 1, 2, most]))]


def flags(names):
    return lambda: [name for name in names if random.random() < 0.5]


def option(make, nested=False):
    def some():
        if random.random() < 0.4:
            return None
        return {"some": make()} if nested else make()
    return some


def record(**fields):
    return lambda: {name: make() for name, make in fields.items()}


def tuple_of(*parts):
    return lambda: [make() for make in parts]


def variant(**cases):
    def make():
        name = random.choice(list(cases))
        payload = cases[name]
        name = name.replace("_", "-")
        return {name: payload()} if payload else name
    return make


def result(ok, err):
    def make():
        name, payload = random.choice([("ok", ok), ("error", err)])
        return {name: payload() if payload else None}
    return make


boolean = one_of(True, False)
u8, u16, u32, u64 = (number(0, 2**bits - 1) for bits in (8, 16, 32, 64))
s8, s16, s32, s64 = (number(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64))
f32 = one_of(0.0, 1.5, "NaN", "Infinity", "-Infinity", -2.5e10, 0.25)
f64 = one_of(0.0, 1.5, -1e300, 1e-300, "NaN", "Infinity", "-Infinity", 5e-324, 0.1)
char = one_of("a", "ß", "€", "😀", "\U0010ffff", "\0", "\ud7ff", "\ue000")
many = one_of(*(f"c{i}" for i in range(10)))
small = flags(["read", "write", "exec"])
middle = flags([f"f{i}" for i in range(9)])
big = flags([f"f{i}" for i in range(32)])
colour = one_of("red", "green", "blue")
numbers = record(a=boolean, b=u8, c=u16, d=u32, e=u64, f=s8, g=s16, h=s32, i=s64, j=f32, k=f64, l=char, m=text)
point = record(x=s32, y=s32)
shared = record(c=colour, at=point)
shape = variant(none=None, circle=f64, named=text, box=point, bytes=binary, deep=option(list_of(shared)),
                tup=tuple_of(u8, u64), half=f32, mark=small, letter=char)
node = record(name=text, shapes=list_of(option(shape)), flags=big, res=result(shape, text), mid=middle, type=many)
failure = variant(empty=None, too_long=u32, bad=text, coloured=colour)
trouble = record(code=u32, message=text)

ALONE = {
    "all-numbers": ("v", numbers), "shapes": ("v", list_of(shape, 12)), "shape-flat": ("v", shape),
    "nodes": ("v", list_of(node, 5)), "node-flat": ("v", node), "one-enum": ("a", many), "one-char": ("a", char),
    "one-f32": ("a", f32), "one-f64": ("a", f64), "one-s64": ("a", s64), "one-u64": ("a", u64), "one-s8": ("a", s8),
    "one-point": ("a", point), "alias": ("a", list_of(tuple_of(text, option(u64)))),
}
TOGETHER = {
    "bools": {"v": boolean, "l": list_of(boolean)},
    "results": {"v": result(u32, text), "w": result(None, None), "x": result(None, colour), "y": result(f32, None)},
    "lists": {"a": binary, "b": list_of(u16, 9), "c": list_of(s32, 9), "d": list_of(f64, 9), "e": list_of(char),
              "f": list_of(text, 12), "g": list_of(list_of(list_of(u32))), "h": list_of(small)},
    "enums": {"a": many, "b": colour, "c": list_of(many)},
    "one-flags": {"a": big, "b": middle, "c": small},
    "opts": {"v": option(option(text), True), "w": option(u8)},
}
FAILING = {
    "fail-variant": (failure, [{"x": 1, "y": 2}]), "fail-record": (trouble, 7), "fail-enum": (colour, None),
    "fail-number": (u64, 0.5),
}


def case(name, tool, given, outcome, **expected):
    print(json.dumps({"name": name, "tool": tool, "input": given, "outcome": outcome, **expected}, ensure_ascii=False))


def given(arguments):
    """Options that are none are left out."""
    return {name: value for name, value in arguments.items() if value is not None}


for turn in range(ROUNDS):
    for tool, (parameter, make) in ALONE.items():
        value = make()
        case(f"{tool} {turn}", tool, {parameter: value}, "completed", value=value)
    value = numbers()
    case(f"flat-numbers {turn}", "flat-numbers", value, "completed", value=value)
    for tool, parameters in TOGETHER.items():
        values = {name: make() for name, make in parameters.items()}
        case(f"{tool} {turn}", tool, given(values), "completed", value=list(values.values()))
    for tool, (make, otherwise) in FAILING.items():
        how = option(make)()
        if how is None:
            case(f"{tool} {turn}", tool, {}, "completed", value=otherwise)
        else:
            case(f"{tool} {turn}", tool, {"how": how}, "failed", failure=how)
    texts = {name: text() for name in "abcdefgh"}
    shorts = list_of(u16)()
    shown = "[" + " ".join(map(str, shorts)) + "]"
    case(f"many-params {turn}", "many-params", {**texts, "i": shorts}, "completed", value=[*texts.values(), shown])
    nodes = list_of(node, 6)()
    case(f"churn {turn}", "churn", {"v": nodes, "times": 5}, "completed", value=nodes)

for fail in (False, True):
    said = text() or "x"
    if fail:
        case("a failure is a text", "fail-text", {"fail": True, "text": said}, "failed", failure=said)
        case("a failure without a value", "fail-none", {"fail": True}, "failed", failure=None)
        case("a failure and nothing else", "fail-bare", {"fail": True}, "failed", failure=None)
    else:
        case("a text and no failure", "fail-text", {"fail": False, "text": said}, "completed", value=said)
        case("a number and no failure", "fail-none", {"fail": False}, "completed", value=9)
        case("no failure", "fail-bare", {"fail": False}, "completed", value=None)
for count in (0, 1, 400):
    rows = [dict(a=False, b=0, c=0, d=i, e=0, f=0, g=0, h=0, i=0, j=0.0, k=0.0, l="x", m=f"n{i}") for i in range(count)]
    case(f"{count} rows", "big-result", {"count": count}, "completed", value=rows)
words = [f"w{i}" for i in range(4000)]
case("collections while the host allocates parameters", "alias", {"a": [[word, None] for word in words]},
     "completed", value=[[word, None] for word in words])
case("nothing", "echo_nothing", {}, "completed", value=None)
case("a name that two interfaces have", "second_nothing", {}, "completed", value=2)
case("what is no UTF-8", "bad-text", {}, "completed", value="a\ufffdb\ufffd")
case("what is no character", "bad-char", {}, "completed", value=["\ufffd", ["\ufffd", "x", "\ufffd"]])
case("a case that there is not", "bad-enum", {}, "trapped", trap="unreachable", log=["no such case of Many"])
case("words of Go as parameters", "type", {"func": "a", "len": 1, "p0": 2, "error": "e"}, "completed", value="a1 2e")
case("a panic", "dies", {"why": "because"}, "trapped", trap="unreachable", log=["panic: because"])
case("sleep", "sleepy", {"milliseconds": 30}, "completed", value=True)
case("memory", "hog", {"mebibytes": 40}, "completed", value=True)
case("imports and the standard library", "noisy", {"line": "hi"}, "completed",
     value="true true true denied denied [] denied denied true true 0 0\n",
     log=["out: hi", "err: hi", "warned: hi"])
