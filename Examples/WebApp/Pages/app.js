import * as tessera from "/auth/tessera.js";
import { $, isNews, moment, stage, thiefKnows, verdict } from "/stage.js";
import * as thief from "/thief.js";

const events = (window.sessionEvents = []);
const SECOND = 1000, AN_HOUR_PASSES_IN = 8;
// Of the session that this page shows, or has shown until it ended.
let session, isThief = false, facts = {}, countdown;

tessera.init({
  onHandleEvent(event) {
    events.push(event);
    const isInside = !$("inside").hidden;
    if (event.action === "SESSION_CREATED" && event.otherTab && !isInside) start();
    if (!isInside) return;
    if (event.action === "SIGN_OUT") leave(event.otherTab ? "You were signed out in another tab." : "Signed out.");
    if (event.action === "UNAUTHORISED") {
      leave("Your session has ended. If you did not do that yourself, somebody else may have used it.", true);
    }
  },
});

async function call(method, path, body) {
  const response = await fetch(path, {
    method, headers: body ? { "content-type": "application/json" } : {}, body: body && JSON.stringify(body),
  });
  const reply = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(reply.error?.message ?? reply.message ?? response.statusText), { status: response.status });
  return reply;
}

// What the application has put into the token; the rest is the session's own.
const own = ({ name }) => ({ name });
const setText = (id, text) => $(id).textContent === text || ($(id).textContent = text);

function show(isInside, text = "", isAlarm = false) {
  $("log-in").hidden = isInside;
  $("inside").hidden = $("more").hidden = $("sign-out").hidden = !isInside;
  $("buttons").hidden = !isInside;
  setText("notice", text);
  $("notice").className = isAlarm ? "alarm" : "";
  if (!isInside) $("who").textContent = "";
}

// This page leaves at once; why is asked for afterwards, and said when it is known.
async function leave(text, isAlarm = false) {
  const ended = session;
  session = undefined;
  clearInterval(countdown);
  show(false, text, isAlarm);
  if (!text.startsWith("Signed out")) $("notice").focus();
  if (!ended) return;
  try {
    // The thief of this page tries once more, and is refused.
    if (thief.holdsAnything() && !isThief) {
      const { status } = await thief.use();
      thiefKnows["Tries again"] = status === 200 ? "and is let in" : `refused (${status})`;
    }
    const story = await call("GET", `/api/story?session=${ended}`);
    if (session || !$("inside").hidden) return;
    stage(story, { isThief, facts: {} });
    const words = verdict(story, isThief);
    if (story.end === "theft" || isAlarm && words) show(false, words, story.end === "theft");
  } catch { }
}

// The row of a session stays the same element, so that it keeps the focus.
function devices(list) {
  const body = $("devices"), focused = document.activeElement?.closest?.("tr"), at = [...body.rows].indexOf(focused);
  const rows = list.map(device => {
    const tr = [...body.rows].find(one => one.dataset.handle === device.handle) ?? row(device);
    const texts = [
      device.label + (device.current ? " (this one)" : ""), device.network, moment(device.createdAt),
      moment(device.lastSeenAt), moment(device.expiresAt),
    ];
    texts.forEach((text, index) => { if (tr.cells[index].textContent !== text) tr.cells[index].textContent = text; });
    return tr;
  });
  for (const old of [...body.rows]) if (!rows.includes(old)) old.remove();
  rows.forEach((tr, index) => { if (body.rows[index] !== tr) body.insertBefore(tr, body.rows[index] ?? null); });
  if (at >= 0 && !body.contains(focused)) {
    (body.rows[Math.min(at, rows.length - 1)]?.querySelector("button") ?? $("devices-title")).focus();
  }
}

function row({ handle, label }) {
  const tr = document.createElement("tr"), button = document.createElement("button");
  tr.dataset.handle = handle;
  for (let count = 0; count < 5; count++) tr.insertCell();
  button.textContent = "Revoke";
  button.setAttribute("aria-label", `Revoke ${label}, session ${handle.slice(0, 8)}`);
  button.onclick = () => act(() => call("POST", "/api/sessions/revoke", { handle }), "Revoked.");
  tr.insertCell().append(button);
  return tr;
}

async function update() {
  const [me, list, trail] = await Promise.all(["/api/me", "/api/sessions", "/api/trail"].map(path => call("GET", path)));
  const story = await call("GET", `/api/story?session=${me.handle}`);
  if ($("inside").hidden) return;
  session = me.handle;
  isThief = me.role === "thief";
  document.body.classList.toggle("thief", isThief);
  facts = {
    User: me.user, Session: me.handle, "Access token until": moment(me.expiresAt), Payload: JSON.stringify(own(me.payload)),
  };
  setText("who", isThief ? `You are the thief, with a copy of ${me.user}'s token` : `Signed in as ${me.user}`);
  $("plot").hidden = isThief;
  stage(story, { isThief, facts });
  devices(list);
  if (isNews("trail", trail)) $("trail").replaceChildren(...trail.map(entry => {
    const li = document.createElement("li");
    li.textContent = `${moment(entry.time)}  ${entry.kind}  ${entry.handle.slice(0, 8)}`;
    li.className = entry.kind;
    return li;
  }));
}

async function enter() {
  show(true);
  $("stage").hidden = true;
  setText("trouble", "");
  $("log-in").querySelector("form").reset();
  $("outcome").textContent = "";
  $("stolen").hidden = true;
  $("use").disabled = $("hour").disabled = true;
  for (const key of Object.keys(thiefKnows)) delete thiefKnows[key];
  thief.give(undefined, "");
  await update();
  $("data").data.value = JSON.stringify(await call("GET", "/api/data"), null, 2);
  if (isThief) wait();
}

