/** Asks the issuer for an access token (RFC 6749 §4.4, RFC 8707). */

/**
 * @param {{issuer: string, client: string, secret: string, resource: string}} options
 * @returns {Promise<string>} the access token
 */
export async function accessToken({ issuer, client, secret, resource }) {
  const discovery = await json(await fetch(`${issuer}/.well-known/openid-configuration`));
  const answer = await fetch(discovery.token_endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource }),
  });
  return (await json(answer)).access_token;
}

async function json(response) {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
