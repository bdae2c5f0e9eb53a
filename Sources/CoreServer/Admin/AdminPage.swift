// Written by scripts/embed-admin-page from the files in Admin; do not edit.
// swift-format-ignore-file

/// The files of the admin page, as they are.
enum AdminPage {
    /// The page.
    static let html = #"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Tessera admin</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="/admin/admin.css">
        <script src="/admin/admin.js" type="module"></script>
        </head>
        <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <p class="brand">Tessera <span>admin</span></p>
          <nav id="nav" aria-label="Parts of the page" hidden>
            <ul>
              <li><a href="#overview">Overview</a></li>
              <li><a href="#sessions">Sessions</a></li>
              <li><a href="#keys">Keys</a></li>
              <li><a href="#live">Live</a></li>
              <li><a href="#configuration">Configuration</a></li>
              <li><a href="#audit">Audit log</a></li>
            </ul>
          </nav>
          <div id="who" hidden>
            <label for="app">App</label>
            <select id="app"></select>
            <span id="operator"></span>
            <button type="button" id="log-out">Log out</button>
          </div>
        </header>
        <div id="ending" role="alertdialog" aria-labelledby="ending-title" hidden>
          <p id="ending-title">This admin session ends in <span id="ending-in"></span>.</p>
          <button type="button" id="stay">Stay logged in</button>
        </div>
        <main id="main" tabindex="-1">
          <p id="status" role="status"></p>
          <p id="problem" role="alert"></p>
          <section id="log-in" aria-labelledby="log-in-title">
            <h1 id="log-in-title">Log in</h1>
            <form id="log-in-form" aria-labelledby="log-in-title">
              <p><label for="key">Key of the admin page</label>
              <input id="key" name="key" type="password" autocomplete="current-password" spellcheck="false" required aria-describedby="key-help">
              <small id="key-help">One of <code>admin_api_keys</code> in the configuration. It is kept nowhere. On the machine of the core,
              <code>tessera admin link</code> prints an address that needs no key.</small></p>
              <button>Log in</button>
            </form>
          </section>
          <section id="overview" aria-labelledby="overview-title" hidden>
            <h1 id="overview-title" tabindex="-1">Overview</h1>
            <dl id="facts"></dl>
            <h2>Notes of the start</h2>
            <ul id="warnings"></ul>
          </section>
          <section id="sessions" aria-labelledby="sessions-title" hidden>
            <h1 id="sessions-title" tabindex="-1">Sessions</h1>
            <form id="find" class="row" aria-label="Find sessions">
              <p><label for="by">Find by</label>
              <select id="by"><option value="user">User ID</option><option value="session">Session handle</option></select></p>
              <p class="wide"><label for="what">Exact ID or handle</label>
              <input id="what" required autocomplete="off" spellcheck="false"></p>
              <button>Find</button>
            </form>
            <div id="found"></div>
            <div id="story" tabindex="-1" role="region" aria-label="Timeline of a session"></div>
          </section>
          <section id="keys" aria-labelledby="keys-title" hidden>
            <h1 id="keys-title" tabindex="-1">Signing keys</h1>
            <p id="rotate-place"></p>
            <div id="key-list"></div>
          </section>
          <section id="live" aria-labelledby="live-title" hidden>
            <h1 id="live-title" tabindex="-1">Live</h1>
            <p>Figures of this process alone, each second. Times are of the last 10 seconds.
              <button type="button" id="pause" aria-pressed="false">Pause</button></p>
            <div id="figures"></div>
          </section>
          <section id="configuration" aria-labelledby="configuration-title" hidden>
            <h1 id="configuration-title" tabindex="-1">Configuration</h1>
            <p><label for="only-set"><input type="checkbox" id="only-set"> Only what was set</label></p>
            <div id="settings"></div>
          </section>
          <section id="audit" aria-labelledby="audit-title" hidden>
            <h1 id="audit-title" tabindex="-1">Audit log</h1>
            <form id="filter" class="row" aria-label="Filters of the audit log">
              <p><label for="f-user">User ID</label><input id="f-user" data-name="userId" autocomplete="off"></p>
              <p><label for="f-session">Session handle</label><input id="f-session" data-name="sessionHandle" autocomplete="off"></p>
              <p><label for="f-event">Event</label><select id="f-event" data-name="event"><option value="">All</option></select></p>
              <p><label for="f-actor">By</label><select id="f-actor" data-name="actor"><option value="">All</option></select></p>
              <p><label for="f-since">From</label><input id="f-since" data-name="since" type="datetime-local"></p>
              <p><label for="f-until">Until</label><input id="f-until" data-name="until" type="datetime-local"></p>
              <button>Show</button>
              <button type="button" id="export">Export as NDJSON</button>
            </form>
            <div id="entries"></div>
          </section>
        </main>
        <dialog id="ask" aria-labelledby="ask-title">
          <form id="ask-form" method="dialog" aria-labelledby="ask-title">
            <h2 id="ask-title"></h2>
            <p id="ask-text"></p>
            <p id="ask-typed"><label for="ask-name">Type <b id="ask-expected"></b> to confirm</label>
            <input id="ask-name" autocomplete="off" spellcheck="false"></p>
            <p><label for="ask-reason">Reason, for the audit log</label>
            <input id="ask-reason" maxlength="200" required autocomplete="off" aria-describedby="ask-help">
            <small id="ask-help">At most 200 characters.</small></p>
            <p id="ask-problem" role="alert"></p>
            <p class="buttons"><button type="submit" id="ask-do" class="danger"></button>
            <button type="button" class="plain" id="ask-cancel">Cancel</button></p>
          </form>
        </dialog>
        </body>
        </html>

