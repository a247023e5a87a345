#!/usr/bin/env python3
"""cases.py LANGUAGE: prints the cases of `types/` as `cases.jsonl` has them: every value comes back as it was, and a wrong one ends
the run with the type that was expected and the place in the log."""

import json
import sys

INNER = {"from": "a", "is-XML": True, "ship-to": "b"}
BARE = {"from": "", "is-XML": False}
HIGH = {
    "a": 255, "b": 127, "c": 65535, "d": 32767, "e": 4294967295, "f": 2147483647, "g": "18446744073709551615",
    "h": "9223372036854775807", "i": 1.5, "j": 0.1, "k": True, "l": "é", "m": "🚀", "n": {"some": 5}, "o": [INNER, BARE],
    "p": "AQL/", "q": [1, "x"], "r": INNER, "s": "in-store", "t": ["gift-wrap", "express"], "u": {"card": INNER},
    "v": {"ok": 5}, "w": {"ok": None}, "x": [1, 2], "y": [1, 2], "z": [0.5, -1.5],
}
LOW = HIGH | {
    "a": 0, "b": -128, "c": 0, "d": -32768, "e": 0, "f": -2147483648, "g": 0, "h": "-9223372036854775808", "k": False, "l": "🚀",
    "m": "", "n": {"some": None}, "o": [], "p": "", "r": BARE, "s": "web", "t": [], "u": "cash", "v": {"error": "no"}, "w": {"error": None}, "x": [],
    "y": [], "z": [],
}
# The member, the types that the log names, and the place.
WRONG = {
    "python": {
        "a": "at .a: expected u8 (int from 0 to 255), got int (256)",
        "b": "at .b: expected s8 (int from -128 to 127), got int (-129)",
        "c": "at .c: expected u16 (int from 0 to 65535), got float (1.5)",
        "d": "at .d: expected s16 (int from -32768 to 32767), got str ('1')",
        "e": "at .e: expected u32", "f": "at .f: expected s32", "g": "at .g: expected u64", "h": "at .h: expected s64",
        "i": "at .i: expected f32 (float), got str ('1')", "j": "at .j: expected f64", "k": "at .k: expected bool, got int (1)",
        "l": "at .l: expected char", "m": "at .m: expected string (str), got int (5)", "n": "at .n: expected option<option<u8>> (Some(…) or None)",
        "o": "at .o: expected list<inner> (list), got dict ({})", "p": "at .p: expected list<u8> (bytes), got list ([1])",
        "q": "at .q: expected tuple<u8, string> (tuple of 2), got tuple ((1,))",
        "r": "at .r: expected inner (Inner with from_, is_xml, ship_to), got NoneType (None)",
        "s": "at .s: expected channel (a member of Channel), got str ('web')", "t": "at .t: expected perks (flags of Perks), got int (1)",
        "u": "at .u: expected pay (Pay_Cash or Pay_Card or Pay_Ok or Pay_Bits), got str ('cash')",
        "v": "at .v: expected result<u8, string>", "w": "at .w: expected result (Ok(…) or Err(…)), got NoneType (None)",
        "x": "at .x[1]: expected u64", "y": "at .y: expected list<u32> (list), got tuple ((1,))", "z": "at .z[1]: expected f64",
    },
    "javascript": {
        "a": "at .a: expected u8 (a whole number from 0 to 255), got number 256", "b": "at .b: expected s8", "c": "at .c: expected u16",
        "d": 'at .d: expected s16 (a whole number from -32768 to 32767), got string "1"', "e": "at .e: expected u32", "f": "at .f: expected s32",
        "g": "at .g: expected u64 (a BigInt from 0n to 18446744073709551615n, written like 5n), got number 5", "h": "at .h: expected s64",
        "i": "at .i: expected f32", "j": "at .j: expected f64 (a number), got bigint 1n", "k": "at .k: expected bool", "l": "at .l: expected char",
        "m": "at .m: expected string, got number 5", "n": "at .n: expected option<option<u8>>", "o": "at .o: expected list<inner> (an array), got Object {}",
        "p": "at .p[0]: expected u8", "q": "at .q: expected tuple<u8, string> (an array of 2), got array [1]",
        "r": "at .r: expected inner (an object with from, isXml, shipTo), got null", "s": 'at .s: expected channel ("web" or "in-store"), got string "phone"',
        "t": "at .t: expected perks (an object of booleans: giftWrap, express)",
        "u": 'at .u: expected pay (an object { tag, val } with the tag "cash" or "card" or "ok" or "bits")', "v": "at .v: expected result<u8, string>",
        "w": "at .w: expected result", "x": "at .x[1]: expected u64", "y": "at .y[1]: expected u32", "z": "at .z[1]: expected f64",
    },
}


def case(name, tool, input, outcome, **more):
    print(json.dumps({"name": name, "tool": f"tools_{tool}", "input": input, "outcome": outcome, **more}, ensure_ascii=False))


def main():
    for name, value in (("the highest of all", HIGH), ("the lowest of all", LOW)):
        case(name, "echo", {"all": value}, "completed", value=value)
    for member, said in WRONG[sys.argv[1]].items():
        case(f"a wrong {member}", "wrong", {"all": HIGH, "member": member}, "trapped", log=["returned a wrong value", said])
    # A case that is called as a result is a value all the same.
    for pay in ("cash", {"card": INNER}, {"ok": 5}, {"bits": "AQL/"}):
        name = json.dumps(pay)
        case(f"{name} as a success", "succeed", {"pay": pay}, "completed", value=pay)
        case(f"{name} as an error", "fail", {"pay": pay}, "failed", failure=pay)
    case("success with nothing", "nothing", {}, "completed", value=None)
    case("an error with nothing", "none", {}, "failed", failure=None)


main()
