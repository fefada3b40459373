"""A server made with the Python MCP SDK, of today or of a year ago: what the sessions use of `server-everything`, as far as the
SDK's own way of writing servers has it.

    PORT=18090 python3 mcp_server.py
"""

import asyncio
import os
import warnings

import uvicorn
from pydantic import BaseModel

try:
    import mcp_types as types
    from mcp.server.mcpserver import Context, MCPServer
except ImportError:
    from mcp import types
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp import FastMCP as MCPServer

# What 2026-07-28 takes away is what the sessions are about.
warnings.simplefilter("ignore")

server = MCPServer("python-everything")


class Person(BaseModel):
    name: str


@server.tool()
def echo(message: str) -> str:
    return f"Echo: {message}"


@server.tool()
def add(a: int, b: int) -> str:
    return f"The sum of {a} and {b} is {a + b}."


@server.tool()
async def operate(duration: float, steps: int, context: Context) -> str:
    for step in range(1, steps + 1):
        await context.report_progress(step, steps)
        # A client that has the result hears of no progress any more.
        await asyncio.sleep(duration / steps)
    return f"Long running operation completed. Duration: {duration} seconds, Steps: {steps}."


@server.tool()
async def sample(prompt: str, maxTokens: int, context: Context) -> str:
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=prompt))
    answer = await context.session.create_message([message], max_tokens=maxTokens, related_request_id=context.request_id)
    return answer.content.text


@server.tool()
async def elicit(context: Context) -> str:
    answer = await context.elicit("Who are you?", Person)
    return answer.data.name


@server.tool()
async def roots(context: Context) -> str:
    listed = await context.session.list_roots()
    return "\n".join(str(root.uri) for root in listed.roots)


@server.resource("text://fixed")
def fixed() -> str:
    return "fixed"


@server.resource("text://numbered/{number}")
def numbered(number: str) -> str:
    return f"number {number}"


@server.prompt()
def weather(city: str) -> str:
    return f"What's weather in {city}?"


@server.completion()
async def complete(_reference, argument, _context):
    values = [city for city in ("Basel", "Bern") if city.startswith(argument.value)]
    return types.Completion(values=values)


uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
