"""A session of the Python MCP SDK's client with `server-everything`: what `mcp-session.mjs` does with the TypeScript one,
and printed alike.

    TOKEN=… python3 mcp_session.py http://127.0.0.1:18080/mcp
"""

import asyncio
import json
import os
import sys
import warnings

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

# What 2026-07-28 takes away is what this session is about.
warnings.simplefilter("ignore")

TEXT = "demo://resource/dynamic/text/1"


class Breaking(httpx2.AsyncHTTPTransport):
    """Breaks the connection of the next call after the first piece of its response."""

    breaks = False

    async def handle_async_request(self, request):
        breaks = self.breaks and b"tools/call" in await request.aread()
        self.breaks = self.breaks and not breaks
        response = await super().handle_async_request(request)
        if breaks:
            response.stream = Broken(response.stream)
        return response


class Broken(httpx2.AsyncByteStream):
    def __init__(self, stream):
        self.stream = stream

    async def __aiter__(self):
        async for piece in self.stream:
            yield piece
            raise httpx2.ReadError("broken")

    async def aclose(self):
        await self.stream.aclose()


class Session:
    """What is sent, and what the server asks."""

    def __init__(self):
        self.sent, self.asked, self.progress = [], [], []
        self.transport = Breaking()

    async def note(self, request):
        """Names a request as a gateway's record names it."""
        method = request.method
        message = json.loads(request.content) if method == "POST" else {}
        self.sent.append(f"mcp:{message.get('method', 'response') if method == 'POST' else method}")

    async def sample(self, _context, _params):
        self.asked.append("sampling/createMessage")
        return types.CreateMessageResult(
            role="assistant", model="none", content=types.TextContent(type="text", text="sampled")
        )

    async def elicit(self, _context, _params):
        self.asked.append("elicitation/create")
        return types.ElicitResult(action="accept", content={"name": "elicited"})

    async def roots(self, _context):
        self.asked.append("roots/list")
        return types.ListRootsResult(roots=[types.Root(uri="file:///rooted", name="rooted")])

    async def reported(self, progress, _total, _message):
        self.progress.append(progress)

    async def run(self, url, token):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        hooks = {"request": [self.note]}
        async with httpx2.AsyncClient(headers=headers, event_hooks=hooks, timeout=30, transport=self.transport) as http:
            client = Client(
                streamable_http_client(url, http_client=http),
                mode="legacy",
                cache=None,
                sampling_callback=self.sample,
                elicitation_callback=self.elicit,
                list_roots_callback=self.roots,
            )
            async with client:
                results = await self.everything(client)
        return {"results": results, "sent": self.sent, "asked": self.asked}

    async def everything(self, client):
        """Every method, in an order in which each step finds what it needs."""
        results = {"server": client.server_info.name, "protocol": client.protocol_version}
        await client.send_ping()
        await client.set_logging_level("debug")
        # The server asks for the roots in its own time, and has a tool for them when it knows them.
        await until(lambda: "mcp:response" in self.sent)
        tools = await client.list_tools()
        results["tools"] = sorted(tool.name for tool in tools.tools)
        results["echo"] = words(await client.call_tool("echo", {"message": "héllo"}))
        results["sum"] = words(await client.call_tool("get-sum", {"a": 40, "b": 2}))
        results.update(await self.long_running(client))
        results["resumed"] = await self.resumed(client)
        results["sampled"] = words(
            await client.call_tool("trigger-sampling-request", {"prompt": "say", "maxTokens": 10})
        )
        results["elicited"] = words(await client.call_tool("trigger-elicitation-request", {}))
        results["roots"] = words(await client.call_tool("get-roots-list", {}))
        await client.send_roots_list_changed()
        results.update(await self.prompts_and_resources(client))
        return results

    async def long_running(self, client):
        """A call that reports its progress, and one that is given up."""
        name = "trigger-long-running-operation"
        brief = {"duration": 0.4, "steps": 4}
        done = words(await client.call_tool(name, brief, progress_callback=self.reported))
        try:
            await client.call_tool(name, {"duration": 30, "steps": 4}, read_timeout_seconds=0.5)
            cancelled = "no"
        except Exception as error:
            cancelled = type(error).__name__
        return {"done": done, "progress": self.progress, "cancelled": cancelled}

    async def resumed(self, client):
        """A call whose stream breaks: the client resumes it, and finds there what came meanwhile."""
        self.transport.breaks = True
        before = self.sent.count("mcp:GET")
        done = words(await client.call_tool("trigger-long-running-operation", {"duration": 0.4, "steps": 4}))
        return {"done": done, "legs": self.sent.count("mcp:GET") - before}

    async def prompts_and_resources(self, client):
        results = {"prompts": sorted(prompt.name for prompt in (await client.list_prompts()).prompts)}
        prompt = await client.get_prompt("args-prompt", {"city": "Bern"})
        results["prompt"] = prompt.messages[0].content.text
        reference = types.PromptReference(type="ref/prompt", name="completable-prompt")
        completion = await client.complete(reference, {"name": "department", "value": "E"})
        results["completion"] = completion.completion.values
        results["resources"] = len((await client.list_resources()).resources)
        templates = await client.list_resource_templates()
        results["templates"] = [template.uri_template for template in templates.resource_templates]
        results["resource"] = str((await client.read_resource(TEXT)).contents[0].uri)
        await client.subscribe_resource(TEXT)
        await client.unsubscribe_resource(TEXT)
        return results


async def until(happened):
    """Waits up to five seconds."""
    for _ in range(500):
        if happened():
            return
        await asyncio.sleep(0.01)


def words(result):
    """The text of a tool's result."""
    return "\n".join(content.text for content in result.content)


print(json.dumps(asyncio.run(Session().run(sys.argv[1], os.environ.get("TOKEN")))))
