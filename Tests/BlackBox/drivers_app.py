"""A small FastAPI application with an unmodified SuperTokens SDK, run by test_drivers.py inside the SDK's environment."""

from __future__ import annotations

import argparse
import socket
from typing import Any, Optional

import uvicorn
from fastapi import Depends, FastAPI
from starlette.requests import Request
from supertokens_python.framework.fastapi import get_middleware
from supertokens_python.recipe.session import SessionContainer
from supertokens_python.recipe.session.asyncio import revoke_multiple_sessions, revoke_session

from drivers_sdk import GENERATIONS, Json, Sdk


def add_own_routes(app: FastAPI, sdk: Any) -> None:
    @app.post("/login")
    async def login(request: Request) -> Json:
        return sdk.described(await sdk.login(request, await request.json()))

    @app.get("/me")
    async def me(found: SessionContainer = Depends(sdk.verifier())) -> Json:
        """Tells who is signed in, without asking the core when the SDK sees no need."""
        return sdk.described(found)

    @app.get("/me/checked")
    async def me_checked(found: SessionContainer = Depends(sdk.verifier(check=True))) -> Json:
        """Tells who is signed in, after asking the core."""
        return sdk.described(found)

    @app.post("/change")
    async def change(found: SessionContainer = Depends(sdk.verifier())) -> Json:
        """Stands for a request that changes something, which is what anti-CSRF protects."""
        return sdk.described(found)

    @app.post("/payload")
    async def payload(request: Request, found: SessionContainer = Depends(sdk.verifier())) -> Json:
        await sdk.update_payload(found, await request.json())
        return sdk.described(found)

    @app.get("/data")
    async def read_data(found: SessionContainer = Depends(sdk.verifier())) -> Json:
        return {"data": await sdk.data(found)}

    @app.put("/data")
    async def write_data(request: Request, found: SessionContainer = Depends(sdk.verifier())) -> Json:
        await sdk.update_data(found, await request.json())
        return {"data": await sdk.data(found)}

    @app.get("/times")
    async def times(found: SessionContainer = Depends(sdk.verifier())) -> Json:
        return {"created": await found.get_time_created(), "expiry": await found.get_expiry()}

    @app.post("/leave")
    async def leave(found: SessionContainer = Depends(sdk.verifier())) -> Json:
        await found.revoke_session()
        return {"left": True}


def add_claim_routes(app: FastAPI, sdk: Any) -> None:
    @app.get("/paid")
    async def paid(found: SessionContainer = Depends(sdk.verifier(paid=True))) -> Json:
        return sdk.described(found)

    @app.get("/claim")
    async def read_claim(found: SessionContainer = Depends(sdk.verifier())) -> Json:
        return {"value": await found.get_claim_value(sdk.claim)}

    @app.post("/claim")
    async def change_claim(request: Request, found: SessionContainer = Depends(sdk.verifier())) -> Json:
        """Fetches, sets or removes the claim of the session."""
        await sdk.change_claim(found, await request.json())
        return sdk.described(found)

    @app.get("/admin/claim")
    async def claim_of(handle: str) -> Json:
        return await sdk.claim_of(handle)

    @app.post("/admin/claim")
    async def change_claim_of(request: Request) -> Json:
        """Fetches, sets or removes the claim of any session."""
        body = await request.json()
        return {"updated": await sdk.change_claim_of(body["handle"], body)}

    @app.post("/direct")
    async def direct(request: Request) -> Json:
        """Goes through a session's life by the functions that need no request and no response."""
        return await sdk.direct((await request.json())["userId"])

    @app.post("/jwt")
    async def make_jwt(request: Request) -> Json:
        body = await request.json()
        return await sdk.jwt(body["payload"], body["static"])

    @app.get("/keys")
    async def keys() -> Json:
        return {"kids": await sdk.key_ids()}


def add_admin_routes(app: FastAPI, sdk: Any) -> None:
    @app.get("/admin/information")
    async def information(handle: str) -> Json:
        found = await sdk.information(handle)
        return {"found": False} if found is None else {"found": True, **found}

    @app.get("/admin/handles")
    async def handles(user: str, tenant: Optional[str] = None) -> Json:
        return {"handles": await sdk.handles(user, tenant)}

    @app.post("/admin/payload")
    async def payload_of(request: Request) -> Json:
        body = await request.json()
        return {"updated": await sdk.update_payload_of(body["handle"], body["update"])}

    @app.post("/admin/data")
    async def data_of(request: Request) -> Json:
        body = await request.json()
        return {"updated": await sdk.update_data_of(body["handle"], body["data"])}

    @app.post("/admin/revoke")
    async def revoke(request: Request) -> Json:
        return {"revoked": await revoke_session((await request.json())["handle"])}

    @app.post("/admin/revoke-several")
    async def revoke_several(request: Request) -> Json:
        return {"revoked": await revoke_multiple_sessions((await request.json())["handles"])}

    @app.post("/admin/revoke-all")
    async def revoke_all(request: Request) -> Json:
        body = await request.json()
        return {"revoked": await sdk.revoke_all(body["userId"], body.get("tenantId"))}


def add_client_routes(app: FastAPI, sdk: Any) -> None:
    """What Examples/Notes asks of the demo application."""

    @app.post("/api/login")
    async def log_in(request: Request) -> Json:
        await sdk.login(request, {"userId": (await request.json())["user"]})
        return {"status": "OK"}

    @app.get("/api/data")
    async def notes(found: SessionContainer = Depends(sdk.verifier(check=True))) -> Json:
        return await sdk.data(found)

    @app.put("/api/data")
    async def write_notes(request: Request, found: SessionContainer = Depends(sdk.verifier(check=True))) -> Json:
        await sdk.update_data(found, await request.json())
        return {"status": "OK"}


def add_tenant_routes(app: FastAPI, sdk: Any) -> None:
    @app.get("/tenants")
    async def tenants() -> Json:
        return {"tenants": await sdk.tenants()}

    @app.put("/tenants/{tenant}")
    async def make_tenant(tenant: str) -> Json:
        return {"new": await sdk.make_tenant(tenant)}

    @app.delete("/tenants/{tenant}")
    async def remove_tenant(tenant: str) -> Json:
        return {"existed": await sdk.remove_tenant(tenant)}


def application(sdk: Sdk) -> FastAPI:
    app = FastAPI()
    add_own_routes(app, sdk)
    add_admin_routes(app, sdk)
    if hasattr(sdk, "claim"):
        add_claim_routes(app, sdk)
    if hasattr(sdk, "tenants"):
        add_tenant_routes(app, sdk)
        add_client_routes(app, sdk)
    app.add_middleware(get_middleware())
    return app


def main() -> None:
    """Serves the application on a loopback port of the kernel's choice, which it prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--release", choices=GENERATIONS, required=True)
    parser.add_argument("--core", required=True)
    parser.add_argument("--api-key", required=True)
    parser.add_argument("--anti-csrf", choices=["NONE", "VIA_TOKEN"], default="NONE")
    parser.add_argument("--static-keys", action="store_true")
    parser.add_argument("--note-theft", action="store_true")
    parser.add_argument("--report-clients", action="store_true")
    options = parser.parse_args()
    sdk = GENERATIONS[options.release]()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        sdk.start(f"http://127.0.0.1:{port}", options.core, options.api_key, options)
        server = uvicorn.Server(uvicorn.Config(application(sdk), log_level="warning"))
        print(f"port {port}", flush=True)
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
