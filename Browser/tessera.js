// Tessera for browsers: fetch and XMLHttpRequest that keep the session alive, once for all tabs.
// State is kept in the cookies of supertokens-website, so that both understand one another. docs/browser-module.md is
// the page for its users; tessera.d.ts has the types.
const FRONT = "sFrontToken", MARK = "st-last-access-token-update", CSRF = "sAntiCsrf", ACCESS = "st-access-token";
const LOCK = "st-refresh-lock", FAILURE = "st-refresh-failure", SKEW = "__st_clockSkewInMillis";
const SESSION = { rid: "session", "fdi-version": "1.16,1.17,1.18,1.19,2.0,3.0,3.1,4.0,4.1,4.2" };
const VERDICTS = ["unauthorised", "token theft detected"];
const MINUTE = 6e4, LEASE = 6000;
// Nobody waits longer than this for a refresh that he may not need, or for the end of a pause between two.
const PATIENCE = 2000;
// A failure is that of all who asked before it, if they learn of it so soon.
const FRESH = 5000;
let config, send, flight, seen, channel, checking, failed, skew = 0;

// Cookies are the store of all tabs, on every origin that shares the session; where they are denied, nothing is known.
const read = name => {
  try {
    return document.cookie.split("; ").find(c => c.startsWith(name + "="))?.slice(name.length + 1);
  } catch { }
};
const write = (name, value, life = 34e9) => {
  const age = value ? Math.ceil(life / 1000) : 0;
  const domain = config.domain ? ";domain=" + config.domain : "";
  const secure = location.protocol === "https:" ? ";secure" : "";
  try {
    document.cookie = `${name}=${value ?? ""};path=/;max-age=${age};samesite=lax${domain}${secure}`;
  } catch { }
};
const pause = ms => new Promise(done => setTimeout(done, ms));

const parse = text => {
  try { return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), c => c.charCodeAt(0)))); } catch { }
};
const front = () => parse(read(FRONT) ?? "");
const message = body => {
  try { return JSON.parse(body).message; } catch { }
};
const payload = token => JSON.stringify(token?.up);
const state = () => {
  const mark = read(MARK);
  return !mark ? { is: "maybe" } : read(FRONT) ? { is: "yes", mark } : { is: "no" };
};
const owner = () => front()?.up?.sessionHandle ?? front()?.uid;

// How far this clock is off is a hint: storage may be full or denied.
function keepSkew(value) {
  skew = value;
  try { localStorage.setItem(SKEW, value); } catch {
    try { localStorage.removeItem(SKEW); } catch { }
  }
}
function serverTime() {
  let kept = skew;
  try { kept = Number(localStorage.getItem(SKEW) ?? skew) || 0; } catch { }
  return Date.now() + kept;
}

// A handler that throws is its author's fault, and does not undo what has happened.
function tell(event) {
  try { config.onEvent?.(event); } catch (error) { reportError(error); }
}
function emit(action, more) {
  const event = { action, ...more };
  seen = state().is;
  if (action === "SESSION_CREATED" || action === "SIGN_OUT" || event.sessionExpiredOrRevoked) channel?.postMessage(event);
  tell(event);
}
const over = () => {
  emit("UNAUTHORISED", { sessionExpiredOrRevoked: false });
  return { gone: true };
};

// Tells this page what another tab has done.
function hear(event) {
  const is = state().is;
  if ((is === "yes") !== (event.action === "SESSION_CREATED")) return;
  seen = is;
  if (is === "yes") forget();
  tell({ ...event, otherTab: true });
}
// A page of another origin with the same session, or this one while it was frozen, could not be heard.
function look() {
  const before = seen, is = seen = state().is;
  if (before === is) return;
  if (is === "yes") hear({ action: "SESSION_CREATED" });
  else if (before === "yes" && is === "no") hear({ action: "SIGN_OUT" });
}

// The refresh of a visitor of whom nothing was known ends when somebody has signed in.
const forget = () => flight?.isGuess && flight.stop.abort();

