// Tessera for browsers: fetch that keeps the session alive, once for all tabs.
// State is kept in the cookies of supertokens-website, so that both understand one another.
const FRONT = "sFrontToken", MARK = "st-last-access-token-update", CSRF = "sAntiCsrf";
const SKEW = "__st_clockSkewInMillis";
const SESSION = { rid: "session", "fdi-version": "1.16,1.17,1.18,1.19,2.0,3.0,3.1,4.0,4.1,4.2" };
let config, send, queue;

const read = name => document.cookie.split("; ").find(c => c.startsWith(name + "="))?.slice(name.length + 1);
const write = (name, value) => {
  const expires = new Date(value ? Date.now() + 34e9 : 0).toUTCString();
  const domain = config.domain ? ";domain=" + config.domain : "";
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `${name}=${value ?? ""};path=/;expires=${expires};samesite=lax${domain}${secure}`;
};
const emit = (action, more) => config.onEvent?.({ action, ...more });
const ended = sessionExpiredOrRevoked => emit("UNAUTHORISED", { sessionExpiredOrRevoked });

const parse = text => {
  try { return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), c => c.charCodeAt(0)))); } catch { }
};
const payload = token => JSON.stringify(token?.up);
const front = () => parse(read(FRONT) ?? "");
const state = () => {
  const mark = read(MARK);
  return !mark ? { is: "maybe" } : read(FRONT) ? { is: "yes", mark } : { is: "no" };
};

// Keeps what a response says, and tells about it; `before` is the state in which its request was sent.
function save(response, before, token = response.headers.get("front-token")) {
  const old = front();
  if (token) {
    write(FRONT, token === "remove" ? undefined : token);
    write(MARK, String(Date.now()));
    if (token === "remove") write(CSRF);
  }
  const csrf = response.headers.get("anti-csrf");
  if (csrf && state().is === "yes") write(CSRF, csrf);
  if (token && token !== "remove") {
    const now = front();
    const skew = now?.up?.iat ? now.up.iat * 1000 - Date.now() : 0;
    localStorage.setItem(SKEW, Math.abs(skew) < 7000 ? 0 : skew);
    if (before.is !== "yes") emit("SESSION_CREATED");
    else if (payload(old) !== payload(now)) emit("ACCESS_TOKEN_PAYLOAD_UPDATED");
  } else if (token && before.is === "yes") {
    if (response.status === config.expired) ended(true);
    else emit("SIGN_OUT");
  }
}

function locked(work) {
  if (navigator.locks) return navigator.locks.request("REFRESH_TOKEN_USE", work);
  return (queue = Promise.resolve(queue).then(work, work));
}

// Refreshes unless somebody else has done so since `before`: { retry }, { gone } or { error }.
const refresh = before => locked(async () => {
  const now = state();
  if (now.is === "no") {
    ended(false);
    return { gone: true };
  }
  if (now.is === "yes" && now.mark !== before.mark) return { retry: true };
  const headers = { ...SESSION, "st-auth-mode": "cookie" };
  if (before.is === "yes" && read(CSRF)) headers["anti-csrf"] = read(CSRF);
  const response = await send(config.api + "/session/refresh", { method: "POST", credentials: "include", headers });
  const token = response.headers.get("front-token");
  save(response, now, response.status === config.expired ? token || "remove" : token);
  if (response.status === 200 && !token) {
    throw new Error("The 'front-token' header is missing from a successful refresh-session response.");
  }
  const gone = state().is === "no";
  if (response.status >= 300) return { gone, error: response };
  if (gone) return { gone };
  emit("REFRESH_SESSION");
  return { retry: true };
});

async function known() {
  const now = state();
  if (now.is !== "maybe") return now;
  const result = await refresh(now);
  if (!result.retry) return { is: "no" };
  if (state().is === "maybe") throw new Error("No cookies");
  return state();
}

const isOurs = url => url.hostname === config.host && !url.href.includes("superTokensDoNotDoInterception");

async function sessionFetch(input, init) {
  const url = new URL(input instanceof Request ? input.url : input, location.href);
  if (!isOurs(url)) return send(input, init);
  const first = new Request(input, { credentials: "include", ...init });
  for (let attempt = 0; ; attempt++) {
    const before = await known();
    const request = new Request(first.clone()), headers = request.headers;
    if (before.is === "yes" && read(CSRF)) headers.set("anti-csrf", read(CSRF));
    if (!headers.has("rid")) headers.set("rid", "anti-csrf");
    headers.set("st-auth-mode", "cookie");
    const response = await send(request);
    save(response, before);
    if (response.status === config.invalid) {
      response.clone().json().then(({ claimValidationErrors }) =>
        claimValidationErrors && emit("API_INVALID_CLAIM", { claimValidationErrors })).catch(() => {});
    }
    if (response.status !== config.expired) return response;
    if (attempt >= config.most) {
      throw new Error(`Received a 401 response from ${url}. Attempted to refresh ${config.most} times.`);
    }
    const result = await refresh(before);
    if (!result.retry) return result.error ?? response;
  }
}

export function init(options) {
  const api = new URL(options.apiDomain ?? location.origin);
  config = {
    expired: options.sessionExpiredStatusCode ?? 401, invalid: options.invalidClaimStatusCode ?? 403,
    most: options.maxRetryAttemptsForSessionRefresh ?? 10, onEvent: options.onHandleEvent,
    domain: options.sessionTokenFrontendDomain, api: api.origin + (options.apiBasePath ?? "/auth"), host: api.hostname,
  };
  if (send) return;
  send = fetch.bind(globalThis);
  globalThis.fetch = sessionFetch;
}

export async function attemptRefreshingSession() {
  const { retry, error } = await refresh(state());
  if (error && error.status !== config.expired) throw error;
  return !!retry;
}

export async function doesSessionExist() {
  if ((await known()).is !== "yes") return false;
  if ((front()?.ate ?? 0) >= Date.now() + Number(localStorage.getItem(SKEW))) return true;
  try { return !!(await refresh(state())).retry; } catch { return false; }
}

export async function getUserId() {
  if ((await known()).is !== "yes") throw new Error("No session exists");
  return front().uid;
}

export async function getAccessTokenPayloadSecurely() {
  if (!(await doesSessionExist())) throw new Error("Could not refresh session");
  return front().up;
}

export async function signOut() {
  if (!(await doesSessionExist())) return emit("SIGN_OUT");
  const response = await fetch(config.api + "/signout", { method: "POST", headers: SESSION });
  if (response.status === config.expired) return;
  if (response.status >= 300) throw response;
  const body = await response.clone().json();
  if (body.status === "GENERAL_ERROR") throw new Error(body.message ?? "No Error Message Provided");
}
