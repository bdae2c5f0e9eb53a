import * as tessera from "/auth/tessera.js";

const $ = id => document.getElementById(id);
const time = ms => new Date(ms).toLocaleTimeString();
const events = (window.sessionEvents = []);

tessera.init({
  onHandleEvent(event) {
    events.push(event);
    if (event.action === "UNAUTHORISED" && event.sessionExpiredOrRevoked) {
      show(false, "Your session has ended. If you did not do that yourself, somebody else may have used it.", true);
    }
  },
});

async function call(method, path, body) {
  const response = await fetch(path, {
    method, headers: body ? { "content-type": "application/json" } : {}, body: body && JSON.stringify(body),
  });
  const reply = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(reply.error?.message ?? reply.message ?? response.statusText);
  return reply;
}

function show(isInside, text = "", isAlarm = false) {
  $("log-in").hidden = isInside;
  $("inside").hidden = $("sign-out").hidden = !isInside;
  $("notice").textContent = text;
  $("notice").className = isAlarm ? "alarm" : "";
  if (!isInside) $("who").textContent = "";
}

function row(device) {
  const tr = document.createElement("tr");
  const name = device.handle.slice(0, 8) + (device.current ? " (this one)" : "");
  for (const text of [name, time(device.createdAt), new Date(device.expiresAt).toLocaleDateString()]) {
    tr.insertCell().textContent = text;
  }
  const button = document.createElement("button");
  button.textContent = "Revoke";
  button.onclick = () => act(() => call("POST", "/api/sessions/revoke", { handle: device.handle }), "Revoked.");
  tr.insertCell().append(button);
  return tr;
}

function facts(me) {
  const pairs = {
    User: me.user, Session: me.handle, "Access token until": time(me.expiresAt),
    Payload: JSON.stringify(me.payload),
  };
  $("facts").replaceChildren(...Object.entries(pairs).flatMap(([name, value]) => {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    [dt.textContent, dd.textContent] = [name, value];
    return [dt, dd];
  }));
  $("who").textContent = `Signed in as ${me.user}`;
}

async function update() {
  const [me, devices, trail] = await Promise.all(
    ["/api/me", "/api/sessions", "/api/trail"].map(path => call("GET", path)));
  facts(me);
  $("devices").replaceChildren(...devices.map(row));
  $("trail").replaceChildren(...trail.map(entry => {
    const li = document.createElement("li");
    li.textContent = `${time(entry.time)}  ${entry.kind}  ${entry.handle.slice(0, 8)}`;
    li.className = entry.kind;
    return li;
  }));
}

async function enter() {
  show(true);
  $("log-in").querySelector("form").reset();
  $("outcome").textContent = "";
  $("stolen").hidden = true;
  $("data").data.value = JSON.stringify(await call("GET", "/api/data"), null, 2);
  await update();
}

async function act(work, text) {
  try {
    const outcome = await work();
    $("outcome").textContent = text ?? outcome ?? "";
    if (!$("inside").hidden) await update();
  } catch (error) {
    if (!$("inside").hidden) $("outcome").textContent = error.message ?? "That did not work.";
  }
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
$("steal").onclick = () => act(async () => {
  const { path } = await call("POST", "/api/steal");
  $("stolen").hidden = false;
  $("stolen-link").href = $("stolen-link").textContent = new URL(path, location.href).href;
  return "A copy of your refresh token is ready.";
});
$("everywhere").onclick = async () => {
  await call("POST", "/api/sessions/revoke-all");
  show(false, "Signed out on every device.");
};
$("sign-out").onclick = async () => {
  await tessera.signOut();
  show(false, "Signed out.");
};

if (await tessera.doesSessionExist()) await enter(); else show(false);
setInterval(() => $("inside").hidden || document.hidden || update().catch(() => {}), 2000);
