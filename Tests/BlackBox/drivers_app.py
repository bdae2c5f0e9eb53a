"""A small FastAPI application with the unmodified SuperTokens SDK, run by drivers.py inside its environment."""

from __future__ import annotations

import argparse
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI
from starlette.requests import Request
from supertokens_python import InputAppInfo, SupertokensConfig, init
from supertokens_python.framework.fastapi import get_middleware
from supertokens_python.recipe import session
from supertokens_python.recipe.session import SessionContainer
from supertokens_python.recipe.session.asyncio import (
    create_new_session,
    create_new_session_without_request_response,
    get_all_session_handles_for_user,
    get_jwks,
    get_session_information,
    get_session_without_request_response,
    merge_into_access_token_payload,
    refresh_session_without_request_response,
    revoke_all_sessions_for_user,
    revoke_multiple_sessions,
    revoke_session,
    update_session_data_in_database,
)
from supertokens_python.recipe.session.framework.fastapi import verify_session
from supertokens_python.types import RecipeUserId

Json = dict[str, Any]
TENANT = "public"

app = FastAPI()


def described(found: SessionContainer) -> Json:
    """What the routes tell about the session of a request."""
    return {
        "handle": found.get_handle(), "userId": found.get_user_id(), "tenantId": found.get_tenant_id(),
        "recipeUserId": found.get_recipe_user_id().get_as_string(), "payload": found.get_access_token_payload()}


@app.post("/login")
async def login(request: Request) -> Json:
    """Signs a user in."""
    body = await request.json()
    user = RecipeUserId(body["userId"])
    return described(await create_new_session(request, TENANT, user, body.get("payload"), body.get("data")))


@app.get("/me")
async def me(found: SessionContainer = Depends(verify_session())) -> Json:
    """Tells who is signed in, without asking the core when the SDK sees no need."""
    return described(found)


@app.get("/me/checked")
async def me_checked(found: SessionContainer = Depends(verify_session(check_database=True))) -> Json:
    """Tells who is signed in, after asking the core."""
    return described(found)


@app.post("/change")
async def change(found: SessionContainer = Depends(verify_session())) -> Json:
    """Stands for a request that changes something, which is what anti-CSRF protects."""
    return described(found)


@app.post("/payload")
async def merge_payload(request: Request, found: SessionContainer = Depends(verify_session())) -> Json:
    """Merges into the payload of the request's own session."""
    await found.merge_into_access_token_payload(await request.json())
    return described(found)


@app.get("/data")
async def read_data(found: SessionContainer = Depends(verify_session())) -> Json:
    """Reads the data of the request's own session."""
    return {"data": await found.get_session_data_from_database()}


@app.put("/data")
async def write_data(request: Request, found: SessionContainer = Depends(verify_session())) -> Json:
    """Replaces the data of the request's own session."""
    await found.update_session_data_in_database(await request.json())
    return {"data": await found.get_session_data_from_database()}


@app.get("/times")
async def times(found: SessionContainer = Depends(verify_session())) -> Json:
    """Reads when the session began and when it ends."""
    return {"created": await found.get_time_created(), "expiry": await found.get_expiry()}


@app.get("/admin/information")
async def information(handle: str) -> Json:
    """Reads everything about a session by its handle."""
    found = await get_session_information(handle)
    if found is None:
        return {"found": False}
    return {
        "found": True, "handle": found.session_handle, "userId": found.user_id, "tenantId": found.tenant_id,
        "recipeUserId": found.recipe_user_id.get_as_string(), "data": found.session_data_in_database,
        "payload": found.custom_claims_in_access_token_payload, "created": found.time_created, "expiry": found.expiry}


@app.get("/admin/handles")
async def handles(user: str) -> Json:
    """Lists the sessions of a user, over all tenants and in one."""
    return {
        "all": await get_all_session_handles_for_user(user),
        "tenant": await get_all_session_handles_for_user(user, tenant_id=TENANT)}


@app.post("/admin/payload")
async def admin_payload(request: Request) -> Json:
    """Merges into the payload of a session by its handle."""
    body = await request.json()
    return {"updated": await merge_into_access_token_payload(body["handle"], body["update"])}


@app.post("/admin/data")
async def admin_data(request: Request) -> Json:
    """Replaces the data of a session by its handle."""
    body = await request.json()
    return {"updated": await update_session_data_in_database(body["handle"], body["data"])}


@app.post("/admin/revoke")
async def admin_revoke(request: Request) -> Json:
    """Revokes a session by its handle."""
    return {"revoked": await revoke_session((await request.json())["handle"])}


@app.post("/admin/revoke-several")
async def admin_revoke_several(request: Request) -> Json:
    """Revokes several sessions by their handles."""
    return {"revoked": await revoke_multiple_sessions((await request.json())["handles"])}


@app.post("/admin/revoke-all")
async def admin_revoke_all(request: Request) -> Json:
    """Revokes the sessions of a user, over all tenants or in one."""
    body = await request.json()
    return {"revoked": await revoke_all_sessions_for_user(body["userId"], tenant_id=body.get("tenantId"))}


@app.post("/direct")
async def direct(request: Request) -> Json:
    """Goes through a session's life by the functions that need no request and no response."""
    body = await request.json()
    user = RecipeUserId(body["userId"])
    made = await create_new_session_without_request_response(TENANT, user, {"step": 1}, {}, disable_anti_csrf=True)
    tokens = made.get_all_session_tokens_dangerously()
    child = await refresh_session_without_request_response(str(tokens["refreshToken"]), disable_anti_csrf=True)
    read = await get_session_without_request_response(child.get_access_token(), anti_csrf_check=False)
    return {
        "made": described(made), "refreshed": described(child), "read": described(read) if read else None,
        "promoted": read.get_all_session_tokens_dangerously()["accessAndFrontTokenUpdated"] if read else None}


@app.get("/keys")
async def keys() -> Json:
    """Lists the published keys."""
    return {"kids": [key.kid for key in (await get_jwks()).keys]}


def main() -> None:
    """Serves the application on a loopback port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--core", required=True)
    parser.add_argument("--anti-csrf", choices=["NONE", "VIA_TOKEN"], required=True)
    options = parser.parse_args()
    own = f"http://127.0.0.1:{options.port}"
    init(
        app_info=InputAppInfo(app_name="drivers", api_domain=own, website_domain=own),
        supertokens_config=SupertokensConfig(connection_uri=options.core),
        framework="fastapi", mode="asgi", telemetry=False,
        recipe_list=[session.init(anti_csrf=options.anti_csrf)])
    app.add_middleware(get_middleware())
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
