"""What drivers_app.py wants from the SDK, said in the words of each generation of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Callable, Optional

import jwt
from supertokens_python import InputAppInfo, SupertokensConfig, init
from supertokens_python.recipe import session
from supertokens_python.recipe.session import InputErrorHandlers, SessionContainer
from supertokens_python.recipe.session import asyncio as functions
from supertokens_python.recipe.session.exceptions import UnauthorisedError
from supertokens_python.recipe.session.framework.fastapi import verify_session

Json = dict[str, Any]
EXAMPLE = Path(__file__).parents[2] / "Examples/Interceptors/tessera.py"


async def note_theft(request: Any, handle: str, user: str, *rest: Any) -> Any:
    """An application's own answer to theft: it revokes the session and tells what it was told."""
    response = rest[-1]
    revoked = await functions.revoke_session(handle)
    response.set_status_code(401)
    response.set_json_content({"message": "noted theft", "handle": handle, "userId": user, "revoked": revoked})
    return response


class Sdk:
    """The generation of 2022: payloads are replaced, sessions live in cookies."""

    def start(self, own: str, core: str, key: str, options: Any) -> None:
        handlers = InputErrorHandlers(on_token_theft_detected=note_theft) if options.note_theft else None
        init(
            app_info=InputAppInfo(app_name="drivers", api_domain=own, website_domain=own),
            supertokens_config=SupertokensConfig(connection_uri=core, api_key=key, **self.connection(options)),
            framework="fastapi", mode="asgi", telemetry=False,
            recipe_list=[session.init(anti_csrf=options.anti_csrf, error_handlers=handlers, **self.settings(options))])

    def settings(self, options: Any) -> Json:
        return {}

    def connection(self, options: Any) -> Json:
        return {}

    def verifier(self, check: bool = False, paid: bool = False) -> Callable[..., Any]:
        return verify_session()

    def described(self, found: SessionContainer) -> Json:
        return {
            "handle": found.get_handle(), "userId": found.get_user_id(), "payload": found.get_access_token_payload()}

    async def login(self, request: Any, body: Json) -> SessionContainer:
        return await functions.create_new_session(request, body["userId"], body.get("payload"), body.get("data"))

    async def update_payload(self, found: SessionContainer, update: Json) -> None:
        await found.update_access_token_payload(update)

    async def update_payload_of(self, handle: str, update: Json) -> bool:
        try:
            await functions.update_access_token_payload(handle, update)
        except UnauthorisedError:
            return False
        return True

    async def data(self, found: SessionContainer) -> Json:
        return await found.get_session_data()

    async def update_data(self, found: SessionContainer, data: Json) -> None:
        await found.update_session_data(data)

    async def update_data_of(self, handle: str, data: Json) -> bool:
        try:
            await functions.update_session_data(handle, data)
        except UnauthorisedError:
            return False
        return True

    async def information(self, handle: str) -> Optional[Json]:
        try:
            found = await functions.get_session_information(handle)
        except UnauthorisedError:
            return None
        return self.informed(found) if found else None

    def informed(self, found: Any) -> Json:
        return {
            "handle": found.session_handle, "userId": found.user_id, "data": found.session_data,
            "payload": found.access_token_payload, "created": found.time_created, "expiry": found.expiry}

    async def handles(self, user: str, tenant: Optional[str]) -> list[str]:
        return await functions.get_all_session_handles_for_user(user)

    async def revoke_all(self, user: str, tenant: Optional[str]) -> list[str]:
        return await functions.revoke_all_sessions_for_user(user)


