#!/usr/bin/env python3
"""promises.py RINGFENCE LANGUAGE=COMPONENT...: promises that skills of all languages keep the same promises: what they
print reaches the log of the run, so does an error that they do not catch, with its message and place, and clock and
random numbers are those of the run. The components are the probes in `probe/`."""

import json
import subprocess
import sys
import time

ALL = {"rust", "go", "c", "javascript", "python"}
# Where a probe fails on purpose.
PLACE = {
    "rust": "src/lib.rs:7:",
    "go": "main.go:",
    "c": "skill.c: exports_local_probe_tools_probe:",
    "javascript": "at crash (skill.js:4:",
    "python": 'File "app.py", line 15, in crash',
}
# Languages, what is asked for, outcome, value or failure (None: not compared), and what the log holds.
TABLE = [
    (ALL, "out", "completed", "done", ["to out"]),
    (ALL, "err", "completed", "done", ["to err"]),
    (ALL - {"javascript"}, "unfinished", "completed", "done", ["no line break"]),
    (ALL, "tab", "completed", "done", ["a\tb"]),
    (ALL, "fail", "failed", "mine", []),
    (ALL, "crash", "trapped", None, ["it broke", PLACE]),
    (ALL, "print and crash", "trapped", None, ["before", "it broke", PLACE]),
    ({"javascript"}, "crash later", "trapped", None, ["RangeError: it broke", "skill.js:15:"]),
    ({"python"}, "crash", "trapped", None, ["Traceback", 'raise ValueError("it broke")', "ValueError: it broke"]),
    ({"javascript"}, "crash", "trapped", None, ["RangeError: it broke"]),
    ({"python"}, "wrong value", "trapped", None, ["app.py:19: `probe` returned a wrong value: expected string (str), got int (5)"]),
    ({"python"}, "wrong failure", "trapped", None, ["`probe` raised Err with a wrong value: expected string (str), got int (5)"]),
    ({"python"}, "nothing", "trapped", None, ["expected string (str), got NoneType (None)"]),
    ({"python"}, "exit", "trapped", None, ["SystemExit: 3", "cannot end the program"]),
    ({"python"}, "half a character", "trapped", None, ["without half a surrogate pair"]),
    ({"python"}, "file", "trapped", None, ["FileNotFoundError"]),
    ({"javascript"}, "wrong value", "trapped", None, ["`probe` returned a wrong value: expected string, got number 5"]),
    ({"javascript"}, "wrong failure", "trapped", None, ["`probe` threw a wrong value: expected string, got number 5"]),
    ({"javascript"}, "nothing", "trapped", None, ["expected string, got undefined"]),
    ({"javascript"}, "network", "trapped", None, ["TypeError: fetch: the skill does not request `http`"]),
]

# Other functions of a language that return random numbers.
RANDOM = {"c": ["rand", "random()", "drand48"]}

faults = 0


def run(ringfence, component, what, *options):
    command = [ringfence, "run", component, "--json", "--fuel", "20000000000", "--deadline", "60s"]
    command += ["--input", json.dumps({"what": what}), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def expect(fits, language, what, why):
    global faults
    if not fits:
        faults += 1
        print(f"{language}: {what}: {why}", file=sys.stderr)


def logged(report):
    return "\n".join(line["message"] for line in report["log"])


def main():
    ringfence, *components = sys.argv[1:]
    for language, component in (argument.split("=", 1) for argument in components):
        for languages, what, outcome, value, log in TABLE:
            if language not in languages:
                continue
            report = run(ringfence, component, what)
            expect(report["outcome"] == outcome, language, what, f"expected {outcome}: {report}")
            given = report.get("value", report.get("failure"))
            expect(value is None or given == value, language, what, f"expected {value!r}: {given!r}")
            parts = [part[language] if isinstance(part, dict) else part for part in log]
            text = logged(report)
            expect(all(part in text for part in parts), language, what, f"expected {parts}: {text!r}")
        for seconds in (0, 1_000_000_000, 4_102_444_800):
            value = run(ringfence, component, "time", "--clock", str(seconds)).get("value")
            expect(value is not None and 0 <= int(value) - seconds <= 2, language, f"--clock {seconds}", value)
        before, value = int(time.time()), run(ringfence, component, "time").get("value")
        expect(value is not None and before - 1 <= int(value) <= time.time() + 1, language, "the time of day", value)
        for what in ["random", *RANDOM.get(language, [])]:
            random = [run(ringfence, component, what, *options).get("value")
                      for options in ((), (), ("--seed", "7"), ("--seed", "7"), ("--seed", "8"))]
            expect(None not in random and random[2] == random[3] and len(set(random)) == 4, language, what, random)
        print(f"{language}: done")
    return 1 if faults else 0


sys.exit(main())
