"""The Python SDK, whichever line is installed: lists every tool, calls it, and takes its result."""

import asyncio

import common
import mcp


async def session_of_the_first_line():
    from mcp.client.streamable_http import streamablehttp_client

    async with streamablehttp_client(common.URL, headers=common.HEADERS) as (read, write, _):
        async with mcp.ClientSession(read, write) as session:
            await session.initialize()
            await use(session)


async def client_of_the_second_line():
    from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

    async with create_mcp_http_client(headers=common.HEADERS) as http:
        async with mcp.Client(streamable_http_client(common.URL, http_client=http)) as client:
            await use(client)


def field(of, snake, camel):
    return getattr(of, snake) if hasattr(of, snake) else getattr(of, camel)


async def use(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}

    async def call(name, given, expected):
        with common.Row(name, f"called with {given!r}"):
            result = await client.call_tool(name, {"the_value": given})
            assert not field(result, "is_error", "isError"), result.content
            common.same(common.plain(field(result, "structured_content", "structuredContent")), expected)

    for case in common.CASES["tools"]:
        name = case["name"]
        with common.Row(name, "listed"):
            schema = field(tools[name], "input_schema", "inputSchema")
            assert schema["properties"]["the_value"]["type"] == case["kind"], schema
            assert ("the_value" in schema["required"]) != case["optional"], schema
        for one in case["calls"]:
            await call(name, one["value"], one["result"])
    for raw in common.CASES["raw"]:
        await call(raw["name"], raw["value"], raw["result"])
    # Integers of any size are exact here.
    await call("kinds_u64", 2**64 - 1, str(2**64 - 1))
    with common.Row("kinds_nothing", "called"):
        result = await client.call_tool("kinds_nothing", {})
        assert result.content[0].text == "null", result


asyncio.run(client_of_the_second_line() if hasattr(mcp, "Client") else session_of_the_first_line())
common.end()
