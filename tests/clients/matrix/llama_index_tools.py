"""LlamaIndex: makes a model of every tool's parameters, calls it through that, and reads the result."""

import asyncio
import json
import typing

import common
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec

TYPES = {"boolean": bool, "integer": int, "number": float, "string": str, "array": list, "object": dict}


def accepts(annotation, kind) -> bool:
    """Whether an annotation is of a kind of JSON value, beside None."""
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return all(isinstance(value, TYPES[kind]) for value in typing.get_args(annotation))
    if annotation is TYPES[kind] or origin is TYPES[kind]:
        return True
    parts = [part for part in typing.get_args(annotation) if part is not type(None)]
    return origin is not TYPES[kind] and len(parts) == 1 and accepts(parts[0], kind)


async def main():
    client = BasicMCPClient(common.URL, headers=common.HEADERS)
    tools = {tool.metadata.name: tool for tool in await McpToolSpec(client=client).to_tool_list_async()}
    for case in common.CASES["tools"]:
        name = case["name"]
        with common.Row(name, "listed"):
            shown = tools[name].metadata.fn_schema.model_fields["the_value"]
            assert accepts(shown.annotation, case["kind"]), shown.annotation
            assert shown.is_required() != case["optional"], shown
        for one in case["calls"]:
            with common.Row(name, f"called with {one['value']!r}"):
                # As it does with what a model writes.
                given = tools[name].metadata.fn_schema(the_value=one["value"]).model_dump(exclude_unset=True)
                output = await tools[name].acall(**given)
                assert not output.is_error, output
                common.same(json.loads(text(output)), one["result"])


def text(output) -> str:
    raw = output.raw_output
    return raw.content[0].text if hasattr(raw, "content") else str(output)


asyncio.run(main())
common.end()
