"""LangChain's MCP adapter: lists every tool, calls it as an agent does, and takes its structured result."""

import asyncio

import common
from langchain_mcp_adapters.client import MultiServerMCPClient


async def main():
    server = {"transport": "streamable_http", "url": common.URL, "headers": common.HEADERS}
    client = MultiServerMCPClient({"ringfence": server}, handle_tool_errors=False)
    tools = {tool.name: tool for tool in await client.get_tools()}
    for case in common.CASES["tools"]:
        tool = tools[case["name"]]
        with common.Row(case["name"], "listed"):
            assert tool.args_schema["properties"]["the_value"]["type"] == case["kind"], tool.args_schema
        for one in case["calls"] + [raw for raw in common.CASES["raw"] if raw["name"] == case["name"]]:
            with common.Row(case["name"], f"called with {one['value']!r}"):
                call = {"type": "tool_call", "id": "1", "name": tool.name, "args": {"the_value": one["value"]}}
                message = await tool.ainvoke(call)
                common.same(common.plain(message.artifact["structured_content"]), one["result"])


asyncio.run(main())
common.end()