// Keeps what a response says, and tells about it; `before` is the state in which its request was sent.
function save(response, before, token = response.headers.get("front-token")) {
  const old = front(), isRemoved = token === "remove";
  if (token) {
    const now = Date.now();
    write(FRONT, isRemoved ? undefined : token);
    write(MARK, String(now === Number(read(MARK)) ? now + 1 : now));
    if (isRemoved) write(CSRF);
  }
  const access = isRemoved ? "" : response.headers.get("st-access-token");
  if (access !== null && access !== (read(ACCESS) ?? "")) write(ACCESS, access);
  const csrf = response.headers.get("anti-csrf");
  if (csrf && state().is === "yes") write(CSRF, csrf);
  if (token && !isRemoved) {
    const now = front(), late = now?.up?.iat ? now.up.iat * 1000 - Date.now() : 0;
    keepSkew(Math.abs(late) < 7000 ? 0 : late);
    if (before.is !== "yes") {
      forget();
      emit("SESSION_CREATED");
    } else if (payload(old) !== payload(now)) emit("ACCESS_TOKEN_PAYLOAD_UPDATED");
  } else if (token && old && before.is === "yes") {
    if (response.status === config.expired) emit("UNAUTHORISED", { sessionExpiredOrRevoked: true });
    else emit("SIGN_OUT");
  }
}

// The last failed refresh of this session in any tab: what it came to, when, how often, and when to try again.
function failure() {
  const [mark, status, at, until, count] = (read(FAILURE) ?? "").split("_").map(Number);
  if (mark === Number(state().mark ?? 0) && until <= Date.now() + 5 * MINUTE) return { status, at, until, count };
}
function fail(status, wait, error, isBusy = status === 429 || status === 503) {
  const count = (failure()?.count ?? 0) + 1, now = Date.now();
  wait ??= count > 1 || isBusy ? Math.min(3e4, 500 * 2 ** count) * (1 - Math.random() / 2) : 0;
  wait = Math.round(Math.max(0, Math.min(wait, 5 * MINUTE)));
  write(FAILURE, [state().mark ?? 0, status, now, now + wait, count].join("_"), wait + MINUTE);
  failed = { at: now, error };
  return { error };
}
const isShared = (last, since) => last?.at >= since && Date.now() - last.at < FRESH;
const retryAfter = text => !text ? undefined : Number.isNaN(Number(text)) ? Date.parse(text) - Date.now() || 0 : text * 1000;
const repeated = ({ status, at, until }) => {
  const headers = { "retry-after": Math.max(0, Math.ceil((until - Date.now()) / 1000)) };
  return {
    error: failed?.at === at ? failed.error : () => status ? new Response(null, { status, headers })
      : new TypeError("The session could not be refreshed by another tab."),
  };
};

// One tab at a time. Web Locks are missing on plain http and end at the origin; then it is a cookie with a time limit that
// its holder renews, written, and read again when others have had time to write. Who cannot have the lock goes on without
// it: it saves requests, and the server's sharing window makes two of them right.
async function locked(work) {
  const most = config.deadline + 2 * PATIENCE;
  if (navigator.locks && !config.domain) {
    const stop = new AbortController(), timer = setTimeout(() => stop.abort(), most);
    let isOurs;
    const hold = () => {
      isOurs = true;
      return work();
    };
    try { return await navigator.locks.request("REFRESH_TOKEN_USE", { signal: stop.signal }, hold); } catch (error) {
      if (isOurs) throw error;
    } finally { clearTimeout(timer); }
  }
  const id = Math.random().toString(36).slice(2) + "_", end = performance.now() + most;
  const renew = () => write(LOCK, id + (Date.now() + LEASE), LEASE), isMine = () => !!read(LOCK)?.startsWith(id);
  const release = () => isMine() && write(LOCK);
  const acquire = async () => {
    const [holder, until] = (read(LOCK) ?? "").split("_"), left = until - Date.now();
    if (holder && left > 0 && left <= LEASE) return false;
    renew();
    if (!read(LOCK)) return true;
    await pause(40 + Math.random() * 40);
    return isMine();
  };
  let timer;
  addEventListener("pagehide", release);
  try {
    while (!(await acquire()) && performance.now() < end) await pause(50);
    timer = setInterval(() => isMine() && renew(), LEASE / 4);
    return await work();
  } finally {
    clearInterval(timer);
    release();
    removeEventListener("pagehide", release);
  }
}

