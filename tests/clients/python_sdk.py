"""Promises that the official Python SDK can use Ringfence, over HTTP with a token and over stdio.

Needs $RINGFENCE_URL and $RINGFENCE_TOKEN, for stdio the program in $RINGFENCE and its store in $RINGFENCE_HOME, and as
its argument a component to submit.
"""

import asyncio
import os
import pathlib
import sys

from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

TEXT = "Good fences make good neighbours. Mend them."


async def use(client: Client) -> None:
    assert client.server_info.name == "ringfence", client.server_info
    assert client.protocol_version == "2026-07-28", client.protocol_version

    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert {"text-stats_analyze", "json-query_run"} <= tools.keys(), tools.keys()
    assert tools["text-stats_analyze"].input_schema["required"] == ["text"]

    result = await client.call_tool("text-stats_analyze", {"text": TEXT})
    assert not result.is_error, result
    assert result.structured_content["words"] == 7, result
    assert result.structured_content["top-terms"][0] == {"term": "good", "count": 2}, result
    assert result.meta["io.ringfence/report"]["outcome"] == "completed", result.meta

    # From 2026-07-28 on, a result may be any JSON; before, it stands in an object.
    result = await client.call_tool("json-query_run", {"filter": ".[] | .n", "document": '[{"n":1},{"n":2}]'})
    assert result.structured_content == ["1", "2"], result

    # A tool's own error, and input that does not fit, are for the model to read.
    result = await client.call_tool("json-query_run", {"filter": "nonsense(", "document": "1"})
    assert result.is_error and "bad-filter" in result.content[0].text, result
    result = await client.call_tool("text-stats_analyze", {"text": 7})
    assert result.is_error and "`/text`" in result.content[0].text, result
    assert result.meta["io.ringfence/error"]["code"] == "input-mismatch", result.meta

    # A tool that is not there is an error of the protocol.
    try:
        await client.call_tool("text-stats_guess", {})
    except MCPError as error:
        assert error.code == -32602, error
    else:
        raise AssertionError("a tool that is not there was called")

    # What the skill says of its progress comes before the result.
    told = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total))

    result = await client.call_tool("test_count", {}, progress_callback=progress)
    assert result.structured_content == 3, result
    assert told == [(0, 100), (50, 100), (100, 100)], told


async def hears_of_changes(client: Client, http) -> None:
    async with client.listen(tools_list_changed=True) as changes:
        component = pathlib.Path(sys.argv[1]).read_bytes()
        path = f"{os.environ['RINGFENCE_URL']}/v1/skills/heard-of"
        response = await http.put(path, content=component, headers={"Content-Type": "application/wasm"})
        assert response.status_code == 202, response.text
        async with asyncio.timeout(30):
            async for _ in changes:
                # A change may be told before the one that is waited for.
                if "heard-of_analyze" in {tool.name for tool in (await client.list_tools()).tools}:
                    return
        raise AssertionError("the server ended the stream of changes")


async def main() -> None:
    headers = {"Authorization": f"Bearer {os.environ['RINGFENCE_TOKEN']}"}
    async with create_mcp_http_client(headers=headers) as http:
        async with Client(streamable_http_client(f"{os.environ['RINGFENCE_URL']}/mcp", http_client=http)) as client:
            await use(client)
            await hears_of_changes(client, http)

    program = StdioServerParameters(
        command=os.environ["RINGFENCE"], args=["mcp", "--log-level", "error", "--store", os.environ["RINGFENCE_HOME"]]
    )
    async with Client(program) as client:
        await use(client)


asyncio.run(main())
