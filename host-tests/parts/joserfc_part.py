"""Another implementation of JOSE (PyPI `joserfc`): it makes tokens, and says what it thinks of ours.

It speaks as `jose.mjs` does: one JSON command per line, one JSON answer per line.
"""

import json
import sys
import time

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

keys = {}


def key(algorithm):
    """The key for an algorithm, made when it is first wanted."""
    if algorithm not in keys:
        parameters = {"kid": f"joserfc-{algorithm}", "alg": algorithm, "use": "sig"}
        if algorithm == "EdDSA":
            keys[algorithm] = OKPKey.generate_key("Ed25519", parameters)
        elif algorithm.startswith("ES"):
            keys[algorithm] = ECKey.generate_key(f"P-{algorithm[2:]}", parameters)
        else:
            keys[algorithm] = RSAKey.generate_key(2048, parameters)
    return keys[algorithm]


def mint(algorithm, header, claims):
    signer = key(algorithm)
    protected = {**header, "alg": algorithm, "kid": signer.kid}
    token = jwt.encode(protected, claims, signer, algorithms=[algorithm])
    return {"token": token, "jwk": signer.as_dict(private=False)}


def judge(token, jwk, algorithms, issuer, audience):
    try:
        read = jwt.decode(token, import_key(jwk), algorithms=algorithms)
        if read.header.get("typ", "").lower() not in ("at+jwt", "application/at+jwt"):
            raise ValueError("typ")
        jwt.JWTClaimsRegistry(
            now=int(time.time()),
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
        ).validate(read.claims)
        return {"accepts": True}
    except Exception as error:  # Whatever it is, it is a no.
        return {"accepts": False, "why": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    command = json.loads(line)
    do = {"mint": mint, "judge": judge}[command.pop("do")]
    print(json.dumps(do(**command)), flush=True)