// Refreshes unless somebody else has done so since `before`: { retry }, { gone } or { error }, which makes what a caller
// is given, a Response or an Error of his own. All callers of this page share one; `signal` ends the wait of one of them.
// Who asked before the last one failed is given that failure, also if he learns only then that he needs a refresh.
async function refresh(before, signal, since = Date.now()) {
  if (state().is === "no") return over();
  const last = failure();
  if (!flight && isShared(last, since)) return repeated(last);
  if (!flight) {
    const mine = flight = { isGuess: before.is !== "yes", stop: new AbortController() };
    mine.patience = pause(Math.min(PATIENCE, config.deadline));
    mine.result = locked(() => attempt(before, since, mine.stop)).finally(() => flight = undefined);
  }
  return within(signal, flight.result);
}
function within(signal, work) {
  if (!signal) return work;
  return new Promise((done, failed) => {
    const end = () => failed(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
    work.then(done, failed).finally(() => signal.removeEventListener("abort", end));
  });
}
async function attempt(before, since, stop) {
  const now = state(), who = owner();
  if (now.is === "no") return over();
  if (now.is === "yes" && now.mark !== before.mark) return { retry: true };
  const last = failure(), wait = last ? last.until - Date.now() : 0;
  if (isShared(last, since) || wait > PATIENCE) return repeated(last);
  if (wait > 0) await pause(wait);
  const headers = { ...SESSION, "st-auth-mode": "cookie" };
  if (before.is === "yes" && read(CSRF)) headers["anti-csrf"] = read(CSRF);
  // What happened meanwhile counts for more than a late answer.
  const settled = () => {
    if (state().is !== now.is || owner() !== who) return state().is === "yes" ? { retry: true } : over();
  };
  const timer = setTimeout(() => stop.abort(), config.deadline);
  let response, body;
  try {
    response = await send(config.api + "/session/refresh", {
      method: "POST", credentials: "include", redirect: "error", headers, signal: stop.signal,
    });
    if (response.status >= 300) body = await response.text().catch(() => "");
  } catch (error) {
    const text = `The session could not be refreshed within ${config.deadline} ms.`, isLate = stop.signal.aborted;
    return settled() ?? fail(0, undefined, () => isLate ? new DOMException(text, "TimeoutError") : error, isLate);
  } finally { clearTimeout(timer); }
  const meanwhile = settled();
  if (meanwhile) return meanwhile;
  // A 401 of a gateway says nothing about the session; some proxies drop the field, and leave the message.
  const token = response.headers.get("front-token");
  const isGone = response.status === config.expired && (token === "remove" || VERDICTS.includes(message(body)));
  save(response, now, isGone ? "remove" : token);
  if (response.status >= 300) {
    const { status, statusText } = response, error = () => new Response(body || null, { status, statusText, headers: response.headers });
    return isGone ? { gone: true, error } : fail(status, retryAfter(response.headers.get("retry-after")), error);
  }
  if (!token) {
    const text = "The 'front-token' header is missing from a successful refresh-session response.";
    return fail(0, undefined, () => new Error(text));
  }
  write(FAILURE);
  if (state().is === "no") return { gone: true };
  emit("REFRESH_SESSION");
  return { retry: true };
}

// The state, found out by a refresh where nothing is known: once, and no longer than a visitor without a session can wait.
async function known(signal) {
  const now = state();
  if (now.is !== "maybe" || failure()?.until > Date.now()) return now;
  const result = await within(signal, Promise.race([refresh(now), flight.patience]));
  if (result?.retry && state().is === "maybe") throw new Error("No cookies");
  return { ...state(), isTried: true };
}

const isOurs = url => url.origin === config.origin && !url.href.includes("superTokensDoNotDoInterception");
// What a request of the API's own origin carries, unless its author has set it.
function carry(before, has, set) {
  if (before.is === "yes" && read(CSRF) && !has("anti-csrf")) set("anti-csrf", read(CSRF));
  if (!has("rid")) set("rid", "anti-csrf");
  if (!has("st-auth-mode")) set("st-auth-mode", "cookie");
}
const claimEvent = ({ claimValidationErrors }) => claimValidationErrors && emit("API_INVALID_CLAIM", { claimValidationErrors });

async function sessionFetch(input, init) {
  const isRequest = input instanceof Request, url = new URL(isRequest ? input.url : input, document.baseURI);
  if (!isOurs(url)) return send(input, init);
  const credentials = init?.credentials ?? (isRequest && input.credentials === "omit" ? "omit" : "include");
  const first = new Request(input, { ...init, credentials }), since = Date.now();
  for (let count = 0; ; count++) {
    const before = await known(first.signal);
    const request = new Request(first.clone()), headers = request.headers;
    carry(before, name => headers.has(name), (name, value) => headers.set(name, value));
    const response = await send(request);
    // A redirect to somewhere else brings nothing that is about this session.
    if (response.redirected && new URL(response.url).origin !== config.origin) return response;
    save(response, before);
    if (response.status === config.invalid) response.clone().json().then(claimEvent).catch(() => { });
    if (response.status !== config.expired || before.is === "maybe" && before.isTried) return response;
    if (count >= config.most) {
      throw new Error(`Received a 401 response from ${url}. Attempted to refresh ${config.most} times.`);
    }
    const result = await refresh(before, first.signal, since);
    if (result.retry) continue;
    const error = before.is === "yes" && result.error?.();
    if (error instanceof Error) throw error;
    return error || response;
  }
}

// The same for XMLHttpRequest: a 401 is hidden from its listeners, and shown to them when no refresh has helped.
const wrapped = Plain => class XMLHttpRequest extends Plain {
  #call;
  constructor() {
    super(...arguments);
    for (const type of ["readystatechange", "loadstart", "progress", "load", "loadend"]) {
      super.addEventListener(type, event => this.#hear(event));
    }
  }
  open(method, url) {
    this.#call = undefined;
    super.open(...arguments);
    const isAsync = arguments.length < 3 || arguments[2];
    if (isAsync && isOurs(new URL(url, document.baseURI))) this.#call = { open: [...arguments], set: [], count: 0 };
  }
  setRequestHeader(name, value) {
    super.setRequestHeader(name, value);
    this.#call?.set.push([name, value]);
  }
  send(body) {
    const call = this.#call;
    if (!call || call.since) return super.send(body);
    call.body = body;
    call.since = Date.now();
    this.#go(call);
  }
  abort() {
    const isWaiting = this.#call?.isWaiting;
    this.#call = undefined;
    super.abort();
    if (isWaiting) this.#show("abort", "loadend");
  }
  #show(...types) {
    for (const type of types) this.dispatchEvent(type === "readystatechange" ? new Event(type) : new ProgressEvent(type));
  }
  async #go(call) {
    call.isWaiting = true;
    call.before = await known().catch(state);
    if (this.#call !== call) return;
    call.isWaiting = call.isSaved = false;
    this.withCredentials = true;
    const has = name => call.set.some(([other]) => other.toLowerCase() === name);
    carry(call.before, has, (name, value) => super.setRequestHeader(name, value));
    super.send(call.body);
  }
  #hear(event) {
    const call = this.#call;
    if (!call || !event.isTrusted) return;
    if (this.readyState < 2) {
      if (call.count) event.stopImmediatePropagation();
      return;
    }
    if (!call.isSaved && new URL(this.responseURL || "x:").origin === config.origin) {
      call.isSaved = true;
      const lines = this.getAllResponseHeaders().trim().split("\r\n").filter(Boolean).map(line => line.split(/: ?(.*)/, 2));
      save({ status: this.status, headers: new Headers(lines) }, call.before);
    }
    if (event.type === "loadend" && call.isSaved && this.status === config.invalid) {
      try { claimEvent(this.responseType === "json" ? this.response : JSON.parse(this.responseText)); } catch { }
    }
    if (!call.isSaved || this.status !== config.expired || call.count >= config.most) return;
    event.stopImmediatePropagation();
    if (event.type === "loadend") this.#again(call);
  }
  async #again(call) {
    call.isWaiting = true;
    const { before } = call, isVain = before.is === "maybe" && before.isTried;
    const result = isVain ? {} : await refresh(before, undefined, call.since).catch(() => ({}));
    if (this.#call !== call) return;
    call.isWaiting = false;
    if (!result.retry) return this.#show("readystatechange", "load", "loadend");
    call.count++;
    super.open(...call.open);
    for (const [name, value] of call.set) super.setRequestHeader(name, value);
    this.#go(call);
  }
};

