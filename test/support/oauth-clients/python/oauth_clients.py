"""Gets tokens with Authlib and requests-oauthlib as an application does.

Reads its settings as JSON from standard input and prints one JSON line for each step.
"""

import json
import sys
import time

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session as RequestsOAuthlibSession

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

settings = json.load(sys.stdin)
metadata = requests.get(settings["metadata_url"], timeout=10).json()
ISSUER, TOKEN_URL = metadata["issuer"], metadata["token_endpoint"]


def step(name, work):
    """Prints the response, or the error code of the endpoint. Another error ends the program."""
    try:
        line = work()
    except (OAuthError, OAuth2Error) as refused:
        line = {"error": refused.error}
    print(json.dumps({"step": name, **line}), flush=True)


def session(client, **options):
    return OAuth2Session(client["id"], client["secret"], **options)


def client_credentials(oauth, **parameters):
    return oauth.fetch_token(TOKEN_URL, grant_type="client_credentials", **parameters)


def authlib_with_a_secret():
    billing = settings["billing"]
    step("authlib, basic", lambda: client_credentials(session(billing)))
    step("authlib, post", lambda: client_credentials(session(billing, token_endpoint_auth_method="client_secret_post")))
    step(
        "authlib, narrowed",
        lambda: client_credentials(session(billing, scope="invoices:read"), resource="https://ledger.example/api"),
    )
    step("authlib, too much", lambda: client_credentials(session(billing, scope="orders:write")))
    step("authlib, wrong secret", lambda: client_credentials(session({**billing, "secret": "wrong"})))


def keyed_session(auth):
    """`auth` makes the assertion. The key takes the place of the secret."""
    keyed = settings["keyed"]
    key = ECKey.import_key(keyed["private_key"])
    oauth = OAuth2Session(keyed["id"], key, token_endpoint_auth_method="private_key_jwt")
    oauth.register_client_auth_method(auth)
    return oauth


def assertion_auth(audience, seconds):
    # A new object for each request: Authlib writes the `jti` of the first assertion into `claims` and would send it again.
    # Its own lifetime is an hour.
    return PrivateKeyJWT(
        audience,
        claims={"exp": int(time.time()) + seconds},
        headers={"kid": settings["keyed"]["kid"]},
        alg="ES256",
    )


def authlib_with_a_key():
    step("authlib, key", lambda: client_credentials(keyed_session(assertion_auth(ISSUER, 60))))
    # One option wrong at a time, and then both: these are Authlib's defaults.
    step("authlib, key, audience left out", lambda: client_credentials(keyed_session(assertion_auth(None, 60))))
    header = {"kid": settings["keyed"]["kid"]}
    lasting = PrivateKeyJWT(ISSUER, headers=header, alg="ES256")
    step("authlib, key, lifetime left out", lambda: client_credentials(keyed_session(lasting)))
    step("authlib, key, defaults", lambda: client_credentials(keyed_session(PrivateKeyJWT(headers=header, alg="ES256"))))

    reused = keyed_session(assertion_auth(ISSUER, 60))
    client_credentials(reused)
    step("authlib, key, one object for two requests", lambda: client_credentials(reused))


def authlib_exchanges():
    api = settings["api"]
    step(
        "authlib, exchange",
        lambda: session(api).fetch_token(
            TOKEN_URL,
            grant_type=TOKEN_EXCHANGE,
            subject_token=settings["user_token"],
            subject_token_type=ACCESS_TOKEN,
            audience="stock-api",
        ),
    )
    step(
        "authlib, ID token",
        lambda: session(settings["web"]).fetch_token(TOKEN_URL, grant_type=JWT_BEARER, assertion=settings["id_token"]),
    )


def authlib_introspects_and_revokes():
    oauth = session(settings["billing"])
    token = client_credentials(oauth)["access_token"]

    def introspect():
        response = oauth.introspect_token(
            metadata["introspection_endpoint"], token=token, token_type_hint="access_token", body="surface=service"
        )
        response.raise_for_status()
        return {"introspected": response.json()}

    step("authlib, introspected", introspect)
    oauth.revoke_token(metadata["revocation_endpoint"], token=token).raise_for_status()
    step("authlib, introspected after its revocation", introspect)


def requests_oauthlib():
    billing = settings["billing"]

    def fetch(secret=billing["secret"], scope=None, **parameters):
        client = BackendApplicationClient(client_id=billing["id"], scope=scope)
        return RequestsOAuthlibSession(client=client).fetch_token(TOKEN_URL, client_secret=secret, **parameters)

    step("requests-oauthlib, basic", fetch)
    step("requests-oauthlib, post", lambda: fetch(include_client_id=True))
    step(
        "requests-oauthlib, narrowed", lambda: fetch(scope=["invoices:read"], resource="https://ledger.example/api")
    )
    step("requests-oauthlib, too much", lambda: fetch(scope=["orders:write"]))
    step("requests-oauthlib, wrong secret", lambda: fetch(secret="wrong"))


for part in (
    authlib_with_a_secret,
    authlib_with_a_key,
    authlib_exchanges,
    authlib_introspects_and_revokes,
    requests_oauthlib,
):
    part()
