/**
 * A proxy for clients that cannot be given a token: adds it to every request and passes everything else on as it comes,
 * `Host` and `Origin` included, both ways, without waiting for the end of anything.
 */
import { createServer, request as ask } from 'node:http';

/**
 * Starts a proxy on loopback, on a port of its own.
 *
 * @param {{port: number, token: string}} options where the gateway listens on loopback, and what it is shown
 * @returns {Promise<{url: string, close: () => void}>}
 */
export async function startBearer({ port, token }) {
  const server = createServer((request, response) => pass(request, response, { port, token }));
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${server.address().port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function pass(request, response, { port, token }) {
  const { method, url: path, rawHeaders } = request;
  const headers = [...rawHeaders, 'authorization', `Bearer ${token}`];
  const asked = ask({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode, answer.rawHeaders);
    response.flushHeaders();
    answer.on('error', () => response.destroy()).pipe(response);
  });
  asked.on('error', () => response.destroy());
  // Whoever goes away takes the other side along: a stream that nobody reads is over.
  response.on('close', () => asked.destroy());
  request.pipe(asked);
}
