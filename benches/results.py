"""What the scripts of this folder share: the catalog of figures, and `results.json`, as `ringfence-benches` writes it."""
import datetime, json, os, pathlib, platform, re, subprocess

BENCHES = pathlib.Path(__file__).resolve().parent
ROOT = BENCHES.parent
FILE = BENCHES / "results.json"
GROUPS = json.loads((BENCHES / "figures.json").read_text())["groups"]
FIGURES = {figure["id"]: figure for group in GROUPS for figure in group["figures"]}


def show(figure, value, form=None):
    """The value with its unit, as documents show it."""
    number, unit = format(value, form or f",.{figure['decimals']}f"), figure["unit"]
    return number + unit if not unit or unit.startswith("/") else f"{number} {unit}"


def reached(figure, value):
    """Whether the value reaches the target; true where there is none."""
    return value <= figure.get("at-most", value) and value >= figure.get("at-least", value)


def report(id, value):
    """Prints a figure, and returns whether it reaches its target."""
    figure = FIGURES[id]
    target = [f"{sign} {show(figure, figure[key], ',g')}" for sign, key in (("≤", "at-most"), ("≥", "at-least")) if key in figure]
    missed = "" if reached(figure, value) else ", MISSED"
    print(f"{figure['what']:56} {show(figure, value):>12}" + (f"   (target: {target[0]}{missed})" if target else ""))
    return not missed


def said(*command):
    """What a command prints."""
    try:
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def run():
    """When, where and of what a measurement is made."""
    results = [":!benches/results.json", ":!benches/RESULTS.md", ":!benches/plots", ":!README.md", ":!docs"]
    changed = said("git", "status", "--porcelain", "--untracked-files=no", "--", ".", *results)
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    kib = int(re.search(r"^MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)[1])
    wasmtime = re.search(r'^name = "wasmtime"\nversion = "(.*)"$', (ROOT / "Cargo.lock").read_text(), re.M)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "commit": said("git", "rev-parse", "--short=7", "HEAD") + ("" if changed in ("", "unknown") else "+"),
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{kib / 2**20:.0f} GiB",
        "kernel": platform.release(),
        "rustc": (said("rustc", "--version").split() + ["", "unknown"])[1] or "unknown",
        "wasmtime": wasmtime[1] if wasmtime else "unknown",
    }


def load():
    """All groups' last measurements."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def record(group, figures):
    """Replaces the rows of one group and leaves the others as they are."""
    own = {figure["id"] for name in GROUPS if name["name"] == group for figure in name["figures"]}
    assert figures.keys() == own, f"figures.json lists other figures for {group}: {figures.keys() ^ own}"
    all = load()
    all[group] = run() | {"figures": {id: round(float(value), 6) for id, value in figures.items()}}
    new = FILE.with_suffix(".new")
    new.write_text(json.dumps(dict(sorted(all.items())), indent=2, ensure_ascii=False) + "\n")
    new.replace(FILE)
    print("recorded in benches/results.json; write RESULTS.md anew: cargo run -p ringfence-benches -- render")
