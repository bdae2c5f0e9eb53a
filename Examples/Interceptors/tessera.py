"""Tells the core about the client of each sign-in and refresh:

    from supertokens_python import SupertokensConfig, get_request_from_user_context
    from tessera import client_reporter

    SupertokensConfig(
        connection_uri="http://localhost:3567",
        network_interceptor=client_reporter(get_request_from_user_context, trusted_proxies=1))
"""

from __future__ import annotations

import base64
import re
from typing import Any, Callable, Optional
from urllib.parse import urlsplit

CREATES = ("/recipe/session", "/recipe/session/refresh")
Call = tuple[str, str, dict[str, Any], Optional[dict[str, Any]], Optional[dict[str, Any]]]


def client_reporter(get_request: Callable[[Any], Any], trusted_proxies: int = 0) -> Callable[..., Call]:
    """A network_interceptor that adds what the core keeps about devices.

    Without trusted proxies no address is reported, because X-Forwarded-For is then the client's own word.
    """

    def report(url: str, method: str, headers: dict[str, Any], params: Optional[dict[str, Any]],
               body: Optional[dict[str, Any]], user_context: Optional[dict[str, Any]] = None) -> Call:
        client = get_request(user_context)
        if client is not None and method.upper() == "POST" and urlsplit(url).path.endswith(CREATES):
            headers = {**headers, **fields(client, trusted_proxies)}
        return url, method, headers, params, body

    return report


def fields(client: Any, trusted_proxies: int) -> dict[str, str]:
    """The header fields for one client."""
    found = {}
    if agent := client.get_header("user-agent"):
        found["tessera-client-user-agent"] = base64.urlsafe_b64encode(agent[:256].encode()).decode().rstrip("=")
    if re.fullmatch(r'"[\w .]{1,64}"', platform := client.get_header("sec-ch-ua-platform") or ""):
        found["tessera-client-hints"] = f"platform={platform}"
    forwarded = [part.strip() for part in (client.get_header("x-forwarded-for") or "").split(",")]
    if 0 < trusted_proxies <= len(forwarded) and re.fullmatch(r"[0-9a-fA-F.:]{2,45}", forwarded[-trusted_proxies]):
        found["tessera-client-address"] = forwarded[-trusted_proxies]
    return found
