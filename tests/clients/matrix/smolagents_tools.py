"""smolagents through mcpadapt: shows every parameter by one type, checks arguments by it, and calls the tool."""

import json

import common
from mcpadapt.core import MCPAdapt
from mcpadapt.smolagents_adapter import SmolAgentsAdapter
from smolagents.tools import validate_tool_arguments

server = {"url": common.URL, "transport": "streamable-http", "headers": common.HEADERS}
for structured in (False, True):
    with MCPAdapt(server, SmolAgentsAdapter(structured_output=structured)) as tools:
        tools = {tool.name: tool for tool in tools}
        for case in common.CASES["tools"]:
            name = case["name"].replace("-", "_")
            with common.Row(name, "listed"):
                shown = tools[name].inputs["the_value"]
                assert shown["type"] == case["kind"], shown
                assert shown.get("nullable", False) == case["optional"], shown
            for one in case["calls"]:
                with common.Row(name, f"called with {one['value']!r}"):
                    given = {"the_value": one["value"]}
                    validate_tool_arguments(tools[name], given)
                    value = tools[name](**given)
                    value = common.plain(value) if structured else json.loads(value)
                    common.same(value, one["result"])
                    if case["optional"]:
                        validate_tool_arguments(tools[name], {})
common.end()
