"""Data that a generator does not come upon: names of skills and tools that are there, arguments that fit, components.

Loaded by schemathesis ($SCHEMATHESIS_HOOKS). $RINGFENCE_COMPONENT is a component.
"""

import json
import os
import pathlib

import schemathesis
from hypothesis import strategies as st

COMPONENT = pathlib.Path(os.environ["RINGFENCE_COMPONENT"]).read_bytes()
# What may be changed is apart from what is called: it is the caller's own.
CALLED = ["text-stats", "json-query", "text-stats@1"]
CHANGED = ["mine", "mine-too"]
TOOLS = ["analyze", "stats_analyze", "run"]

schemathesis.openapi.media_type(
    "application/wasm",
    st.one_of(
        st.just(COMPONENT),
        st.integers(0, len(COMPONENT)).map(lambda end: COMPONENT[:end]),
        st.binary(max_size=100),
    ),
)


@schemathesis.hook
def flatmap_path_parameters(ctx, path_parameters):
    if not path_parameters or "name" not in path_parameters:
        return st.just(path_parameters)
    changes = ctx.operation.method.upper() in ("PUT", "DELETE") or ctx.operation.path.endswith("/rollback")
    known = {"name": st.sampled_from(CHANGED if changes else CALLED)}
    if "tool" in path_parameters:
        known["tool"] = st.sampled_from(TOOLS)
    known = st.fixed_dictionaries(known).map(lambda known: {**path_parameters, **known})
    return st.one_of(known, known, st.just(path_parameters))


@schemathesis.hook
def flatmap_body(ctx, body):
    if not ctx.operation.path.endswith("/tools/{tool}"):
        return st.just(body)
    try:
        text = json.dumps(body)
    except TypeError:
        return st.just(body)
    return st.sampled_from([body, {"text": text}, {"text": text, "top": 3}, {"filter": ".", "document": text}])


@schemathesis.hook
def flatmap_headers(ctx, headers):
    headers = headers or {}
    choices = [headers]
    if ctx.operation.method.upper() == "PUT":
        choices.append({**headers, "Prefer": "wait=10"})
    if ctx.operation.path.endswith("/tools/{tool}"):
        choices += [{}, {**headers, "Accept": "text/event-stream"}, {"Ringfence-Limits": "fuel=1000"}]
    return st.sampled_from(choices)
