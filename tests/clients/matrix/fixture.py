"""Writes the skill and the cases of the matrix: a tool for each WIT type, which gives back the value that it gets.

Usage: fixture.py COMPONENT CASES. Needs the package wasmtime, which assembles the component.

A tool takes `the-value` and, so that its arguments go through memory whatever their type, 16 more that are optional. What
comes back is what lies there first, so no code knows any type.
"""

import json
import sys

import wasmtime

# The type in the component model's text, its parts as named types before.
NAMED = {
    "address": '(record (field "street" string) (field "zip-code" string) (field "country" (option string)))',
    "line": '(record (field "sku" string) (field "unit-price" f64) (field "qty" u32) (field "tags" (list string)))',
    "channel": '(enum "web" "in-store")',
    "perks": '(flags "gift-wrap" "express")',
    "card": '(record (field "last-four" string) (field "exp" (tuple u8 u16)))',
    "payment": '(variant (case "in-cash") (case "gift-card" $card) (case "transfer" string) (case "coins" (tuple string f64)))',
    "order": '(record (field "id" u64) (field "ship-to" $address) (field "bill-to" (option $address)) (field "lines" (list $line)) '
    '(field "via" $channel) (field "perks" $perks) (field "paid-by" $payment) (field "initial" char) (field "file" (option (list u8))))',
}

CARD = {"gift-card": {"last-four": "1234", "exp": [12, 2030]}}
CARD_PORTABLY = {"gift_card": {"last_four": "1234", "exp": [12, 2030]}}
ORDER = {
    "id": 7,
    "ship-to": {"street": "1 Main", "zip-code": "0000"},
    "lines": [{"sku": "a", "unit-price": 2.5, "qty": 2, "tags": ["x"]}],
    "via": "in-store",
    "perks": ["express"],
    "paid-by": CARD,
    "initial": "🚀",
    "file": "aGk=",
}
ORDER_PORTABLY = {
    "id": 7,
    "ship_to": {"street": "1 Main", "zip_code": "0000"},
    "bill_to": None,
    "lines": [{"sku": "a", "unit_price": 2.5, "qty": 2, "tags": ["x"]}],
    "via": "in-store",
    "perks": ["express"],
    "paid_by": CARD_PORTABLY,
    "initial": "🚀",
    "file": "aGk=",
}

# name, type, how a result of one flat value is read (none: by its address), the type that a client is to show, and
# values: each what is given back, and what is given if that is something else.
TYPES = [
    ("bool", "bool", "i32.load8_u", "boolean", [True, False]),
    ("s8", "s8", "i32.load8_s", "integer", [-128, 127]),
    ("u8", "u8", "i32.load8_u", "integer", [255]),
    ("s16", "s16", "i32.load16_s", "integer", [-32768]),
    ("u16", "u16", "i32.load16_u", "integer", [65535]),
    ("s32", "s32", "i32.load", "integer", [-2147483648]),
    ("u32", "u32", "i32.load", "integer", [4294967295]),
    ("s64", "s64", "i64.load", "integer", [-9007199254740991]),
    ("u64", "u64", "i64.load", "integer", [0, 9007199254740991]),
    ("f32", "f32", "f32.load", "number", [1.5, (1.0, 1)]),
    ("f64", "f64", "f64.load", "number", [0.1, (3.0, 3)]),
    ("char", "char", "i32.load", "string", ["x", "🚀"]),
    ("string", "string", None, "string", ["", "a \"b\"\n🚀"]),
    ("bytes", "(list u8)", None, "string", ["", "aGk="]),
    ("list", "(list u16)", None, "array", [[], [1, 2, 3]]),
    ("records", "(list $line)", None, "array", [([{"sku": "a", "unit-price": 2.5, "qty": 1, "tags": []}], [{"sku": "a", "unit_price": 2.5, "qty": 1, "tags": []}])]),
    ("point", "(tuple f64 f64)", None, "array", [[1.0, 2.5]]),
    ("pair", "(tuple string u8)", None, "array", [["a", 1]]),
    ("record", "$address", None, "object", [({"street": "s", "zip-code": "z", "country": "c"}, {"street": "s", "zip_code": "z", "country": "c"}), ({"street": "s", "zip-code": "z"}, {"street": "s", "zip_code": "z", "country": None})]),
    ("variant", "$payment", None, "object", [("in-cash", {"in_cash": True}), (CARD, CARD_PORTABLY), ({"coins": ["x", 1.5]}, {"in_cash": None, "gift_card": None, "transfer": None, "coins": ["x", 1.5]})]),
    ("variants", "(list $payment)", None, "array", [(["in-cash", CARD], [{"in_cash": True}, CARD_PORTABLY])]),
    ("enum", "$channel", "i32.load8_u", "string", ["web", "in-store"]),
    ("flags", "$perks", "i32.load8_u", "array", [[], ["gift-wrap", "express"]]),
    ("option-f32", "(option f32)", None, "number", [0.5, None]),
    ("option-u64", "(option u64)", None, "integer", [7, None]),
    ("option-string", "(option string)", None, "string", ["a", None]),
    ("option-enum", "(option $channel)", None, "string", ["web", None]),
    ("option-record", "(option $address)", None, "object", [({"street": "s", "zip-code": "z"}, {"street": "s", "zip_code": "z"}), None]),
    ("option-variant", "(option $payment)", None, "object", [(CARD, CARD_PORTABLY), None]),
    ("option-list", "(option (list u16))", None, "array", [[1], None]),
    ("option-option", "(option (option u8))", None, "object", [{"some": 1}, {"some": None}, None]),
    ("option-result", "(option (result string (error u32)))", None, "object", [{"ok": "a"}, {"error": 1}]),
    ("purchase", "$order", None, "object", [(ORDER, ORDER_PORTABLY)]),
]