/**
 * Begins: from here on `fetch` and `XMLHttpRequest` keep the session alive in calls to the origin of the API.
 * To call it again changes the options.
 *
 * @param {import("./tessera").Options} [options]
 */
export function init(options = {}) {
  const api = new URL(options.apiDomain ?? location.origin, location.href);
  const path = (options.apiBasePath ?? "/auth").replace(/^\/+|\/+$/g, "");
  config = {
    expired: options.sessionExpiredStatusCode ?? 401, invalid: options.invalidClaimStatusCode ?? 403,
    most: options.maxRetryAttemptsForSessionRefresh ?? 10, deadline: options.refreshTimeout ?? 10_000,
    onEvent: options.onHandleEvent, domain: options.sessionTokenFrontendDomain, origin: api.origin,
    api: api.origin + (path && "/" + path),
  };
  seen = state().is;
  if (send) return;
  send = fetch.bind(globalThis);
  globalThis.fetch = sessionFetch;
  globalThis.XMLHttpRequest = wrapped(XMLHttpRequest);
  try {
    channel = new BroadcastChannel("tessera");
    channel.onmessage = ({ data }) => hear(data);
  } catch { }
  for (const type of ["pageshow", "focus", "visibilitychange"]) addEventListener(type, look);
}

/**
 * Refreshes now, unless another tab is doing it.
 *
 * @param {{ signal?: AbortSignal }} [options] `signal` ends the wait, not the refresh
 * @returns {Promise<boolean>} whether the session continues; false where there is none any more
 * @throws {Response | Error} where nobody can say: the answer of the refresh route, or why there was none
 */
