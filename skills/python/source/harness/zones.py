"""Time zones without files: the data of the package `tzdata`, read while the component is built."""

import importlib.resources
import io
import zoneinfo
import zoneinfo._common

_zones: dict[str, bytes] = {}


def _read() -> None:
    root = importlib.resources.files("tzdata")
    names = root.joinpath("zones").read_text().split()
    kept: dict[bytes, bytes] = {}
    for name in names:
        data = root.joinpath("zoneinfo", *name.split("/")).read_bytes()
        # Half of the names are other names of the same zone.
        _zones[name] = kept.setdefault(data, data)


def _load(key: str) -> io.BytesIO:
    data = _zones.get(key)
    if data is None:
        raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {key}")
    return io.BytesIO(data)


def _available() -> set[str]:
    return set(_zones)


def install() -> None:
    """Puts the data behind the module `zoneinfo`."""
    _read()
    zoneinfo._common.load_tzdata = _load
    zoneinfo.available_timezones = _available
    zoneinfo.reset_tzpath(to=())
