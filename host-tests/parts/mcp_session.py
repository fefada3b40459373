"""A session of the Python MCP SDK's client with `server-everything`: what `mcp-session.mjs` does with the TypeScript one,
and printed alike.

    TOKEN=… python3 mcp_session.py http://127.0.0.1:18080/mcp
    TOKEN=… python3 mcp_session.py --server 2025 http://127.0.0.1:18080/mcp
"""

import warnings

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import mcp_everything
from mcp_everything import words

# What 2026-07-28 takes away is what this session is about.
warnings.simplefilter("ignore")


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


class Session(mcp_everything.Session):
    types = types

    def __init__(self, server):
        super().__init__(server)
        self.transport = Breaking()

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
                results = {"server": client.server_info.name, "protocol": client.protocol_version}
                return await self.everything(client, results)

    async def resumed(self, client):
        """The client resumes the stream, and finds there what came meanwhile."""
        self.transport.breaks = True
        before = self.sent.count("mcp:GET")
        done = words(await client.call_tool(self.server["tools"]["long"], {"duration": 0.4, "steps": 4}))
        return {"done": done, "legs": self.sent.count("mcp:GET") - before}


mcp_everything.main(Session)
