// Tessera for browsers: fetch that keeps the session alive, once for all tabs.
// State is kept in the cookies of supertokens-website, so that both understand one another.
const FRONT = "sFrontToken", MARK = "st-last-access-token-update", CSRF = "sAntiCsrf";
const SKEW = "__st_clockSkewInMillis";
const FDI = "1.16,1.17,1.18,1.19,2.0,3.0,3.1,4.0,4.1,4.2";
let config, original;

const read = name => document.cookie.split("; ").find(c => c.startsWith(name + "="))?.slice(name.length + 1);
const write = (name, value) => {
  const expires = new Date(value ? Date.now() + 34e9 : 0).toUTCString();
  const domain = config.sessionTokenFrontendDomain ? ";domain=" + config.sessionTokenFrontendDomain : "";
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `${name}=${value ?? ""};path=/;expires=${expires};samesite=lax${domain}${secure}`;
};
const emit = (action, more) => config.onHandleEvent?.({ action, ...more });

const parse = text => {
  try {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), c => c.charCodeAt(0))));
  } catch { return undefined; }
};
const front = () => parse(read(FRONT) ?? "");
const state = () => {
  const mark = read(MARK);
  return !mark ? { is: "MAY_EXIST" } : read(FRONT) ? { is: "EXISTS", mark } : { is: "NOT_EXISTS" };
};

// Keeps what a response says, and tells about it; `before` is the state in which its request was sent.
function save(response, before, token = response.headers.get("front-token")) {
  const expired = response.status === config.sessionExpiredStatusCode;
  const old = front();
  if (token) {
    write(FRONT, token === "remove" ? undefined : token);
    write(MARK, String(Date.now()));
    if (token === "remove") write(CSRF);
  }
  const csrf = response.headers.get("anti-csrf");
  if (csrf && state().is === "EXISTS") write(CSRF, csrf);
  if (token && token !== "remove") {
    const now = front();
    const skew = now?.up?.iat ? now.up.iat * 1000 - Date.now() : 0;
    try { localStorage.setItem(SKEW, Math.abs(skew) < 7000 ? 0 : skew); } catch { }
    if (before.is !== "EXISTS") emit("SESSION_CREATED");
    else if (JSON.stringify(old?.up) !== JSON.stringify(now?.up)) emit("ACCESS_TOKEN_PAYLOAD_UPDATED");
  } else if (token && before.is === "EXISTS") {
    if (expired) emit("UNAUTHORISED", { sessionExpiredOrRevoked: true });
    else emit("SIGN_OUT");
  }
}

let queue = Promise.resolve();
function locked(work) {
  if (navigator.locks) return navigator.locks.request("REFRESH_TOKEN_USE", work);
  return (queue = queue.then(work, work));
}

// Refreshes unless somebody else has done so since `before`: { retry }, { gone } or { error }.
const refresh = before => locked(async () => {
  const now = state();
  if (now.is === "NOT_EXISTS") {
    emit("UNAUTHORISED", { sessionExpiredOrRevoked: false });
    return { gone: true };
  }
  if (now.is === "EXISTS" && now.mark !== before.mark) return { retry: true };
  const headers = { rid: "session", "fdi-version": FDI, "st-auth-mode": "cookie" };
  if (before.is === "EXISTS" && read(CSRF)) headers["anti-csrf"] = read(CSRF);
  const url = config.api + "/session/refresh";
  const response = await original(url, { method: "POST", credentials: "include", headers });
  const token = response.headers.get("front-token");
  const ended = response.status === config.sessionExpiredStatusCode && !token;
  save(response, now, ended ? "remove" : token);
  if (response.status === 200 && !token) {
    throw new Error("The 'front-token' header is missing from a successful refresh-session response.");
  }
  const gone = state().is === "NOT_EXISTS";
  if (response.status >= 300) return { gone, error: response };
  if (gone) return { gone };
  emit("REFRESH_SESSION");
  return { retry: true };
});

async function knownState() {
  const now = state();
  if (now.is !== "MAY_EXIST") return now;
  const result = await refresh(now);
  if (!result.retry) return { is: "NOT_EXISTS" };
  if (state().is === "MAY_EXIST") throw new Error("The browser does not keep this page's cookies.");
  return state();
}

const isOurs = url => url.hostname === config.host && !url.href.includes("superTokensDoNotDoInterception");

async function sessionFetch(input, init) {
  const url = new URL(input instanceof Request ? input.url : input, location.href);
  if (!isOurs(url)) return original(input, init);
  const first = new Request(input, { credentials: "include", ...init });
  for (let attempt = 0; ; attempt++) {
    const before = await knownState();
    const request = new Request(first.clone());
    if (before.is === "EXISTS" && read(CSRF)) request.headers.set("anti-csrf", read(CSRF));
    if (!request.headers.has("rid")) request.headers.set("rid", "anti-csrf");
    request.headers.set("st-auth-mode", "cookie");
    const response = await original(request);
    save(response, before);
    if (response.status === config.invalidClaimStatusCode) {
      response.clone().json().then(({ claimValidationErrors: claims }) =>
        claims && emit("API_INVALID_CLAIM", { claimValidationErrors: claims })).catch(() => {});
    }
    if (response.status !== config.sessionExpiredStatusCode) return response;
    const most = config.maxRetryAttemptsForSessionRefresh;
    if (attempt >= most) {
      throw new Error(`Received a 401 response from ${url}. Attempted to refresh the session and retry ${most} times.`);
    }
    const result = await refresh(before);
    if (!result.retry) return result.error ?? response;
  }
}

export function init(options) {
  const api = new URL(options.apiDomain ?? location.origin);
  config = {
    sessionExpiredStatusCode: 401, invalidClaimStatusCode: 403, maxRetryAttemptsForSessionRefresh: 10, ...options,
    api: api.origin + (options.apiBasePath ?? "/auth"), host: api.hostname,
  };
  if (!original) {
    original = globalThis.fetch.bind(globalThis);
    globalThis.fetch = sessionFetch;
  }
}

export async function attemptRefreshingSession() {
  const { retry, error } = await refresh(state());
  if (error && error.status !== config.sessionExpiredStatusCode) throw error;
  return !!retry;
}

export async function doesSessionExist() {
  if ((await knownState()).is !== "EXISTS") return false;
  let skew = 0;
  try { skew = Number(localStorage.getItem(SKEW)); } catch { }
  if ((front()?.ate ?? 0) >= Date.now() + skew) return true;
  try { return !!(await refresh(state())).retry; } catch { return false; }
}

export async function getUserId() {
  if ((await knownState()).is !== "EXISTS") throw new Error("No session exists");
  return front().uid;
}

export async function getAccessTokenPayloadSecurely() {
  if (!(await doesSessionExist())) throw new Error("Could not refresh session");
  return front().up;
}

export async function signOut() {
  if (!(await doesSessionExist())) return emit("SIGN_OUT");
  const response = await fetch(config.api + "/signout", {
    method: "POST", headers: { rid: "session", "fdi-version": FDI },
  });
  if (response.status === config.sessionExpiredStatusCode) return;
  if (response.status >= 300) throw response;
  const body = await response.clone().json();
  if (body.status === "GENERAL_ERROR") throw new Error(body.message ?? "No Error Message Provided");
}
