// What axe would look at, computed on the page as it is shown: names, structure, contrast, sizes. Returns complaints.
const complaints = [];
const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
const where = (element) => `<${element.localName}${element.id ? ` #${element.id}` : ""}> ${(element.textContent || "").trim().slice(0, 30)}`;
const all = (css) => [...document.querySelectorAll(css)].filter(isShown);

function channels(text) {
  const numbers = text.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
  return [numbers[0], numbers[1], numbers[2], numbers[3] ?? 1];
}
function over([r, g, b, a], [R, G, B]) { return [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1]; }
function background(element) {
  const layers = [];
  for (let one = element; one; one = one.parentElement) {
    layers.push(channels(getComputedStyle(one).backgroundColor));
    if (layers.at(-1)[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
}
function light([r, g, b]) {
  const [R, G, B] = [r, g, b].map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * R + 0.7152 * G + 0.0722 * B;
}
function contrast(one, other) {
  const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

// 1.4.3 contrast (minimum)
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.data.trim() || !isShown(element) || element.closest(":disabled, .skip")) continue;
  const style = getComputedStyle(element);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const back = background(element);
  const color = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
  const ratio = contrast(over(channels(color), back), back);
  if (ratio < (isLarge ? 3 : 4.5)) complaints.push(`1.4.3 contrast ${ratio.toFixed(2)}: ${where(element)}`);
}
// 1.4.11 non-text contrast
for (const element of all("input, select, button:not(:disabled)")) {
  const style = getComputedStyle(element);
  const around = background(element.parentElement);
  const best = Math.max(contrast(channels(style.borderTopColor), around), contrast(background(element), around));
  if (element.type !== "checkbox" && best < 3) complaints.push(`1.4.11 border ${best.toFixed(2)}: ${where(element)}`);
}
for (const element of all("svg .owner, svg .copy")) {
  const style = getComputedStyle(element);
  const ratio = contrast(channels(style.stroke), background(element.closest("svg").parentElement));
  if (ratio < 3) complaints.push(`1.4.11 drawing ${ratio.toFixed(2)}: ${where(element)}`);
}
// 2.5.8 target size (minimum)
for (const element of all("a[href], button, input, select")) {
  if (element.matches(".skip")) continue;
  const box = element.getBoundingClientRect();
  if (box.width < 24 || box.height < 24) complaints.push(`2.5.8 target ${box.width.toFixed(0)} x ${box.height.toFixed(0)}: ${where(element)}`);
}
// 1.3.1 info and relationships
for (const element of all("table")) {
  if (!element.caption?.textContent.trim()) complaints.push(`1.3.1 a table without a caption: ${where(element)}`);
  for (const cell of element.querySelectorAll("th")) {
    if (!["row", "col"].includes(cell.scope)) complaints.push(`1.3.1 a head without scope: ${where(cell)}`);
  }
  const widths = new Set([...element.rows].map((row) => row.cells.length));
  if (widths.size !== 1) complaints.push(`1.3.1 rows of different lengths: ${where(element)}`);
}
if (all("h1").length !== 1) complaints.push(`1.3.1 ${all("h1").length} headings of the first level`);
if (!document.documentElement.lang) complaints.push("3.1.1 no language");
if (all("main").length !== 1) complaints.push("1.3.1 no main part");
// 1.1.1 non-text content
for (const element of all("svg, img")) {
  if (element.getAttribute("role") !== "img" || !element.getAttribute("aria-label")) complaints.push(`1.1.1 no text for ${where(element)}`);
}
// 4.1.2 name, role, value
const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) complaints.push(`4.1.2 the id ${id} twice`);
for (const element of document.querySelectorAll("[aria-labelledby], [aria-describedby], label[for]")) {
  const names = `${element.getAttribute("aria-labelledby") ?? ""} ${element.getAttribute("aria-describedby") ?? ""} ${element.htmlFor ?? ""}`;
  for (const id of names.split(" ").filter(Boolean)) if (!document.getElementById(id)) complaints.push(`4.1.2 nothing has the id ${id}`);
}
// 1.4.10 reflow
if (document.documentElement.scrollWidth > document.documentElement.clientWidth) {
  complaints.push(`1.4.10 ${document.documentElement.scrollWidth} wide on ${document.documentElement.clientWidth}`);
}
// No inline style or script, and nothing from elsewhere.
if (document.querySelector("[style], style, script:not([src])")) complaints.push("inline style or script");
return complaints;
