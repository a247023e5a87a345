"""What models' vendors and frameworks make of the schemas: converts every tool's, and looks at what is sent to a model.

Each converter that is installed here is tried; `vendors.py CASES NAME...` names those that must be.
"""

import asyncio
import copy
import importlib.util
import json
import sys

import common
import mcp


def is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def kind_of(schema) -> str:
    """The type that a schema shows, beside null."""
    for option in [schema, *(schema.get("anyOf") or schema.get("any_of") or [])]:
        kind = option.get("type")
        if kind and str(kind).lower() != "null":
            return str(getattr(kind, "value", kind)).lower()
        if option.get("enum"):
            return "string"
    return "?"


def shows(parameters, case, *, all_required=False):
    """Looks at a schema after its conversion."""
    shown = parameters["properties"]["the_value"]
    assert kind_of(shown) == case["kind"], shown
    required = "the_value" in (parameters.get("required") or [])
    assert required == (all_required or not case["optional"]), parameters


def openai_strict(tool, case):
    from agents.strict_schema import ensure_strict_json_schema

    shows(ensure_strict_json_schema(copy.deepcopy(tool.input)), case, all_required=True)


def anthropic_strict(tool, case):
    from anthropic import transform_schema

    shows(transform_schema(copy.deepcopy(tool.input)), case)
    transform_schema(copy.deepcopy(tool.output))


def pydantic_openai(tool, case):
    from pydantic_ai.profiles.openai import OpenAIJsonSchemaTransformer

    shows(OpenAIJsonSchemaTransformer(copy.deepcopy(tool.input), strict=None).walk(), case)
    shows(OpenAIJsonSchemaTransformer(copy.deepcopy(tool.input), strict=True).walk(), case, all_required=True)


def pydantic_google(tool, case):
    from pydantic_ai.profiles.google import GoogleJsonSchemaTransformer

    shows(GoogleJsonSchemaTransformer(copy.deepcopy(tool.input), strict=None).walk(), case)


def google_genai(tool, case):
    from google.genai import _mcp_utils

    declared = _mcp_utils.mcp_to_gemini_tool(tool.as_listed).function_declarations[0]
    shows(declared.parameters.model_dump(exclude_none=True), case)


def google_adk(tool, case):
    from google.adk.tools._gemini_schema_util import _to_gemini_schema

    shows(_to_gemini_schema(copy.deepcopy(tool.input)).model_dump(exclude_none=True), case)


def langchain(tool, case):
    from langchain_core.tools import StructuredTool
    from langchain_core.utils.function_calling import convert_to_openai_tool

    made = StructuredTool(
        name=tool.as_listed.name, description="d", args_schema=copy.deepcopy(tool.input), func=lambda **given: given
    )
    shows(convert_to_openai_tool(made)["function"]["parameters"], case)
    shows(convert_to_openai_tool(made, strict=True)["function"]["parameters"], case, all_required=True)


def langchain_google(tool, case):
    from langchain_core.tools import StructuredTool
    from langchain_google_genai._function_utils import convert_to_genai_function_declarations

    made = StructuredTool(
        name=tool.as_listed.name, description="d", args_schema=copy.deepcopy(tool.input), func=lambda **given: given
    )
    declared = convert_to_genai_function_declarations([made])[0].function_declarations[0]
    shows(declared.parameters.model_dump(exclude_none=True), case)


CONVERTERS = {
    "openai": ("agents", openai_strict),
    "anthropic": ("anthropic", anthropic_strict),
    "pydantic-ai": ("pydantic_ai", pydantic_openai),
    "pydantic-ai-google": ("pydantic_ai", pydantic_google),
    "google-genai": ("google.genai", google_genai),
    "google-adk": ("google.adk", google_adk),
    "langchain": ("langchain_core", langchain),
    "langchain-google": ("langchain_google_genai", langchain_google),
}


class Listed:
    def __init__(self, tool):
        self.as_listed = tool
        self.input = tool.input_schema if hasattr(tool, "input_schema") else tool.inputSchema
        self.output = tool.output_schema if hasattr(tool, "output_schema") else tool.outputSchema


async def listed():
    if hasattr(mcp, "Client"):
        from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

        async with create_mcp_http_client(headers=common.HEADERS) as http:
            async with mcp.Client(streamable_http_client(common.URL, http_client=http)) as client:
                return (await client.list_tools()).tools
    from mcp.client.streamable_http import streamablehttp_client

    async with streamablehttp_client(common.URL, headers=common.HEADERS) as (read, write, _):
        async with mcp.ClientSession(read, write) as session:
            await session.initialize()
            return (await session.list_tools()).tools


async def agents_call():
    """openai-agents lists and calls by itself."""
    from agents.mcp import MCPServerStreamableHttp

    async with MCPServerStreamableHttp(params={"url": common.URL, "headers": common.HEADERS}) as server:
        await server.list_tools()
        for case in common.CASES["tools"]:
            for one in case["calls"]:
                with common.Row(case["name"], f"called by openai-agents with {one['value']!r}"):
                    result = await server.call_tool(case["name"], {"the_value": one["value"]})
                    common.same(json.loads(result.content[0].text), one["result"])


def main():
    tools = {tool.name: Listed(tool) for tool in asyncio.run(listed())}
    wanted = sys.argv[2:]
    for name in wanted:
        assert is_there(CONVERTERS[name][0]), f"{name} is not installed"
    for name, (module, convert) in CONVERTERS.items():
        if not is_there(module) or (wanted and name not in wanted):
            continue
        for case in common.CASES["tools"]:
            with common.Row(f"{name}: {case['name']}", "listed"):
                convert(tools[case["name"]], case)
    if is_there("agents"):
        asyncio.run(agents_call())
    common.end()


main()
