"""What `mcp_session.py` does, with the client that the Python MCP SDK had a year ago (1.22).

    TOKEN=… python3 mcp_session_2025.py --server 2025 http://127.0.0.1:18080/mcp
"""

import datetime

import httpx
from mcp import ClientSession, types
from mcp.client.streamable_http import streamablehttp_client

import mcp_everything


class Session(mcp_everything.Session):
    types = types

    def seconds(self, seconds):
        return datetime.timedelta(seconds=seconds)

    def http(self, headers=None, timeout=None, auth=None):
        hooks = {"request": [self.note]}
        return httpx.AsyncClient(headers=headers, timeout=timeout, auth=auth, event_hooks=hooks, follow_redirects=True)

    async def run(self, url, token):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with streamablehttp_client(url, headers, httpx_client_factory=self.http) as (read, write, _):
            client = ClientSession(
                read,
                write,
                sampling_callback=self.sample,
                elicitation_callback=self.elicit,
                list_roots_callback=self.roots,
            )
            async with client:
                opened = await client.initialize()
                results = {"server": opened.serverInfo.name, "protocol": opened.protocolVersion}
                return await self.everything(client, results)


mcp_everything.main(Session)
