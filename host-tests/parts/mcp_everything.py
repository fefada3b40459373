"""What a client does with `server-everything`, whichever release of the Python MCP SDK it is made of."""

import argparse
import asyncio
import json
import os
import pathlib

SERVERS = json.loads((pathlib.Path(__file__).parent / "everything.json").read_text())


class Session:
    """What is sent, what the server asks, and every method in an order in which each step finds what it needs; `types` are the SDK's."""

    def __init__(self, server):
        self.server = SERVERS[server]
        self.sent, self.asked, self.progress = [], [], []

    async def note(self, request):
        """Names a request as a gateway's record names it."""
        method = request.method
        message = json.loads(request.content) if method == "POST" else {}
        self.sent.append(f"mcp:{message.get('method', 'response') if method == 'POST' else method}")

    async def reported(self, progress, _total, _message):
        self.progress.append(progress)

    def seconds(self, seconds):
        """A duration as the SDK wants it."""
        return seconds

    async def sample(self, _context, _params):
        self.asked.append("sampling/createMessage")
        return self.types.CreateMessageResult(
            role="assistant", model="none", content=self.types.TextContent(type="text", text="sampled")
        )

    async def elicit(self, _context, _params):
        self.asked.append("elicitation/create")
        return self.types.ElicitResult(action="accept", content={"name": "elicited"})

    async def roots(self, _context):
        self.asked.append("roots/list")
        return self.types.ListRootsResult(roots=[self.types.Root(uri="file:///rooted", name="rooted")])

    async def resumed(self, _client):
        """What a call whose stream breaks came to; nothing where the SDK does not go on with it."""
        return None

    async def everything(self, client, results):
        tools = self.server["tools"]
        await client.send_ping()
        if "mcp:logging/setLevel" not in self.server["lacks"]:
            await client.set_logging_level("debug")
        # It may ask for the roots in its own time, and has a tool for them when it knows them.
        await until(lambda: not self.server["asksFirst"] or "mcp:response" in self.sent)
        results["tools"] = sorted(tool.name for tool in (await client.list_tools()).tools)
        results["echo"] = words(await client.call_tool("echo", {"message": "héllo"}))
        results["sum"] = words(await client.call_tool(tools["sum"], {"a": 40, "b": 2}))
        results.update(await self.long_running(client))
        if self.server["resumes"] and (resumed := await self.resumed(client)):
            results["resumed"] = resumed
        results["sampled"] = words(await client.call_tool(tools["sample"], {"prompt": "say", "maxTokens": 10}))
        results["elicited"] = words(await client.call_tool(tools["elicit"], {}))
        results["roots"] = words(await client.call_tool(tools["roots"], {}))
        await client.send_roots_list_changed()
        results.update(await self.prompts_and_resources(client))
        return results

    async def long_running(self, client):
        """A call that reports its progress, and one that is given up."""
        name = self.server["tools"]["long"]
        done = await client.call_tool(name, {"duration": 0.4, "steps": 4}, progress_callback=self.reported)
        try:
            await client.call_tool(name, {"duration": 30, "steps": 4}, read_timeout_seconds=self.seconds(0.5))
            cancelled = "no"
        except Exception as error:
            cancelled = type(error).__name__
        return {"done": words(done), "progress": self.progress, "cancelled": cancelled}

    async def prompts_and_resources(self, client):
        uri, prompt, completion = (self.server[name] for name in ("resource", "prompt", "completion"))
        results = {"prompts": sorted(prompt.name for prompt in (await client.list_prompts()).prompts)}
        got = await client.get_prompt(prompt["name"], prompt["arguments"])
        results["prompt"] = got.messages[0].content.text
        reference = self.types.PromptReference(type="ref/prompt", name=completion["prompt"])
        argument = {"name": completion["name"], "value": completion["value"]}
        results["completion"] = (await client.complete(reference, argument)).completion.values
        results["resources"] = len((await client.list_resources()).resources)
        templates = (await client.list_resource_templates()).model_dump(by_alias=True)["resourceTemplates"]
        results["templates"] = [template["uriTemplate"] for template in templates]
        results["resource"] = str((await client.read_resource(uri)).contents[0].uri)
        if "mcp:resources/subscribe" not in self.server["lacks"]:
            await client.subscribe_resource(uri)
            await client.unsubscribe_resource(uri)
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


def main(session):
    """Prints what came of a session of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", choices=SERVERS, default="current")
    parser.add_argument("url")
    arguments = parser.parse_args()
    held = session(arguments.server)
    results = asyncio.run(held.run(arguments.url, os.environ.get("TOKEN")))
    print(json.dumps({"results": results, "sent": held.sent, "asked": held.asked}))
