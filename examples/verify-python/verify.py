"""Verifies a Tessera user token offline and prints its claims: python verify.py < token.txt"""
import json, os, sys
import jwt  # pip install "PyJWT[crypto]"

ISSUER = os.environ.get("ISSUER", "http://localhost:3000/tenants/acme")  # configured, never read from the token
AUDIENCE = os.environ.get("AUDIENCE", "shop-api")
KEYS = jwt.PyJWKClient(f"{ISSUER}/jwks.json", lifespan=300, timeout=2)  # create it once: it caches

def verify(token: str) -> dict:
    key = KEYS.get_signing_key_from_jwt(token)
    required = ["iss", "aud", "sub", "exp", "iat", "jti", "tenant_id", "surface"]
    options = {"require": required, "strict_aud": True}
    verified = jwt.decode_complete(token, key, ["ES256"], options, audience=AUDIENCE, issuer=ISSUER, leeway=30)
    if verified["header"]["typ"].lower() != "at+jwt" or verified["payload"]["surface"] != "user":
        raise jwt.InvalidTokenError("not a user access token")
    return verified["payload"]

if __name__ == "__main__":
    try:
        print(json.dumps(verify(sys.stdin.read().strip())))
    except (jwt.InvalidTokenError, jwt.PyJWKClientError) as error:
        sys.exit(f"refused: {type(error).__name__}")
