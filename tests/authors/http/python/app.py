"""The clients of the standard library, as a program that knows nothing of the host uses them."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from urllib.request import urlopen

from componentize_py_types import Err
from wit_world import exports


class Tools(exports.Tools):
    def probe(self, what: str, site: str) -> str:
        try:
            return probe(what, site)
        except OSError as error:
            raise Err(str(error))


def probe(what, site):
    if what == "get":
        return urlopen(f"{site}/json").read().decode()
    if what == "post":
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(site).netloc)
        connection.request("POST", "/echo?q=a%20b", b"body", {"X-Probe": "p"})
        echo = json.load(connection.getresponse())
        told = {name: echo[name] for name in ("method", "path", "body")} | {"x-probe": echo["headers"]["x-probe"]}
        return json.dumps(told, separators=(",", ":"))
    if what == "redirect":
        with urlopen(f"{site}/redirect") as response:
            return f"{response.status} {urllib.parse.urlsplit(response.url).path}"
    if what == "missing":
        try:
            urlopen(f"{site}/nowhere")
        except urllib.error.HTTPError as error:
            return str(error.code)
    if what == "large":
        return str(len(urlopen(f"{site}/large").read()))
    if what == "timeout":
        try:
            urlopen(f"{site}/slow", timeout=0.3)
        except TimeoutError:
            return "timed out"
    if what == "forbidden":
        try:
            urlopen(f"{site}/forbidden")
        except PermissionError:
            return "denied"
    return "no such probe"