export async function attemptRefreshingSession({ signal } = {}) {
  const { retry, gone, error } = await refresh(state(), signal);
  if (error && !gone) throw error();
  return !!retry;
}

/**
 * Whether there is a session, refreshed if its access token has expired. False also where nobody can say now.
 *
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {Promise<boolean>}
 */
export async function doesSessionExist({ signal } = {}) {
  const now = await known(signal);
  if (now.is !== "yes") return false;
  return front()?.ate >= serverTime() || !!(await refresh(now, signal)).retry;
}

/**
 * The id of the user.
 *
 * @returns {Promise<string>}
 * @throws {Error} without a session
 */
export async function getUserId() {
  if ((await known()).is !== "yes") throw new Error("No session exists");
  return front()?.uid;
}

/**
 * The payload of the access token, refreshed if that has expired.
 *
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {Promise<Record<string, unknown>>}
 * @throws {Error} without a session, and where it could not be refreshed
 */
export async function getAccessTokenPayload(options) {
  if (!(await doesSessionExist(options))) throw new Error("Could not refresh session");
  return front()?.up;
}
export { getAccessTokenPayload as getAccessTokenPayloadSecurely };

/**
 * The access token, where the server exposes it (`exposesAccessToken`); for calls to other services.
 *
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {Promise<string | undefined>}
 */