# What clients that check arguments by the schema do not let pass, and the host takes.
RAW = [
    ("u64", "18446744073709551615", "18446744073709551615"),
    ("s64", "-9223372036854775808", "-9223372036854775808"),
    ("f32", "NaN", "NaN"),
    ("f64", "-Infinity", "-Infinity"),
    ("variant", "in-cash", "in-cash"),
    ("variant", CARD, CARD),
    ("purchase", ORDER, ORDER),
]


def component() -> str:
    named = "".join(f'(type ${n}\' {t}) (export ${n} "{n}" (type ${n}\'))\n' for n, t in NAMED.items())
    rest = " ".join(["u8"] * 16)
    core, funcs = [], []
    for name, ty, load, _, _ in TYPES:
        code = f"({load} (local.get 0))" if load else "(local.get 0)"
        result = load.split(".")[0] if load else "i32"
        core.append(f'(func (export "{name}") (param i32) (result {result}) {code})')
        funcs.append(
            f'(func ${name} (param "the-value" {ty}) (param "unused" (option (tuple {rest}))) (result {ty})'
            f' (canon lift (core func $i "{name}") (memory $memory) (realloc (core func $i "realloc"))))'
            f' (export "{name}" (func ${name}))'
        )
    core.append('(func (export "nothing"))')
    funcs.append('(func $nothing (canon lift (core func $i "nothing"))) (export "nothing" (func $nothing))')
    return f"""(component
      (core module $m
        (memory (export "memory") 4)
        (global $next (mut i32) (i32.const 1024))
        (func (export "realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
          (local $at i32)
          (local.set $at (i32.and
            (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get $align))))
          (global.set $next (i32.add (local.get $at) (local.get $size)))
          (local.get $at))
        {" ".join(core)})
      (core instance $i (instantiate $m))
      (alias core export $i "memory" (core memory $memory))
      {named}
      {" ".join(funcs)})"""


def cases() -> dict:
    out = {"tools": [], "raw": []}
    for name, ty, _, kind, values in TYPES:
        calls = []
        for value in values:
            result, given = value if isinstance(value, tuple) else (value, value)
            calls.append({"value": given, "result": result})
        out["tools"].append({"name": f"kinds_{name}", "kind": kind, "optional": name.startswith("option"), "calls": calls})
    out["raw"] = [{"name": f"kinds_{name}", "value": value, "result": result} for name, value, result in RAW]
    return out


with open(sys.argv[1], "wb") as file:
    file.write(wasmtime.wat2wasm(component()))
with open(sys.argv[2], "w") as file:
    json.dump(cases(), file)