class SdkWithClaims(Sdk):
    """The generation of 2023: standard tokens, headers or cookies, claims, payloads are merged."""

    def settings(self, options: Any) -> Json:
        return {"use_dynamic_access_token_signing_key": not options.static_keys}

    def __init__(self) -> None:
        from supertokens_python.recipe.session.claims import PrimitiveClaim

        self.claim = PrimitiveClaim("plan", lambda *_: "free")

    def verifier(self, check: bool = False, paid: bool = False) -> Callable[..., Any]:
        """The dependency that demands a session, perhaps one of somebody who has paid."""
        if not paid:
            return verify_session(check_database=check)
        wanted = self.claim.validators.has_value("paid")
        return verify_session(override_global_claim_validators=lambda ordinary, *_: [*ordinary, wanted])

    async def update_payload(self, found: SessionContainer, update: Json) -> None:
        await found.merge_into_access_token_payload(update)

    async def update_payload_of(self, handle: str, update: Json) -> bool:
        return await functions.merge_into_access_token_payload(handle, update)

    async def data(self, found: SessionContainer) -> Json:
        return await found.get_session_data_from_database()

    async def update_data(self, found: SessionContainer, data: Json) -> None:
        await found.update_session_data_in_database(data)

    async def update_data_of(self, handle: str, data: Json) -> bool:
        return await functions.update_session_data_in_database(handle, data)

    def informed(self, found: Any) -> Json:
        return {
            "handle": found.session_handle, "userId": found.user_id, "data": found.session_data_in_database,
            "payload": found.custom_claims_in_access_token_payload, "created": found.time_created,
            "expiry": found.expiry}

    def owner(self, user: str) -> tuple[Any, ...]:
        return (user,)

    async def direct(self, user: str) -> Json:
        """Goes through a session's life by the functions that need no request and no response."""
        made = await functions.create_new_session_without_request_response(
            *self.owner(user), {"step": 1}, {}, disable_anti_csrf=True)
        tokens = made.get_all_session_tokens_dangerously()
        child = await functions.refresh_session_without_request_response(
            str(tokens["refreshToken"]), disable_anti_csrf=True)
        read = await functions.get_session_without_request_response(child.get_access_token(), anti_csrf_check=False)
        return {
            "made": self.described(made), "read": self.described(read) if read else None,
            "promoted": read.get_all_session_tokens_dangerously()["accessAndFrontTokenUpdated"] if read else None}

    async def key_ids(self) -> list[str]:
        return [key.kid for key in (await functions.get_jwks()).keys]

    async def jwt(self, payload: Json, static: bool) -> Json:
        """Makes a token of the application's own and reads it by the published keys."""
        made = await functions.create_jwt(payload, 60, static)
        kid = jwt.get_unverified_header(made.jwt)["kid"]
        keys = {key.kid: key for key in (await functions.get_jwks()).keys}
        key = jwt.PyJWK({name: getattr(keys[kid], name) for name in ("kty", "kid", "n", "e", "alg", "use")})
        return {"kid": kid, "claims": jwt.decode(made.jwt, key.key, algorithms=["RS256"])}

    async def change_claim(self, found: SessionContainer, change: Json) -> None:
        """Fetches, sets or removes the claim of the request's own session."""
        if change["do"] == "fetch":
            await found.fetch_and_set_claim(self.claim)
        elif change["do"] == "set":
            await found.set_claim_value(self.claim, change["value"])
        else:
            await found.remove_claim(self.claim)

    async def change_claim_of(self, handle: str, change: Json) -> bool:
        """Fetches, sets or removes the claim of any session."""
        if change["do"] == "fetch":
            return await functions.fetch_and_set_claim(handle, self.claim)
        if change["do"] == "set":
            return await functions.set_claim_value(handle, self.claim, change["value"])
        return await functions.remove_claim(handle, self.claim)

    async def claim_of(self, handle: str) -> Json:
        """Reads the claim of any session and whether it would let the session in to what costs money."""
        found = await functions.get_claim_value(handle, self.claim)
        if not hasattr(found, "value"):
            return {"found": False}
        wanted = self.claim.validators.has_value("paid")
        checked = await functions.validate_claims_for_session_handle(handle, lambda ordinary, *_: [*ordinary, wanted])
        invalid = [error.to_json()["id"] for error in checked.invalid_claims]
        return {"found": True, "value": found.value, "invalid": invalid}


class SdkWithTenants(SdkWithClaims):
    """The generation of 2024: sessions belong to a tenant, and requests to the core pass an interceptor."""

    def connection(self, options: Any) -> Json:
        """Examples/Interceptors as it is, where that is asked for."""
        if not options.report_clients:
            return {}
        from supertokens_python import get_request_from_user_context

        example = importlib.util.spec_from_file_location("tessera", EXAMPLE)
        module = importlib.util.module_from_spec(example)
        example.loader.exec_module(module)
        reporter = module.client_reporter(get_request_from_user_context, trusted_proxies=1)
        return {"network_interceptor": reporter}

    def owner(self, user: str, tenant: str = "public") -> tuple[Any, ...]:
        return (tenant, user)

    def described(self, found: SessionContainer) -> Json:
        return {**super().described(found), "tenantId": found.get_tenant_id()}

    def informed(self, found: Any) -> Json:
        return {**super().informed(found), "tenantId": found.tenant_id}

    async def login(self, request: Any, body: Json) -> SessionContainer:
        owner = self.owner(body["userId"], body.get("tenantId") or "public")
        return await functions.create_new_session(request, *owner, body.get("payload"), body.get("data"))

    async def handles(self, user: str, tenant: Optional[str]) -> list[str]:
        """Lists the sessions of a user, in one tenant or in all."""
        return await functions.get_all_session_handles_for_user(user, tenant_id=tenant)

    async def revoke_all(self, user: str, tenant: Optional[str]) -> list[str]:
        """Revokes the sessions of a user, in one tenant or in all."""
        return await functions.revoke_all_sessions_for_user(user, tenant_id=tenant)

    async def make_tenant(self, tenant: str) -> bool:
        """Makes a tenant; tells whether it is new."""
        from supertokens_python.recipe.multitenancy.asyncio import create_or_update_tenant

        return (await create_or_update_tenant(tenant, None)).created_new

    async def remove_tenant(self, tenant: str) -> bool:
        """Removes a tenant; tells whether it was there."""
        from supertokens_python.recipe.multitenancy.asyncio import delete_tenant

        return (await delete_tenant(tenant)).did_exist

    async def tenants(self) -> list[str]:
        from supertokens_python.recipe.multitenancy.asyncio import list_all_tenants

        return [tenant.tenant_id for tenant in (await list_all_tenants()).tenants]


class SdkWithRecipeUsers(SdkWithTenants):
    """The generation of 2025: a user may have several ways to sign in."""

    def owner(self, user: str, tenant: str = "public") -> tuple[Any, ...]:
        from supertokens_python.types import RecipeUserId

        return (tenant, RecipeUserId(user))

    def described(self, found: SessionContainer) -> Json:
        return {**super().described(found), "recipeUserId": found.get_recipe_user_id().get_as_string()}

    def informed(self, found: Any) -> Json:
        return {**super().informed(found), "recipeUserId": found.recipe_user_id.get_as_string()}


GENERATIONS: dict[str, type[Sdk]] = {
    "0.8.4": Sdk, "0.14.9": SdkWithClaims, "0.20.2": SdkWithTenants, "0.31.4": SdkWithRecipeUsers}
