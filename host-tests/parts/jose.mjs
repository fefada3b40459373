/**
 * Another implementation of JOSE (npm `jose`): it makes tokens, and says what it thinks of ours.
 *
 * It reads one JSON command per line from standard input and writes one JSON answer per line; `joserfc_part.py` is the same in
 * Python with PyPI `joserfc`:
 *
 *     {"do":"mint","algorithm":"ES256","header":{…},"claims":{…}}                    → {"token":…,"jwk":…}
 *     {"do":"judge","token":…,"jwk":…,"algorithms":[…],"issuer":…,"audience":…}      → {"accepts":true}
 */
import { createInterface } from 'node:readline';

import { SignJWT, decodeProtectedHeader, exportJWK, generateKeyPair, importJWK, jwtVerify } from 'jose';

import { runAsProgram } from './program.mjs';

const keys = new Map();

async function pair(algorithm) {
  if (!keys.has(algorithm)) keys.set(algorithm, await generateKeyPair(algorithm, { extractable: true }));
  return keys.get(algorithm);
}

const commands = {
  async mint({ algorithm, header, claims }) {
    const { privateKey, publicKey } = await pair(algorithm);
    const kid = `jose-${algorithm}`;
    const token = await new SignJWT(claims).setProtectedHeader({ ...header, alg: algorithm, kid }).sign(privateKey);
    return { token, jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' } };
  },

  async judge({ token, jwk, algorithms, issuer, audience }) {
    try {
      const key = await importJWK(jwk, decodeProtectedHeader(token).alg);
      await jwtVerify(token, key, { algorithms, issuer, audience, typ: 'at+jwt', requiredClaims: ['exp', 'sub'] });
      return { accepts: true };
    } catch (error) {
      return { accepts: false, why: `${error.code ?? error.name}: ${error.message}` };
    }
  },
};

await runAsProgram(import.meta, async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: command, ...options } = JSON.parse(line);
    console.log(JSON.stringify(await commands[command](options)));
  }
});
