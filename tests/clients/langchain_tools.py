"""Promises that LangChain takes Ringfence's tools through its MCP adapter, and that an agent could call them.

No model is needed. Needs $RINGFENCE_URL and $RINGFENCE_TOKEN. The adapter speaks a revision of MCP from before
2026-07-28, so this also holds that the server goes on speaking it.
"""

import asyncio
import os

from langchain_core.tools import ToolException
from langchain_mcp_adapters.client import MultiServerMCPClient


async def main() -> None:
    server = {
        "transport": "streamable_http",
        "url": f"{os.environ['RINGFENCE_URL']}/mcp",
        "headers": {"Authorization": f"Bearer {os.environ['RINGFENCE_TOKEN']}"},
    }
    client = MultiServerMCPClient({"ringfence": server}, handle_tool_errors=False)
    tools = {tool.name: tool for tool in await client.get_tools()}
    analyze = tools["text-stats_analyze"]
    assert analyze.args_schema["required"] == ["text"], analyze.args_schema

    # As an agent does it: a tool call of a model in, a message for the model out.
    call = {"type": "tool_call", "id": "1", "name": analyze.name, "args": {"text": "Good fences make good neighbours."}}
    message = await analyze.ainvoke(call)
    assert message.artifact["structured_content"]["words"] == 5, message

    # This revision wants an object, so a list stands in one.
    call = {"type": "tool_call", "id": "2", "name": "json-query_run", "args": {"filter": ".[]", "document": "[1, 2]"}}
    message = await tools["json-query_run"].ainvoke(call)
    assert message.artifact["structured_content"] == {"result": ["1", "2"]}, message

    try:
        await analyze.ainvoke({"text": 7})
    except ToolException as error:
        assert "`/text`" in str(error), error
    else:
        raise AssertionError("input that does not fit was taken")


asyncio.run(main())