export async function getAccessToken(options) {
  return (await doesSessionExist(options)) ? read(ACCESS) : undefined;
}

/**
 * Ends the session. When it resolves there is none: the server has ended it, or knew none.
 *
 * @param {{ signal?: AbortSignal }} [options]
 * @throws {Response | Error} where the server did not confirm it; the session goes on, and one may try again
 */
export async function signOut({ signal } = {}) {
  if (state().is === "maybe") {
    const { error } = await refresh(state(), signal);
    if (error && state().is === "maybe") throw error();
  }
  if (state().is === "no") return emit("SIGN_OUT");
  const stop = new AbortController(), end = () => stop.abort(signal.reason);
  const text = "The server did not confirm the sign-out.";
  const timer = setTimeout(() => stop.abort(new DOMException(text, "TimeoutError")), 2 * config.deadline + PATIENCE);
  signal?.aborted && end();
  signal?.addEventListener("abort", end);
  try {
    const response = await sessionFetch(config.api + "/signout", { method: "POST", headers: SESSION, signal: stop.signal });
    if (response.status === config.expired && state().is === "no") return;
    if (response.status >= 300) throw response;
    if (response.headers.get("front-token") === "remove") return;
    const { status, message } = await response.clone().json().catch(() => ({}));
    throw new Error(status === "GENERAL_ERROR" ? message ?? "No Error Message Provided" : text);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

/**
 * A claim of the payload, whose validators `validateClaims` takes.
 *
 * @param {string} id its key
 * @param {() => Promise<unknown>} [fetchAgain] asks the server for a new value
 * @param {number} [maxAge] in seconds; an older value is fetched again
 */
export const claim = (id, fetchAgain, maxAge = Infinity) => {
  const validator = (isRight, expected) => ({
    id, refresh: fetchAgain,
    shouldRefresh: up => !!fetchAgain && !(up[id] && serverTime() - up[id].t <= maxAge * 1000),
    validate(up) {
      const actualValue = up[id]?.v;
      if (up[id] && serverTime() - up[id].t > maxAge * 1000) return { isValid: false, reason: { message: "expired" } };
      return isRight(actualValue) ? { isValid: true }
        : { isValid: false, reason: { message: "wrong value", ...expected, actualValue } };
    },
  });
  return {
    id, valueIn: up => up?.[id]?.v,
    equals: expectedValue => validator(value => value === expectedValue, { expectedValue }),
    includes: expectedToInclude => validator(value => !!value?.includes?.(expectedToInclude), { expectedToInclude }),
  };
};

/**
 * Fetches the claims again that need it, and validates all; one page fetches a claim once.
 *
 * @param {import("./tessera").Validator[]} validators
 * @returns {Promise<import("./tessera").ClaimValidationError[]>} what does not hold
 */
export function validateClaims(validators) {
  const run = async () => {
    let up = await getAccessTokenPayload();
    for (const validator of validators) {
      if (!(await validator.shouldRefresh?.(up))) continue;
      try { await validator.refresh(); } catch (error) { reportError(error); }
      up = await getAccessTokenPayload();
    }
    const errors = [];
    for (const validator of validators) {
      const { isValid, reason } = await validator.validate(up);
      if (!isValid) errors.push({ id: validator.id, reason });
    }
    return errors;
  };
  return (checking = Promise.resolve(checking).then(run, run));
}

/**
 * The claims that a 403 of the API names.
 *
 * @param {{ response: Response }} of
 * @returns {Promise<import("./tessera").ClaimValidationError[] | undefined>}
 */
export async function getInvalidClaimsFromResponse({ response }) {
  return (await response.clone().json()).claimValidationErrors;
}
