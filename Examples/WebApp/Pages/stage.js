// Draws what the server tells of a session's family of refresh tokens, and puts the verdict into words.
const SVG = "http://www.w3.org/2000/svg";
const STEP = 92, ROW = 84, SIZE = 20;

export const $ = id => document.getElementById(id);
export const moment = ms => new Date(ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Whether something is to be drawn: what has not changed keeps its focus, selection and place.
const drawn = new Map();
export function isNews(id, what) {
  const text = JSON.stringify(what), isNew = drawn.get(id) !== text;
  drawn.set(id, text);
  return isNew;
}

export function pairs(list, facts) {
  if (!isNews(list.id, facts)) return;
  list.replaceChildren(...Object.entries(facts).flatMap(([name, value]) => {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    [dt.textContent, dd.textContent] = [name, value];
    return [dt, dd];
  }));
}

// A token is drawn right of the one that it came from; a second successor begins a row of its own.
function places(tokens) {
  const found = [], hasChild = new Set();
  let rows = 0;
  for (const { from } of tokens) {
    const parent = from && found[from - 1];
    const row = parent && !hasChild.has(from) ? parent.row : rows++;
    hasChild.add(from);
    found.push({ column: parent ? parent.column + 1 : 0, row });
  }
  return found.map(({ column, row }) => ({ x: 34 + column * STEP, y: 34 + row * ROW }));
}

function circle({ x, y }, kind) {
  if (kind !== "both") return [element("circle", { cx: x, cy: y, r: SIZE, class: kind })];
  const half = (sweep, name) => element("path", { class: name,
    d: `M ${x} ${y - SIZE} A ${SIZE} ${SIZE} 0 0 ${sweep} ${x} ${y + SIZE} Z` });
  return [half(0, "owner"), half(1, "thief")];
}

const holder = (story, number) => [story.owner === number && "owner", story.thief === number && "thief"].filter(Boolean);

export function draw(story) {
  const { tokens, refusals, owner, thief, end } = story, at = places(tokens), parts = [];
  if (!isNews("tree", [tokens, refusals, owner, thief, end])) return;
  tokens.forEach(({ from }, index) => {
    const a = from && at[from - 1], b = at[index];
    if (a) parts.push(element("path", { class: "edge", d: `M ${a.x} ${a.y} C ${a.x + 46} ${a.y} ${b.x - 46} ${b.y} ${b.x} ${b.y}` }));
  });
  tokens.forEach(({ time }, index) => {
    const number = index + 1, { x, y } = at[index], holders = holder(story, number);
    const refusal = refusals.findLast(one => one.token === number);
    const group = element("g", { class: "token" });
    group.append(...circle(at[index], holders.length === 2 ? "both" : holders[0] ?? "nobody"));
    if (refusal) group.append(element("path", { class: "cross", d: `M ${x - 24} ${y - 24} l 48 48 m 0 -48 l -48 48` }));
    group.append(element("text", { x, y: y + 5, class: holders.length ? "number" : "number old" }, number));
    group.append(element("text", { x, y: y + 38, class: "when" },
      new Date(time).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" })));
    parts.push(group);
  });
  const width = Math.max(...at.map(place => place.x), 0) + 48, height = Math.max(...at.map(place => place.y), 0) + 50;
  const svg = element("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  const text = sentence(story);
  svg.append(element("title", {}, text), ...parts);
  $("tree").replaceChildren(svg);
  $("tree").scrollLeft = $("tree").scrollWidth;
  if ($("caption").textContent !== text) $("caption").textContent = text;
}

function sentence({ tokens, owner, thief, end }) {
  const branching = tokens.findIndex((_, index) => tokens.filter(token => token.from === index + 1).length > 1) + 1;
  const many = `${tokens.length} token${tokens.length === 1 ? "" : "s"} so far. `;
  if (end === "theft") return many + "The session has ended: a token that had been used up came back.";
  if (end) return many + "The session was revoked.";
  if (branching) return `${many}Token ${branching} has two successors: somebody holds a copy.`;
  if (!thief) return `${many}The owner holds token ${owner ?? "?"}; each refresh gives the next one.`;
  if (owner === thief) return `${many}Owner and thief hold the same token ${owner}.`;
  return `${many}The owner holds token ${owner}, the thief token ${thief}: one of them is behind.`;
}

// What each side is told; `isThief` is who reads it.
export function verdict({ end, refusals }, isThief) {
  if (end === "theft") {
    const found = refusals.find(one => one.what === "tokenTheftDetected");
    const isReader = (found?.by === "thief") === isThief;
    const who = isReader ? "You" : found?.by === "thief" ? "The thief" : "The owner";
    return isThief
      ? `You have been found out. ${who} came with token ${found?.token ?? "?"}, which had been used already, so there is a copy. `
        + "Tessera has ended the session for both sides: what you hold opens nothing any more."
      : `Theft: somebody else used a copy of your token. ${who} came with token ${found?.token ?? "?"}, which had been used already. `
        + "Tessera has ended this session for both sides; log in again, and nobody but you is in.";
  }
  if (end === "revoked") {
    return isThief ? "The owner has ended this session: your copy opens nothing any more."
      : "This session was signed out, here or on another device.";
  }
  return "";
}

export function stage(story, { isThief, facts }) {
  $("stage").hidden = false;
  $("clock").hidden = false;
  const hours = story.ahead / 3_600_000;
  $("clock").textContent = `Your clock: ${moment(story.now)}` + (hours ? ` (${+hours.toFixed(2)} h ahead)` : "");
  for (const [id, mine] of [["owner", !isThief], ["thief", isThief]]) $(id).querySelector(".you").hidden = !mine;
  const mine = $(isThief ? "thief" : "owner");
  if ($("buttons").parentElement !== mine) mine.append($("buttons"));
  const holds = number => !number ? "nothing" : story.end ? `token ${number}, worth nothing` : `refresh token ${number}`;
  if (isThief) pairs($("loot"), { Holds: holds(story.thief), ...facts });
  else pairs($("loot"), { Holds: holds(story.thief), ...(story.thief ? thiefKnows : {}) });
  pairs($("facts"), { Holds: holds(story.owner), ...(!isThief ? facts : facts.User ? { User: facts.User } : {}) });
  for (const [id, reader] of [["owner", false], ["thief", true]]) {
    const text = reader && !story.thief ? "" : verdict(story, reader), place = $(id).querySelector(".verdict");
    if (place.textContent !== text) place.textContent = text;
  }
  draw(story);
}

// What the thief of this page has read.
export const thiefKnows = {};