        """#

    /// Its style.
    static let css = #"""
        :root {
          color-scheme: light dark;
          --back: #fff; --panel: #f4f5f7; --text: #1b1f24; --soft: #4d5661; --line: #767f8a; --faint: #d4d8dd;
          --link: #0b57a8; --danger: #a3161f; --good: #14622d; --warn: #7a4b00; --on: #fff; --mark: #fff3d6;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --back: #15181c; --panel: #1f242a; --text: #e9ecef; --soft: #b3bcc6; --line: #87919c; --faint: #3a424b;
            --link: #8ec2ff; --danger: #ff9a9f; --good: #86dba0; --warn: #f5c77e; --on: #15181c; --mark: #3d3115;
          }
        }
        * { box-sizing: border-box; }
        html { scroll-padding-top: 1rem; }
        body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
        [hidden] { display: none !important; }
        .skip { position: absolute; left: -999rem; padding: .5rem 1rem; background: var(--back); }
        .skip:focus { left: 0; top: 0; z-index: 2; }
        header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: center; padding: .5rem 1rem; background: var(--panel);
          border-bottom: 1px solid var(--line); }
        .brand { margin: 0; font-weight: 700; font-size: 1.15rem; }
        .brand span { font-weight: 400; color: var(--soft); }
        nav ul { display: flex; flex-wrap: wrap; gap: .25rem; margin: 0; padding: 0; list-style: none; }
        nav a { display: inline-block; padding: .35rem .6rem; border-radius: .3rem; min-height: 2rem; text-decoration: none; }
        nav a[aria-current] { background: var(--link); color: var(--on); text-decoration: underline; }
        #who { margin-left: auto; display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
        #operator { color: var(--soft); overflow-wrap: anywhere; }
        main { padding: 1rem; max-width: 80rem; margin: 0 auto; }
        main:focus, h1:focus { outline-offset: .3rem; }
        h1 { font-size: 1.5rem; margin: 0 0 1rem; }
        h2 { font-size: 1.15rem; margin: 1.5rem 0 .5rem; }
        a { color: var(--link); }
        code, .id { font-family: ui-monospace, monospace; font-size: .92em; overflow-wrap: anywhere; unicode-bidi: isolate; }
        small { display: block; color: var(--soft); font-size: .875rem; }
        label { display: inline-block; font-weight: 600; }
        form p { margin: 0 0 .75rem; }
        input:not([type=checkbox]), select, button { font: inherit; min-height: 2.25rem; padding: .25rem .6rem; border-radius: .3rem;
          border: 1px solid var(--line); background: var(--back); color: var(--text); max-width: 100%; }
        input:not([type=checkbox]) { width: 100%; }
        input[type=checkbox] { width: 1.5rem; height: 1.5rem; vertical-align: middle; }
        button { background: var(--link); border-color: var(--link); color: var(--on); font-weight: 600; cursor: pointer; }
        button { white-space: nowrap; }
        button.plain { background: var(--back); color: var(--link); }
        button.danger { background: var(--danger); border-color: var(--danger); }
        button:disabled { background: var(--panel); color: var(--soft); border-color: var(--line); cursor: not-allowed; }
        :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
        #log-in-form { max-width: 34rem; }
        .row { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: flex-end; padding: .75rem; background: var(--panel); border-radius: .4rem;
          margin-bottom: 1rem; }
        .row p { margin: 0; flex: 1 1 11rem; min-width: 0; }
        .row p.wide { flex-grow: 3; }
        .row select { width: 100%; }
        .buttons { display: flex; flex-wrap: wrap; gap: .5rem; }
        #status:not(:empty), #problem:not(:empty), #ask-problem:not(:empty), #ending { padding: .5rem .75rem; border-radius: .3rem; }
        #status:not(:empty) { border-left: .4rem solid var(--good); background: var(--panel); }
        #problem:not(:empty), #ask-problem:not(:empty) { border-left: .4rem solid var(--danger); background: var(--panel); color: var(--danger);
          font-weight: 600; }
        #status:empty, #problem:empty, #ask-problem:empty { margin: 0; }
        #ending { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; background: var(--mark); border-bottom: 1px solid var(--warn); }
        #ending p { margin: 0; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; }
        caption { overflow-wrap: anywhere; text-align: left; font-weight: 600; padding: .25rem 0; }
        th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--faint); }
        thead th { border-bottom: 2px solid var(--line); }
        td { overflow-wrap: anywhere; min-width: 5rem; }
        td.long { max-width: 26rem; }
        .long > span { display: block; max-height: 7.5rem; overflow: auto; }
        td small, th small { overflow-wrap: anywhere; font-weight: 400; }
        .bad { white-space: nowrap; }
        button.id { overflow-wrap: anywhere; white-space: normal; text-align: left; }
        dl { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .35rem 1rem; }
        dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
        .end { padding: .6rem .8rem; border: 1px solid var(--line); border-left: .4rem solid var(--warn); background: var(--mark); border-radius: .3rem; }
        .bad { color: var(--danger); font-weight: 700; } .good { color: var(--good); font-weight: 700; }
        .pages { display: flex; gap: .5rem; margin: .75rem 0; }
        .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .75rem; }
        .card { padding: .75rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--panel); }
        .card b { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums; }
        svg { display: block; max-width: 100%; height: auto; }
        svg.track { min-width: 34rem; }
        svg text { fill: var(--text); font-size: 13px; }
        .owner { stroke: var(--link); fill: var(--link); } .copy { stroke: var(--danger); fill: var(--danger); }
        .line { fill: none; stroke-width: 2; } .dash { stroke-dasharray: 6 4; } .open { fill: var(--back); stroke-width: 2.5; }
        .stop { stroke: var(--text); stroke-width: 3; }
        dialog { width: min(34rem, calc(100vw - 1rem)); border: 1px solid var(--line); border-radius: .5rem; background: var(--back); color: var(--text); }
        dialog::backdrop { background: rgb(0 0 0 / .5); }
        dialog h2 { margin-top: 0; } dialog p { overflow-wrap: anywhere; }
        @media (max-width: 40rem) {
          #who { margin-left: 0; }
          dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; }
          table.stack thead { position: absolute; left: -999rem; }
          table.stack, table.stack caption, table.stack tbody { display: block; }
          table.stack tr { display: block; border-bottom: 2px solid var(--line); padding: .4rem 0; }
          table.stack th, table.stack td { display: block; border: 0; padding: .15rem 0; max-width: none; }
          table.stack td::before { content: attr(data-label) ": "; font-weight: 600; }
        }

        """#

    /// Its script.
    static let script = #"""
        // The admin page of a Tessera core (docs/admin.md). Nothing of it is stored: the token of the session is in this module
        // alone, so a reload logs out. All text goes in as text.

        const $ = (id) => document.getElementById(id);
        const EVENTS = ["created", "refused", "authenticated", "refreshed", "reuse_detected", "late_parent", "revoked", "revoked_all",
          "data_changed", "restored", "key_created", "key_used", "key_retired", "user_erased", "credential_changed"];
        const ACTORS = ["user", "admin", "driver", "core"];
        const MINUTE = 60_000;

        let token = null;
        let facts = {};
        let endsAt = 0;
        let isLast = false;
        let feed = null;

        // ---- Elements

        /** An element; children are elements, or texts that stay texts. */
        function el(name, attributes = {}, ...children) {
          const element = document.createElement(name);
          for (const [key, value] of Object.entries(attributes)) {
            if (key === "click") element.addEventListener("click", value);
            else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
          }
          element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== ""));
          return element;
        }

        /** The same in SVG. */
        function draw(name, attributes = {}, ...children) {
          const element = document.createElementNS("http://www.w3.org/2000/svg", name);
          for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
          element.append(...children);
          return element;
        }

        /** An identifier that a client or an application chose: isolated, so that it turns no other text around. */
        const id = (text) => el("bdi", { class: "id" }, shown(text));

        /** A text whose invisible and direction-changing characters can be seen, and that is not endless. */
        function shown(text) {
          const visible = String(text).replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
            (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
          return visible.length > 2000 ? `${visible.slice(0, 2000)}… (${visible.length} characters)` : visible;
        }

        /** A table that keeps its roles when it is shown as a stack of rows on a narrow screen. */
        function table(caption, heads, rows) {
          const body = rows.map((cells) => el("tr", { role: "row" }, cells.map((cell, index) => {
            const content = [cell ?? "–"].flat();
            return index === 0
              ? el("th", { scope: "row", role: "rowheader" }, content)
              : el("td", { role: "cell", "data-label": heads[index] }, content);
          })));
          return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
            el("table", { role: "table", class: "stack" }, el("caption", {}, caption),
              el("thead", { role: "rowgroup" }, el("tr", { role: "row" },
                heads.map((head) => el("th", { scope: "col", role: "columnheader" }, head)))),
              el("tbody", { role: "rowgroup" }, body)));
        }

        function time(milliseconds) {
          if (milliseconds === undefined) return undefined;
          const date = new Date(milliseconds);
          if (Number.isNaN(date.getTime())) return `${milliseconds} ms`;
          return el("time", { datetime: date.toISOString() }, date.toISOString().replace("T", " ").replace("Z", " UTC"));
        }

        /** A span as the core writes it: two or more of the largest unit. */
        function span(milliseconds) {
          if (milliseconds === undefined) return undefined;
          const units = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1_000, "s"], [1, "ms"]];
          const [unit, name] = units.find(([unit]) => milliseconds >= 2 * unit) ?? [1, "ms"];
          return `${Math.floor(milliseconds / unit)} ${name}`;
        }

        const say = (text) => { $("problem").textContent = ""; $("status").textContent = text; };
        const complain = (text) => { $("status").textContent = ""; $("problem").textContent = text; };
        const button = (text, click, kind = "plain") => el("button", { type: "button", class: kind, click }, text);

        // ---- The core

        class Refused extends Error {}

        async function call(method, path, { query = {}, body } = {}) {
          const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== ""));
          const headers = { "X-Tessera-Admin": "1" };
          if (token) headers.Authorization = `Bearer ${token}`;
          if (body) headers["Content-Type"] = "application/json";
          let reply;
          try {
            reply = await fetch(`/admin/${path}${parameters.size ? `?${parameters}` : ""}`,
              { method, headers, body: body && JSON.stringify(body), cache: "no-store", credentials: "omit" });
          } catch {
            throw new Refused("The core does not answer. What was asked for may or may not have happened.");
          }
          const left = reply.headers.get("X-Tessera-Admin-Ends-In");
          if (left) setEnd(Number(left));
          if (!reply.ok) {
            const reason = await reply.json().then((object) => object.error, () => `The core answered ${reply.status}.`);
            if (reply.status === 401 && token) leave(reason);
            throw new Refused(reason);
          }
          return reply;
        }

        const app = () => $("app").value || "public";
        const read = async (path, query) => (await call("GET", path, { query: { app: app(), ...query } })).json();
        const change = async (path, body) => (await call("POST", path, { query: { app: app() }, body })).json();

        /** Runs what a control does; what goes wrong is said. */
        async function doing(work) {
          $("problem").textContent = "";
          try {
            return await work();
          } catch (error) {
            if (!(error instanceof Refused)) throw error;
            complain(error.message);
          }
        }

        // ---- The admin session

        function setEnd(left) { endsAt = Date.now() + left; }

        async function enter(body) {
          const session = await (await call("POST", "session", { body })).json();
          token = session.token;
          isLast = session.isLast;
          setEnd(session.endsIn);
          $("log-in").hidden = true;
          $("nav").hidden = $("who").hidden = false;
          await show();
        }

        function leave(text) {
          token = null;
          stopFeed();
          $("ending").hidden = true;
          if ($("ask").open) $("ask").close();
          $("nav").hidden = $("who").hidden = true;
          for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== "log-in";
          for (const part of ["facts", "warnings", "found", "story", "key-list", "figures", "settings", "entries", "app"]) $(part).replaceChildren();
          say("");
          if (text) complain(text);
          $("key").focus();
        }

        // Two minutes before the end there is time to stay; the last end cannot be moved.
        setInterval(() => {
          if (!token) return;
          const left = endsAt - Date.now();
          if (left <= 0) return leave("The admin session has ended. Log in again.");
          const mustWarn = left <= 2 * MINUTE;
          if (mustWarn && $("ending").hidden) $("stay").hidden = isLast;
          $("ending").hidden = !mustWarn;
          // A screen reader hears the beginning, not each second.
          $("ending-in").textContent = left > MINUTE ? "2 minutes" : "a minute";
        }, 500);

        $("stay").addEventListener("click", () => doing(async () => {
          const session = await (await call("GET", "session")).json();
          isLast = session.isLast;
          $("ending").hidden = true;
          say("You stay logged in.");
        }));

        $("log-in-form").addEventListener("submit", (event) => {
          event.preventDefault();
          const apiKey = $("key").value;
          $("key").value = "";
          doing(() => enter({ apiKey })).then(() => { if (!token) $("key").focus(); });
        });

        $("log-out").addEventListener("click", () => doing(async () => {
          await call("DELETE", "session");
          leave("");
          say("Logged out.");
        }));

        // ---- Parts

        const parts = { overview, sessions: () => {}, keys, live, configuration, audit: () => showAudit({}) };

        async function show(options = {}) {
          const part = location.hash.slice(1) in parts ? location.hash.slice(1) : "overview";
          stopFeed();
          for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== part;
          for (const link of document.querySelectorAll("nav a")) {
            if (link.hash === `#${part}`) link.setAttribute("aria-current", "page");
            else link.removeAttribute("aria-current");
          }
          document.title = `${$(`${part}-title`).textContent} – Tessera admin`;
          if (!options.keepFocus) $(`${part}-title`).focus();
          say("");
          if (!facts.apps || part === "overview") await doing(overview);
          if (part !== "overview") await doing(parts[part]);
        }

        window.addEventListener("hashchange", () => { if (!takeCode() && token) show(); });
        $("app").addEventListener("change", () => {
          for (const part of ["found", "story", "entries"]) $(part).replaceChildren();
          show({ keepFocus: true });
        });

        async function overview() {
          const chosen = app();
          facts = await read("overview");
          $("operator").replaceChildren("Operator ", id(facts.name));
          $("app").replaceChildren(...facts.apps.map((name) => el("option", { value: name, selected: name === chosen }, shown(name))));
          const keys = Object.entries(facts.keys).filter(([, count]) => count > 0).map(([state, count]) => `${count} ${state}`);
          const rows = {
            "Release": facts.version,
            "Running for": span(facts.uptime) ?? "0 ms",
            "Time of the core": time(facts.time),
            "Storage": [el("span", { class: facts.isUp ? "good" : "bad" }, facts.isUp ? "✓ answers" : "✗ does not answer"), ", ", shown(facts.storage)],
            "Nodes": facts.isShared ? "others may share this storage" : "this process alone",
            "Keys of the app": keys.join(", ") || "none yet",
            "This page": facts.writes ? "may change things" : "is read-only (admin_page_writes)",
          };
          $("facts").replaceChildren(...Object.entries(rows).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
          const warnings = facts.warnings.map((warning) => el("li", {}, shown(warning)));
          $("warnings").replaceChildren(...(warnings.length ? warnings : [el("li", {}, "There are none.")]));
        }

        // ---- Sessions

        $("find").addEventListener("submit", (event) => {
          event.preventDefault();
          $("story").replaceChildren();
          find($("by").value, $("what").value);
        });

        const LIMITS = { idle: "if it is not used until then", absolute: "its longest duration", validity: "if its refresh token is not used" };

        function find(by, what, pages = [undefined]) {
          return doing(async () => {
            const found = await read("sessions", { [by]: what, after: pages.at(-1) });
            const parts = found.sessions.length ? [deviceTable(found.sessions, by, what)] : [];
            if (!found.sessions.length) parts.push(...nothing(by, what, found));
            if (by === "user") {
              if (found.sessions.length) {
                parts.push(el("p", { class: "buttons" }, writer("End all sessions of this user", () => revoke({ user: what }, `all sessions of the user ${shown(what)}`))));
              }
              parts.push(pager(pages, found.next, (next) => find(by, what, next)));
            }
            $("found").replaceChildren(...parts);
            say(found.sessions.length === 1 ? "1 session found." : `${found.sessions.length} sessions ${found.next ? "on this page" : "found"}.`);
            if (by === "session") await timeline(what);
          });
        }

        function nothing(by, what, found) {
          // The timeline below says why.
          if (found.end) return [];
          return [el("p", {}, by === "user" ? "This user has no session that lives." : "No such session lives, and the audit log does not say why.")];
        }

        const end = (found) => el("p", { class: "end" }, "Ended ", time(found.endedAt), ": ", el("strong", { class: "reason" }, found.text), ".");

        /** Newest and older pages, by what each page before has said. */
        function pager(pages, next, go) {
          if (pages.length === 1 && !next) return el("span");
          return el("nav", { class: "pages", "aria-label": "Pages" },
            el("button", { type: "button", class: "plain", disabled: pages.length === 1, click: () => go([undefined]) }, "Newest"),
            el("button", { type: "button", class: "plain", disabled: !next, click: () => go([...pages, next]) }, "Older"));
        }

        function deviceTable(sessions, by, what) {
          const heads = ["Session", "Device", "Addresses", "Signed in", "Last seen", "Ends", "Level", "Actions"];
          return table(by === "user" ? `Sessions of ${shown(what)}` : "Session", heads, sessions.map((session) => {
            const { device, authentication, limits } = session;
            const kinds = [session.anonymous && "anonymous", session.impersonated && `${session.actedBy ? shown(session.actedBy.sub ?? JSON.stringify(session.actedBy)) : "another person"} acts as the user`, limits.remembered && "remembered"].filter(Boolean);
            const others = `all sessions of the user ${shown(session.userId)} but ${session.sessionHandle}`;
            return [
              [button(shown(session.sessionHandle), () => doing(() => timeline(session.sessionHandle)), "plain id"), el("small", {}, "User ", id(session.userId), session.tenantId === "public" ? "" : ` in ${shown(session.tenantId)}`)],
              [id(device.label), device.userAgent && el("small", {}, shown(device.userAgent)), kinds.length && el("small", {}, kinds.join(", "))],
              [device.firstAddress ? id(device.firstAddress) : "–", device.lastAddress && device.lastAddress !== device.firstAddress && [" → ", id(device.lastAddress)], device.country && ` (${shown(device.country)})`].flat(),
              time(session.created), time(session.lastSeen),
              [time(session.expires), el("small", {}, LIMITS[session.endsBy] ?? "")],
              [authentication.level ? id(authentication.level) : "–", authentication.amr?.length && el("small", {}, shown(authentication.amr.join(", ")))],
              el("span", { class: "buttons" },
                writer("End", () => revoke({ session: session.sessionHandle }, `the session ${session.sessionHandle}`), `End session ${session.sessionHandle}`),
                by === "user" && sessions.length > 1 && writer("End others", () => revoke({ user: what, except: session.sessionHandle }, others), `End all but ${session.sessionHandle}`)),
            ].map((cell) => [cell].flat().filter(Boolean));
          }));
        }

        /** A button for a change; where the page is read-only it says so. */
        function writer(text, click, label, kind = "danger") {
          const attributes = { type: "button", class: kind, click, "aria-label": label };
          if (!facts.writes) Object.assign(attributes, { disabled: true, title: "This page is read-only: admin_page_writes." });
          return el("button", attributes, text);
        }

        async function revoke(target, words) {
          const reasonText = await ask("End sessions", `This ends ${words}.`, "End");
          if (reasonText === null) return;
          await doing(async () => {
            const { ended } = await change("sessions/revoke", { ...target, reasonText });
            const again = $("find");
            await find($("by").value, $("what").value);
            say(ended === 1 ? "1 session ended." : `${ended} sessions ended.`);
            again.querySelector("button").focus();
          });
        }

        // ---- Timeline

        async function timeline(session) {
          const pages = [];
          let told;
          do {
            told = await read("timeline", { session, after: told?.next });
            pages.push(...told.entries);
          } while (told.next && pages.length < 500);
          const entries = pages.slice(0, 500);
          const parts = [el("h2", {}, "Timeline of ", id(session))];
          if (told.end) parts.push(end(told.end));
          else parts.push(el("p", {}, told.isLive ? "This session lives." : "No entry says that this session has ended."));
          if (entries.length) parts.push(drawing(entries), entryTable("Entries, the oldest first", entries));
          else parts.push(el("p", {}, "The audit log has no entries about it."));
          if (told.next) parts.push(el("p", {}, "Only the first 500 entries are shown; the audit log has the others."));
          $("story").replaceChildren(...parts);
          $("story").focus();
        }

        const isCopy = (entry) => entry.event === "reuse_detected" || entry.event === "late_parent";

        /** Two tracks: what the session did, and what a copy of it did. The table below says the same in words. */
        function drawing(entries) {
          const steps = entries.slice(-24);
          const [gap, left, upper, lower] = [76, 40, 60, 130];
          const width = left + gap * Math.max(6, steps.length) + 40;
          const hasCopy = steps.some(isCopy);
          const height = hasCopy ? 190 : 110;
          const title = `${entries.length} entries${hasCopy ? ", with a copy of a token in use" : ""}; the table has each of them`;
          const picture = draw("svg", { class: "track", role: "img", "aria-label": title, viewBox: `0 0 ${width} ${height}`, width, height });
          picture.append(draw("text", { x: 4, y: 18 }, "Session"));
          const last = steps.findLastIndex((entry) => !isCopy(entry));
          picture.append(draw("path", { class: "owner line", d: `M${left} ${upper}H${left + gap * Math.max(last, 0)}` }));
          if (hasCopy) picture.append(draw("text", { x: 4, y: lower - 22 }, "Copy"));
          steps.forEach((entry, index) => {
            const x = left + gap * index;
            const y = isCopy(entry) ? lower : upper;
            const copy = isCopy(entry);
            if (copy) {
              const from = left + gap * Math.max(0, index - 1 - Math.min(index - 1, Number(entry.details.generationsApart ?? 1)));
              picture.append(draw("path", { class: "copy line dash", d: `M${from} ${upper}L${x} ${lower}` }));
              picture.append(draw("path", { class: "copy line", d: `M${x - 7} ${y - 7}L${x + 7} ${y + 7}M${x + 7} ${y - 7}L${x - 7} ${y + 7}` }));
            } else {
              picture.append(draw("circle", { class: `owner ${entry.event === "refreshed" ? "open" : ""}`, cx: x, cy: y, r: 7 }));
            }
            if (entry.why) {
              picture.append(draw("path", { class: "stop line", d: `M${x + 14} ${upper - 14}V${(copy ? lower : upper) + 14}` }));
            }
            picture.append(draw("text", { x, y: y + 26, "text-anchor": "middle" }, mark(entry)));
            if (index && entry.sincePrevious !== undefined) {
              picture.append(draw("text", { x: x - gap / 2, y: upper - 16, "text-anchor": "middle" }, `+${span(entry.sincePrevious)}`));
            }
          });
          return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Drawing of the timeline" }, picture);
        }

        /** A few letters for an entry in the drawing. */
        function mark(entry) {
          switch (entry.event) {
            case "refreshed": return `#${entry.details.generation ?? "?"}`;
            case "reuse_detected": return entry.details.class ?? "reuse";
            case "late_parent": return "late";
            case "data_changed": return "data";
            case "authenticated": return "step-up";
            case "revoked": return "end";
            default: return entry.event.slice(0, 10);
          }
        }

        /** What an entry says, in words: the reason of an end, and the details. */
        function words(entry) {
          const details = Object.entries(entry.details).map(([name, value]) => {
            if (name === "generation") return `rotation ${value}`;
            if (name === "generationsApart") return value === 1 ? "1 rotation old" : `${shown(value)} rotations old`;
            if (name === "millisecondsSinceRotation") return `${span(value)} (${value} ms) after the last rotation`;
            if (name === "reasonText") return `reason: ${shown(value)}`;
            return `${name}: ${shown(typeof value === "object" ? JSON.stringify(value) : value)}`;
          });
          return [entry.why && el("strong", {}, `${entry.why}. `), details.join("; ")].filter(Boolean);
        }

        function entryTable(caption, entries) {
          const isOfOne = entries.some((entry) => entry.sincePrevious !== undefined);
          const heads = ["Number", "Time", isOfOne ? "Since the one before" : "Who", "Event", "By", "What"];
          return table(caption, heads, entries.map((entry) => [
            String(entry.sequence), time(entry.time),
            isOfOne ? span(entry.sincePrevious)
              : [entry.userId !== undefined && el("span", {}, "User ", id(entry.userId)), entry.sessionHandle && el("small", {}, id(entry.sessionHandle))].filter(Boolean),
            [isCopy(entry) ? el("span", { class: "bad" }, "⚠ ", entry.event) : entry.event],
            [entry.actor, entry.means].filter(Boolean).join(", ") || "–", words(entry),
          ].map((cell) => (Array.isArray(cell) && !cell.length ? "–" : cell))));
        }

        // ---- Keys

        async function keys() {
          const { keys } = await read("keys");
          const heads = ["Key", "Algorithm", "Kind", "State", "Made", "Signs from", "Verifies until", "Actions"];
          const rotate = (kind) => writer(`Make a ${kind} key now`, async () => {
            const reasonText = await ask("Make a key", `A new ${kind} key is published now, and signs when every verifier can know it.`, "Make");
            if (reasonText === null) return;
            await doing(async () => { await change("keys/rotate", { kind, reasonText }); await keys_(); say("A key was made."); });
          }, undefined, "plain");
          $("rotate-place").replaceChildren(el("span", { class: "buttons" }, rotate("dynamic"), rotate("static")));
          $("key-list").replaceChildren(table("Keys of the app", heads, keys.map((key) => [
            id(key.kid), key.alg, key.kind, key.state, time(key.made), time(key.signsFrom), key.verifiesUntil === undefined ? "for ever" : time(key.verifiesUntil),
            writer("Delete", async () => {
              const reasonText = await ask("Delete a key",
                `Every core refuses the tokens of ${shown(key.kid)} within a second; their holders refresh, and no session ends. Verifiers that keep the key set accept them until they read it again. This cannot be undone.`,
                "Delete", key.kid);
              if (reasonText === null) return;
              await doing(async () => { await change("keys/kill", { kid: key.kid, confirm: key.kid, reasonText }); await keys_(); say("The key was deleted."); });
            }, `Delete key ${key.kid}`),
          ])));
        }
        const keys_ = keys;

        // ---- Live

        const FIGURES = [["signIns", "Sign-ins"], ["refreshes", "Refreshes"], ["reuses", "Reuses of tokens"], ["refused", "Connections refused"]];
        let history = [];
        let isPaused = false;

        $("pause").addEventListener("click", () => {
          isPaused = !isPaused;
          $("pause").setAttribute("aria-pressed", String(isPaused));
        });

        function stopFeed() {
          feed?.abort();
          feed = null;
        }

        function live() {
          history = [];
          feed = new AbortController();
          follow(feed.signal);
        }

        async function follow(signal) {
          try {
            const reply = await fetch("/admin/live", { headers: { Authorization: `Bearer ${token}` }, signal, credentials: "omit" });
            if (!reply.ok) return doing(() => call("GET", "session"));
            const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
            let text = "";
            for (;;) {
              const { value, done } = await reader.read();
              if (done) break;
              text += value;
              const events = text.split("\n\n");
              text = events.pop();
              for (const event of events) {
                if (event.startsWith("event: end")) return leave("The admin session has ended. Log in again.");
                if (event.startsWith("data: ") && !isPaused) figures(JSON.parse(event.slice(6)));
              }
            }
            complain("The core has stopped sending figures.");
          } catch {
            if (!signal.aborted) complain("The core does not answer.");
          }
        }

        const ms = (value) => (value === undefined ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);

        function figures(now) {
          history = [...history, now].slice(-61);
          const before = history.at(-2);
          const seconds = before ? Math.max(0.001, (now.time - before.time) / 1000) : 1;
          const cards = FIGURES.map(([name, words]) => {
            const rates = history.slice(1).map((next, index) => Math.max(0, next[name] - history[index][name]));
            const rate = before ? Math.max(0, now[name] - before[name]) / seconds : 0;
            return el("div", { class: "card" }, words, el("b", { "data-figure": name }, `${rate.toFixed(rate < 10 ? 1 : 0)} /s`), `${now[name]} since the start`, spark(rates, words));
          });
          cards.push(
            el("div", { class: "card" }, "Sign-in, p50 / p99", el("b", {}, `${ms(now.medianSignIn)} / ${ms(now.slowSignIn)}`)),
            el("div", { class: "card" }, "Refresh, p50 / p99", el("b", {}, `${ms(now.medianRefresh)} / ${ms(now.slowRefresh)}`)),
            el("div", { class: "card" }, "Connections", el("b", {}, String(now.connections)), `${now.inFlight} requests in flight`),
            el("div", { class: "card" }, "Storage", el("b", { class: now.isUp ? "good" : "bad" }, now.isUp ? "✓ answers" : "✗ away")));
          if ($("figures").firstChild) $("figures").firstChild.replaceChildren(...cards);
          else $("figures").replaceChildren(el("div", { class: "cards" }, ...cards));
        }

        function spark(rates, words) {
          const top = Math.max(1, ...rates);
          const points = rates.map((rate, index) => `${index * 3},${34 - (rate / top) * 30}`).join(" ");
          return draw("svg", { class: "spark", role: "img", "aria-label": `${words} of the last minute, at most ${top} a second`, viewBox: "0 0 180 36", width: 180, height: 36 },
            draw("polyline", { class: "owner line", points }));
        }

        // ---- Configuration

        async function configuration() {
          const { settings } = await read("configuration");
          const rows = settings.filter((setting) => setting.set || !$("only-set").checked).map((setting) => [
            [el("code", {}, setting.name), el("small", {}, setting.effect)],
            setting.secret ? (setting.set ? "set" : "not set") : setting.value === undefined ? "none" : el("code", {}, shown(setting.value)),
            shown(setting.source),
          ]);
          $("settings").replaceChildren(table("Keys with the value that counts", ["Key", "Value", "From"], rows));
        }
        $("only-set").addEventListener("change", () => doing(configuration));

        // ---- Audit log

        for (const [list, names] of [["f-event", EVENTS], ["f-actor", ACTORS]]) $(list).append(...names.map((name) => el("option", { value: name }, name)));

        function filters() {
          const query = {};
          for (const field of $("filter").querySelectorAll("[data-name]")) {
            if (field.value) query[field.dataset.name] = field.type === "datetime-local" ? new Date(field.value).toISOString() : field.value;
          }
          return query;
        }

        $("filter").addEventListener("submit", (event) => { event.preventDefault(); showAudit(filters()); });

        function showAudit(query, pages = [undefined]) {
          return doing(async () => {
            const found = await read("audit", { ...query, limit: 50, before: pages.at(-1) });
            $("entries").replaceChildren(
              found.entries.length ? entryTable("Entries, the newest first", found.entries) : el("p", {}, "There are no such entries."),
              pager(pages, found.next, (next) => showAudit(query, next)));
            say(found.entries.length === 1 ? "1 entry on this page." : `${found.entries.length} entries on this page.`);
          });
        }

        $("export").addEventListener("click", () => doing(async () => {
          const [chunks, query] = [[], filters()];
          let [after, count] = [0, 0];
          do {
            const reply = await call("GET", "audit/export", { query: { app: app(), ...query, after, limit: 1000 } });
            after = reply.headers.get("X-Tessera-Admin-Next");
            const text = await reply.text();
            chunks.push(text);
            count += text.split("\n").length - 1;
            say(`${count} entries so far.`);
          } while (after && count < 100_000);
          const address = URL.createObjectURL(new Blob(chunks, { type: "application/x-ndjson" }));
          el("a", { href: address, download: "tessera-audit.ndjson" }).click();
          setTimeout(() => URL.revokeObjectURL(address), MINUTE);
          say(after ? `The first ${count} entries were exported; 'tessera audit --json' has all.` : `${count} entries were exported.`);
        }));

        // ---- Changes

        /** Asks for a reason, and for the name of what is deleted; `null` where the operator thinks better of it. */
        function ask(title, text, action, typed) {
          $("ask-title").textContent = title;
          $("ask-text").textContent = text;
          $("ask-do").textContent = action;
          $("ask-expected").textContent = typed ?? "";
          $("ask-typed").hidden = !typed;
          $("ask-name").value = $("ask-reason").value = $("ask-problem").textContent = "";
          const opener = document.activeElement;
          $("ask").showModal();
          $(typed ? "ask-name" : "ask-reason").focus();
          return new Promise((resolve) => {
            const done = (value) => {
              $("ask").close();
              $("ask-form").onsubmit = $("ask-cancel").onclick = $("ask").oncancel = null;
              if (opener?.isConnected) opener.focus();
              resolve(value);
            };
            $("ask-form").onsubmit = (event) => {
              event.preventDefault();
              const wrong = typed && $("ask-name").value !== typed;
              $("ask-name").setAttribute("aria-invalid", String(Boolean(wrong)));
              if (wrong) {
                $("ask-problem").textContent = "The name is not the one above.";
                return $("ask-name").focus();
              }
              done($("ask-reason").value);
            };
            $("ask-cancel").onclick = () => done(null);
            $("ask").oncancel = (event) => { event.preventDefault(); done(null); };
          });
        }

        // ---- Start

        /** Uses the code of a one-time link, which leaves the address bar and the history at once. */
        function takeCode() {
          const code = /^#code=([\w-]+)$/.exec(location.hash)?.[1];
          if (!code) return false;
          window.history.replaceState(null, "", "/admin");
          token = null;
          doing(() => enter({ code }));
          return true;
        }

        if (!takeCode()) $("key").focus();

        """#
}
