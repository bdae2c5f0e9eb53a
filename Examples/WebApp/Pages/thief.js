// The thief of this page: a client of its own with a copy of the refresh token, in header mode and without cookies.
// No real page can do this: its scripts never see a refresh token.
let refreshToken, accessToken, visitor;
const QUIET = "superTokensDoNotDoInterception";

export function give(token, user) {
  [refreshToken, accessToken, visitor] = [token, undefined, encodeURIComponent(user)];
}

const ask = (method, path, token) => fetch(`${path}?${QUIET}`, {
  method, credentials: "omit", headers: { authorization: `Bearer ${token}`, "st-auth-mode": "header", "x-demo-visitor": visitor },
});

/** Refreshes with what he holds, and reads what is the owner's; says what came of it. */
export async function use() {
  const response = await ask("POST", "/auth/session/refresh", refreshToken);
  if (!response.ok) return { status: response.status };
  refreshToken = response.headers.get("st-refresh-token") ?? refreshToken;
  accessToken = response.headers.get("st-access-token");
  return look();
}

/** Reads with the access token that he has. */
export async function look() {
  const response = await ask("GET", "/api/me", accessToken);
  return { status: response.status, me: response.ok ? await response.json() : undefined };
}

export const holdsAnything = () => !!refreshToken;