async function act(work, text) {
  try {
    const outcome = await work();
    $("outcome").textContent = text ?? outcome ?? "";
    if (!$("inside").hidden) await update();
  } catch (error) {
    if (!$("inside").hidden) $("outcome").textContent = error.message || "That did not work.";
  }
}

// A browser that opened the link to a copy: soon an hour passes, in which the thief refreshes first.
function wait() {
  let left = AN_HOUR_PASSES_IN;
  clearInterval(countdown);
  countdown = setInterval(async () => {
    const place = $("thief").querySelector(".verdict");
    if ($("inside").hidden) return clearInterval(countdown);
    place.textContent = `You are in, with nothing but a copy. In ${left} s an hour passes, and both of you have to refresh.`;
    if (left-- > 0) return;
    left = AN_HOUR_PASSES_IN;
    try {
      await call("POST", "/api/expire");
      await call("GET", "/api/me");
      await call("POST", "/api/expire?seconds=300");
    } catch { }
  }, SECOND);
}

async function play() {
  const pause = () => new Promise(done => setTimeout(done, 1.5 * SECOND));
  $("play").disabled = true;
  try {
    for (const step of [steal, use, hour]) {
      await act(step);
      await pause();
      if ($("inside").hidden) return;
    }
  } finally { $("play").disabled = false; }
}

async function steal() {
  const { path, token } = await call("POST", "/api/steal");
  thief.give(token, facts.User);
  for (const key of Object.keys(thiefKnows)) delete thiefKnows[key];
  $("stolen").hidden = $("use").disabled = false;
  $("stolen-link").href = $("stolen-link").textContent = new URL(path, location.href).href;
  return "The thief has a copy of your refresh token: both hold the same.";
}

async function use() {
  const { status, me } = await thief.use();
  thiefKnows.Reads = me ? `${me.user}: ${JSON.stringify(own(me.payload))}` : `nothing (${status})`;
  $("hour").disabled = !me;
  return me ? "The thief is in, and has the next token. Nothing shows yet." : `The thief was refused (${status}).`;
}

async function hour() {
  await call("POST", "/api/expire");
  return "An hour has passed: this page refreshes with the token that the thief has used.";
}

$("log-in").querySelector("form").onsubmit = async event => {
  event.preventDefault();
  const { user, password } = Object.fromEntries(new FormData(event.target));
  try {
    await call("POST", "/api/login", { user, password });
    await enter();
  } catch (error) {
    show(false, error.message, true);
  }
};
$("data").onsubmit = event => {
  event.preventDefault();
  act(() => call("PUT", "/api/data", JSON.parse(event.target.data.value)), "Saved.");
};
$("refresh").onclick = () => act(async () => (await tessera.attemptRefreshingSession()) ? "Refreshed." : "");
$("expire").onclick = () => act(() => call("POST", "/api/expire"), "The next call finds its access token expired.");
$("parallel").onclick = () => act(async () => {
  await call("POST", "/api/expire");
  const before = events.length;
  await Promise.all([1, 2, 3, 4, 5, 6].map(() => call("GET", "/api/me")));
  return `Six calls with an expired token, ${events.slice(before).filter(e => e.action === "REFRESH_SESSION").length} refresh.`;
});
$("play").onclick = play;
$("steal").onclick = () => act(steal);
$("use").onclick = () => act(use);
$("hour").onclick = () => act(hour);
$("others").onclick = () => act(async () => {
  const { ended } = await call("POST", "/api/sessions/revoke-others");
  return ended === 1 ? "One other session has ended." : `${ended} other sessions have ended.`;
});
$("everywhere").onclick = () => act(async () => {
  await call("POST", "/api/sessions/revoke-all");
  setText("notice", "Signed out on every device.");
});
$("sign-out").onclick = async () => {
  try { await tessera.signOut(); } catch {
    setText("trouble", "You are still signed in: the server did not confirm the sign-out. Try again.");
  }
};

for (const pre of document.querySelectorAll("pre")) {
  pre.firstElementChild.textContent = pre.textContent.replaceAll("http://localhost:8080", location.origin);
  const button = document.createElement("button");
  button.textContent = "Copy";
  button.onclick = async () => {
    try { await navigator.clipboard.writeText(pre.textContent); button.textContent = "Copied"; } catch {
      getSelection().selectAllChildren(pre.firstElementChild);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2 * SECOND);
  };
  pre.after(button);
}

// Whether somebody is signed in may be unknown: then the page says so, and asks again.
async function start() {
  try {
    if (await tessera.doesSessionExist()) return await enter();
    show(false);
    await tessera.attemptRefreshingSession() && await enter();
    setText("trouble", "");
  } catch (error) {
    if (error.status === 401) return show(false);
    if (!session) show(false);
    setText("trouble", "Whether you are signed in could not be checked: the server cannot be reached, or is busy. Trying again; you can also log in.");
    setTimeout(() => session || start(), 5 * SECOND);
  }
}

async function poll() {
  if ($("inside").hidden) return;
  try {
    await update();
    if ($("trouble").textContent.startsWith("Whether")) return;
    setText("trouble", "");
  } catch (error) {
    if (!$("inside").hidden && error.status !== 401) setText("trouble", "The server cannot be reached, or is busy. What you see may be old.");
  }
}

await start();
setInterval(poll, 1.5 * SECOND);
document.addEventListener("visibilitychange", poll);
