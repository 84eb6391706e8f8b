// The page shows what is in `facts` and in the sheets of images; it computes nothing but means over replicates.

const facts = JSON.parse(document.getElementById("facts").textContent);
const armNames = Object.keys(facts.arms);
const groupNames = Object.keys(facts.groups);
const SCORE = ["arm", "replicate", "iteration", "images", "group", "features", "metric", "value"];
const scores = facts.scores.map((row) => Object.fromEntries(row.map((value, at) => [SCORE[at], value])));
const spaces = [...new Set(scores.map((row) => row.features).filter(Boolean))];
const FEW_REJECTED = 24;

// --- What is chosen, and who shows it ---------------------------------------------------------

const plain = armNames.filter((name) => !facts.arms[name].curate.length && !facts.arms[name].parent);
const byShare = (plain.length ? plain : armNames).toSorted((a, b) => facts.arms[a].synthetic - facts.arms[b].synthetic);
const startGroup = groupNames.find((name) => matches(name, facts.start)) ?? groupNames[0];

const state = {
  space: spaces[0] ?? "", // the feature space whose metrics are offered
  metric: "", // "generated/fid/frechet_distance": of which images, in which feature space ("" in none), what
  scored: "all", // group of the scores: "all" or "gender=man"
  replicate: facts.replicates[0],
  drawn: new Set(armNames), // arms in the chart and in the film strip
  arm: byShare.at(-1), // the chosen cell: an arm, and an iteration of it, of its ancestors or of the base model
  iteration: facts.arms[byShare.at(-1)].last,
  beside: byShare.length > 1 ? byShare[0] : "", // the arm to compare with, or none
  group: startGroup, // demographic group of the images, or "" for every group that the scores are of
  slot: facts.slots.files[startGroup][0], // the image that the film strip follows
  judgment: "",
  rejectedGroup: "",
  allRejected: false,
};

// Each part of the page with the choices that it depends on.
const parts = [
  { on: ["metric", "scored", "drawn", "replicate"], draw: drawCurves },
  { on: ["metric", "scored", "replicate"], draw: drawCells },
  { on: ["arm", "iteration", "beside", "replicate"], draw: markCells },
  {
    on: ["arm", "iteration", "group", "replicate", "metric", "scored"],
    draw: () => preview(state.arm, state.iteration),
  },
  { on: ["arm", "iteration", "beside", "group", "scored", "replicate"], draw: drawImages },
  { on: ["slot"], draw: markSlot },
  { on: ["slot", "drawn", "replicate"], draw: drawStrip },
  { on: ["arm", "iteration", "beside", "replicate"], draw: drawUnseen },
  { on: ["judgment", "rejectedGroup", "allRejected", "replicate"], draw: drawRejected },
];

function choose(changes) {
  Object.assign(state, changes);
  for (const part of parts) if (part.on.some((key) => key in changes)) part.draw();
}

// --- Small helpers -----------------------------------------------------------------------------

function $(id) {
  return document.getElementById(id);
}

function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function fillSelect(select, options, value) {
  // options: [value, text] pairs, or [label, pairs] of an option group
  const option = ([key, text]) => element("option", { value: key, textContent: text });
  select.replaceChildren(
    ...options.map(([key, text]) =>
      Array.isArray(text) ? element("optgroup", { label: key }, ...text.map(option)) : option([key, text]),
    ),
  );
  select.value = value;
}

function number(value) {
  const digits = { minimumSignificantDigits: 3, maximumSignificantDigits: 3 };
  return value === undefined ? "" : value.toLocaleString("en", digits);
}

function count(n, noun) {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

function percent(share) {
  return `${(100 * share).toLocaleString("en", { maximumSignificantDigits: 3 })} %`;
}

function mean(values) {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

function say(text) {
  $("status").textContent = text;
}

/** Let arrow keys, Home and End move among the buttons of a container; one of them is in the tab order. */
function rove(container) {
  const buttons = () => [...container.querySelectorAll("button")];
  container.addEventListener("keydown", (event) => {
    const all = buttons();
    const at = all.indexOf(document.activeElement);
    const moves = {
      ArrowRight: () => all[at + 1],
      ArrowLeft: () => all[at - 1],
      ArrowDown: () => nearest(all, all[at], 1),
      ArrowUp: () => nearest(all, all[at], -1),
      Home: () => all[0],
      End: () => all.at(-1),
    };
    if (at < 0 || !(event.key in moves)) return;
    event.preventDefault();
    moves[event.key]()?.focus();
  });
  container.addEventListener("focusin", (event) => {
    if (event.target.matches("button")) for (const one of buttons()) one.tabIndex = one === event.target ? 0 : -1;
  });
}

/** Return the button of the next row down (1) or up (-1) that is nearest sideways. */
function nearest(buttons, from, direction) {
  const here = from.getBoundingClientRect();
  const away = (box) => direction * (box.top - here.top);
  const boxes = buttons.map((button) => [button, button.getBoundingClientRect()]).filter(([, box]) => away(box) > 4);
  const rowAt = Math.min(...boxes.map(([, box]) => away(box)));
  const row = boxes.filter(([, box]) => away(box) < rowAt + 4);
  return row.toSorted(([, a], [, b]) => Math.abs(a.left - here.left) - Math.abs(b.left - here.left))[0]?.[0];
}

/** Leave one button of a container in the tab order: the pressed one, or the first. */
function setTabStop(container) {
  const buttons = [...container.querySelectorAll("button")];
  const stop = buttons.find((button) => button.ariaPressed === "true") ?? buttons[0];
  for (const button of buttons) button.tabIndex = button === stop ? 0 : -1;
}

// --- Cells -------------------------------------------------------------------------------------

const isBase = (name) => facts.bases.includes(name);
const baseLabel = (name) => (name === "base" ? "base model" : `base model ${name}`);

/** Return the cell of an arm's lineage at an iteration: its own, an ancestor's, a base model's; null past its end. */
function cellAt(name, iteration) {
  const { first, last, parent, model } = facts.arms[name];
  if (iteration < first) return parent ? cellAt(parent, iteration) : { arm: model, iteration: 0 };
  return iteration <= last ? { arm: name, iteration } : null;
}

/** Return the cell to compare the chosen one with: of the same iteration, or the arm's last. */
function besideCell() {
  return state.beside && cellAt(state.beside, Math.min(state.iteration, facts.arms[state.beside].last));
}

/** Return the set of the real images of the chosen replicate. */
function realSet() {
  return facts.real[state.replicate];
}

function nameOf(cell) {
  return isBase(cell.arm) ? baseLabel(cell.arm) : `${cell.arm}, iteration ${cell.iteration}`;
}

function folderOf(cell, replicate = state.replicate) {
  return `${cell.arm}/seed-${replicate}/iteration-${cell.iteration}`;
}

function trainedOn(cell) {
  const training = facts.cells[folderOf(cell)].training;
  if (!training) return "not retrained";
  const kinds = ["real", "generated"]
    .filter((kind) => training[kind])
    .map((kind) => count(training[kind], `${kind} image`));
  const origins = Object.entries(training.origins).map(([name, images]) => `${name} ${images}`);
  if (origins.length > 1) kinds.push(`${kinds.pop()} (${origins.join(", ")})`);
  return `trained on ${kinds.join(" and ")}`;
}

function scoreOf(cell) {
  const rows = measured().filter((row) => row.arm === cell.arm && row.iteration === cell.iteration);
  return mean(rows.map((row) => row.value));
}

function metricKey(row) {
  return `${row.images}/${row.features}/${row.metric}`;
}

/** Return the scores of the chosen metric and group. */
function measured() {
  return scores.filter((row) => row.group === state.scored && metricKey(row) === state.metric);
}

function metricLabel() {
  const [images, features, metric] = state.metric.split("/");
  const label = facts.metrics[metric]?.title ?? metric;
  const space = spaces.length > 1 && features ? ` in the features ${features}` : "";
  return `${label}${space}${images === "unseen" ? " of the unseen prompts" : ""}`;
}

// --- Groups ------------------------------------------------------------------------------------

function matches(group, attributes) {
  return Object.entries(attributes).every(([name, value]) => String(facts.groups[group][name]) === String(value));
}

/** Return the demographic groups that the scores are of: all, or those of one value of one attribute. */
function groupsScored() {
  if (state.scored === "all") return groupNames;
  const [name, ...value] = state.scored.split("=");
  return groupNames.filter((group) => matches(group, { [name]: value.join("=") }));
}

function groupLabel(group) {
  return Object.values(facts.groups[group]).join(", ");
}

function promptLabel(text) {
  return text.trim() || "(empty prompt)";
}

function scoredLabel(scored) {
  return scored === "all" ? "all groups" : scored.replace("=", ": ");
}

// --- Images ------------------------------------------------------------------------------------

const MOST_DECODED = 200; // sheets
const decoded = new Map(); // by set and group, the least recently used first

/** Return the decoded sheet of a group of an image set. */
function sheet(set, group) {
  const key = `${set} ${group}`;
  const image = decoded.get(key) ?? decode(set, group);
  decoded.delete(key);
  decoded.set(key, image);
  if (decoded.size > MOST_DECODED) decoded.delete(decoded.keys().next().value);
  return image;
}

async function decode(set, group) {
  const sheets = JSON.parse(document.querySelector(`script[data-set="${CSS.escape(set)}"]`).textContent);
  const image = new Image();
  image.src = `data:image/avif;base64,${sheets[group]}`;
  await image.decode();
  return image;
}

/** Return one image as a canvas of its own pixels, drawn as soon as its sheet is decoded. */
function picture(set, group, index, label) {
  const { edge } = facts;
  const canvas = element("canvas", { width: edge, height: edge });
  if (label) {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
  } else canvas.setAttribute("aria-hidden", "true"); // named by the button around it
  sheet(set, group).then((image) => {
    const columns = image.naturalWidth / edge;
    const [x, y] = [index % columns, Math.floor(index / columns)];
    canvas.getContext("2d").drawImage(image, x * edge, y * edge, edge, edge, 0, 0, edge, edge);
    canvas.dataset.drawn = `${set}/${group}/${index}`;
  });
  return canvas;
}

const places = new Map(
  Object.entries(facts.slots.files).flatMap(([group, files]) => files.map((file, index) => [file, { group, index }])),
);

function slotLabel(slot) {
  const { group, index } = places.get(slot);
  return `image ${index + 1}, ${groupLabel(group)}`;
}

function pictureOfSlot(set, slot, label) {
  const { group, index } = places.get(slot);
  return picture(set, group, index, label);
}

function slotButton(set, slot, owner) {
  const followSlot = () => {
    choose({ slot });
    say(`Following ${slotLabel(slot)}.`);
  };
  const label = `${slotLabel(slot)}, ${owner}: follow it through the iterations`;
  return element(
    "button",
    { type: "button", ariaLabel: label, ariaPressed: String(slot === state.slot), onclick: followSlot, "data-slot": slot },
    pictureOfSlot(set, slot),
  );
}

/** Return the line under an image. */
function under(...content) {
  return element("span", { className: "under" }, ...content);
}

/** Return a link to the full-size file of an image, where it lies beside the page. */
function fullSize(set, file, index) {
  if (index >= facts.full_size) return "";
  const href = [facts.folder, ...set.split("/"), file].map(encodeURIComponent).join("/");
  return element("a", {
    href,
    target: "_blank",
    textContent: "full size",
    ariaLabel: `${file} of ${set} in full size`,
  });
}

// --- Scores: chart, preview, table ---------------------------------------------------------------

let view; // Vega's, once it has drawn

/** Return the rows of the chart: the floor, the base models, and each drawn arm from the cell that it starts from. */
function curves() {
  const shown = measured();
  // New objects each time: Vega marks those that it has been given.
  const point = ({ replicate, iteration, value }, arm, start = false) => ({ arm, replicate, iteration, value, start });
  const rows = shown.filter((row) => ["floor", ...facts.bases].includes(row.arm)).map((row) => point(row, row.arm));
  for (const name of state.drawn) {
    const { parent, from_iteration, model } = facts.arms[name];
    const [startArm, startIteration] = [parent ?? model, from_iteration ?? 0];
    for (const row of shown) {
      if (row.arm === name) rows.push(point(row, name));
      else if (row.arm === startArm && row.iteration === startIteration) rows.push(point(row, name, true));
    }
  }
  return rows;
}

function drawCurves() {
  const [, , metric] = state.metric.split("/");
  view
    ?.signal("zero", Boolean(facts.metrics[metric]?.limits))
    .data("scores", curves())
    .runAsync();

  const better = facts.metrics[metric]?.reading;
  const several = facts.replicates.length > 1 ? "; lines are means, points replicates" : "";
  const title = `${metricLabel()}, ${scoredLabel(state.scored)}${better ? ` (${better})` : ""}${several}`;
  $("chart-title").textContent = title;
  $("chart").ariaLabel = `Chart of ${count(state.drawn.size, "arm")}: ${title}. The table below has the numbers.`;
}

function drawCells() {
  const last = Math.max(...armNames.map((name) => facts.arms[name].last));
  const iterations = Array.from({ length: last + 1 }, (_, iteration) => iteration);
  const head = iterations.map((iteration) => element("th", { scope: "col", textContent: iteration }));
  $("cells").tHead.replaceChildren(
    element("tr", {}, element("th", { scope: "col", textContent: "iteration" }), ...head),
  );

  const button = (cell) => {
    const value = number(scoreOf(cell));
    return element("button", {
      type: "button",
      textContent: value || "–",
      ariaLabel: `${nameOf(cell)}: ${value || "no score"}`,
      onclick: () => chooseCell(cell),
      "data-cell": `${cell.arm}/${cell.iteration}`,
    });
  };
  const rows = [...facts.bases, ...armNames].map((name) => {
    const first = isBase(name) ? 0 : facts.arms[name].first;
    const end = isBase(name) ? 0 : facts.arms[name].last;
    const cells = iterations.map((iteration) =>
      iteration < first || iteration > end ? element("td") : element("td", {}, button({ arm: name, iteration })),
    );
    return element("tr", {}, element("th", { scope: "row" }, rowHead(name)), ...cells);
  });
  $("cells").tBodies[0].replaceChildren(...rows);

  const floor = measured().find((row) => row.arm === "floor");
  const real = floor ? ` Real images against the reference: ${number(floor.value)}.` : "";
  const several = facts.replicates.length > 1 ? `, mean of ${count(facts.replicates.length, "replicate")}` : "";
  $("cells-title").textContent =
    `${metricLabel()}, ${scoredLabel(state.scored)}${several}. A number shows its cell's images; ` +
    `a tick draws an arm.${real}`;
  markCells();
}

function rowHead(name) {
  if (isBase(name)) return baseLabel(name);
  const { sign, number: at, synthetic } = facts.arms[name];
  const draw = (event) => {
    state.drawn[event.target.checked ? "add" : "delete"](name);
    choose({ drawn: new Set(armNames.filter((one) => state.drawn.has(one))) });
  };
  return element(
    "label",
    {},
    element("input", { type: "checkbox", checked: state.drawn.has(name), onchange: draw, value: name }),
    element("span", { textContent: sign, style: `color: var(--arm-${at})`, ariaHidden: "true" }),
    name,
    element("span", { className: "share", textContent: percent(synthetic) }),
  );
}

function markCells() {
  const chosen = cellAt(state.arm, state.iteration);
  const beside = besideCell();
  for (const button of $("cells").querySelectorAll("button")) {
    const is = (cell) => Boolean(cell) && button.dataset.cell === `${cell.arm}/${cell.iteration}`;
    button.ariaPressed = String(is(chosen));
    button.classList.toggle("compared", is(beside) && !is(chosen));
  }
  setTabStop($("cells").tBodies[0]);
  view?.signal("arm", chosen.arm).signal("iteration", chosen.iteration).runAsync();

  $("arm").value = state.arm;
  const { last } = facts.arms[state.arm];
  const options = Array.from({ length: last + 1 }, (_, at) => [at, at === 0 ? "0, base model" : String(at)]);
  fillSelect($("iteration"), options, state.iteration);
  const others = armNames.filter((name) => name !== state.arm).map((name) => [name, name]);
  fillSelect($("beside"), [["", "nothing"], ...others], state.beside);
}

/** Return an arm whose iteration 0 is a base model: the chosen one, or the first. */
function armFrom(base) {
  return [state.arm, ...armNames].find((name) => cellAt(name, 0).arm === base) ?? state.arm;
}

function chooseCell(cell) {
  const arm = isBase(cell.arm) ? armFrom(cell.arm) : cell.arm;
  choose({ arm, iteration: cell.iteration, beside: state.beside === arm ? "" : state.beside });
  const value = scoreOf(cell);
  const score = value === undefined ? "not scored" : `${metricLabel()} ${number(value)}`;
  say(`${nameOf(cell)}: ${score}. ${trainedOn(cell)}.`);
}

function preview(arm, iteration) {
  const cell = isBase(arm) ? { arm, iteration } : cellAt(arm, iteration);
  const group = state.group || groupsScored()[0];
  const files = facts.slots.files[group].slice(0, 9);
  const set = `${folderOf(cell)}/generated`;
  $("preview-title").textContent = nameOf(cell);
  $("preview").replaceChildren(...files.map((slot) => pictureOfSlot(set, slot, `${slotLabel(slot)}, ${nameOf(cell)}`)));
  const value = scoreOf(cell);
  const score = value === undefined ? "" : `${metricLabel()} ${number(value)}; `;
  $("preview-note").textContent = `${score}${trainedOn(cell)}. Shown: ${groupLabel(group)}.`;
}

// --- Images of one cell, or of two ----------------------------------------------------------------

function drawImages() {
  const groups = groupsScored();
  fillSelect(
    $("group"),
    [["", `every group (${groups.length})`], ...groups.map((group) => [group, groupLabel(group)])],
    state.group,
  );
  $("group-prompt").textContent = state.group ? promptLabel(facts.slots.texts[state.group]) : "";
  const shown = state.group ? [state.group] : groups;
  $("columns").style.setProperty("--tile", state.group ? "var(--large)" : "var(--small)");
  const column = (cell) => {
    const set = `${folderOf(cell)}/generated`;
    const tiles = element("div");
    for (const group of shown) {
      if (!state.group) tiles.append(element("h4", { textContent: groupLabel(group) }));
      const buttons = facts.slots.files[group].map((slot) => slotButton(set, slot, nameOf(cell)));
      tiles.append(element("div", { className: "tiles" }, ...buttons));
    }
    rove(tiles);
    setTabStop(tiles);
    return element(
      "div",
      { role: "group", ariaLabel: nameOf(cell) },
      element("h3", { textContent: nameOf(cell) }),
      element("p", { className: "note", textContent: trainedOn(cell) }),
      tiles,
    );
  };
  const cells = [cellAt(state.arm, state.iteration), besideCell()].filter(Boolean);
  $("columns").replaceChildren(...cells.map(column));
}

function markSlot() {
  for (const button of document.querySelectorAll("button[data-slot]")) {
    button.ariaPressed = String(button.dataset.slot === state.slot);
  }
}

// --- Film strip ----------------------------------------------------------------------------------

const TRAINED = {
  r: ["○", "this slot trained it with its real image"],
  g: ["●", "this slot trained it with its generated image"],
  o: ["◐", "this slot trained it with another slot's generated image"],
  n: ["◇", "this slot trained it with a new real image"],
  x: ["◆", "this slot trained it with a generated image of another source"],
  s: ["⊕", "this slot trained it with several images"],
  "-": ["×", "this slot was left out of its training"],
};

function drawStrip() {
  const { group, index } = places.get(state.slot);
  const files = facts.slots.files[group];
  const everySlot = groupNames.map((name) => [
    groupLabel(name),
    facts.slots.files[name].map((slot, at) => [slot, `${groupLabel(name)}, ${at + 1}`]),
  ]);
  if (!$("slot").options.length) fillSelect($("slot"), everySlot, state.slot);
  $("slot").value = state.slot;
  $("slot-before").disabled = index === 0;
  $("slot-after").disabled = index === files.length - 1;
  $("strip-prompt").textContent = promptLabel(facts.slots.texts[group]);

  const last = Math.max(...armNames.map((name) => facts.arms[name].last));
  const iterations = Array.from({ length: last + 1 }, (_, iteration) => iteration);
  const head = ["", "real image", ...iterations].map((text) =>
    element(text === "" ? "td" : "th", { textContent: text }),
  );
  for (const th of head.slice(1)) th.scope = "col";
  $("strip").tHead.replaceChildren(element("tr", {}, ...head));

  const frame = (name, iteration) => {
    const cell = cellAt(name, iteration);
    if (!cell) return element("td");
    const set = `${folderOf(cell)}/generated`;
    const letter = facts.cells[folderOf(cell)].training?.slots[group][index];
    const [sign, trained] = TRAINED[letter] ?? ["", "not retrained"];
    const label = `${nameOf(cell)}; ${trained}: show this cell`;
    const show = () => chooseCell(cell);
    return element(
      "td",
      { className: cell.arm === name || iteration === 0 ? "" : "inherited" },
      element("button", { type: "button", ariaLabel: label, onclick: show }, pictureOfSlot(set, state.slot)),
      under(sign, " ", fullSize(set, state.slot, index)),
    );
  };
  const rows = [...state.drawn].map((name) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", textContent: name }),
      element(
        "td",
        {},
        pictureOfSlot(realSet(), state.slot, `${slotLabel(state.slot)}, the real image`),
        under(fullSize(realSet(), state.slot, index)),
      ),
      ...iterations.map((iteration) => frame(name, iteration)),
    ),
  );
  $("strip").tBodies[0].replaceChildren(...rows);
  setTabStop($("strip").tBodies[0]);
  $("strip-note").textContent = rows.length
    ? "Every frame has the same prompt and the same place in the data set; iteration 0 is the base model. Below a frame " +
      "is what this slot trained that model with: ○ its real image, ● its generated one, ◐ another slot's generated " +
      "one, × nothing. Faded frames are the parent's."
    : "No arm is ticked in the table of scores.";
}

function follow(step) {
  const { group, index } = places.get(state.slot);
  const slot = facts.slots.files[group][index + step];
  choose({ slot });
  say(`Following ${slotLabel(slot)}.`);
}

// --- Unseen prompts --------------------------------------------------------------------------------

function drawUnseen() {
  const chosen = [cellAt(state.arm, 0), cellAt(state.arm, state.iteration), besideCell()].filter(Boolean);
  const cells = chosen.filter((cell, at) => chosen.findIndex((one) => folderOf(one) === folderOf(cell)) === at);
  const head = cells.map((cell) => element("th", { scope: "col", textContent: nameOf(cell) }));
  const rows = Object.entries(facts.prompts.files).map(([prompt, files]) => {
    const text = promptLabel(facts.prompts.texts[prompt]);
    const columns = cells.map((cell) => {
      const set = `${folderOf(cell)}/unseen`;
      const pictures = files.map((file, index) =>
        element(
          "div",
          {},
          picture(set, prompt, index, `${text}: image ${index + 1}, ${nameOf(cell)}`),
          under(fullSize(set, file, index)),
        ),
      );
      // The columns' heads are out of sight on a narrow screen.
      const heading = element("span", { className: "note narrow", textContent: nameOf(cell), ariaHidden: "true" });
      return element("td", {}, heading, element("div", { className: "tiles" }, ...pictures));
    });
    return element("tr", {}, element("th", { scope: "row", textContent: text }), ...columns);
  });
  const top = element("thead", {}, element("tr", {}, element("th", { scope: "col", textContent: "prompt" }), ...head));
  $("unseen").replaceChildren(element("table", {}, top, element("tbody", {}, ...rows)));
}

// --- What curation removed ---------------------------------------------------------------------------

function rejections() {
  return armNames.flatMap((arm) => {
    const { first, last } = facts.arms[arm];
    const cells = Array.from({ length: last - first + 1 }, (_, at) => ({ arm, iteration: first + at }));
    return cells.flatMap((cell) => facts.cells[folderOf(cell)].rejected.map((found) => ({ cell, ...found })));
  });
}

function drawRejected() {
  const every = rejections();
  $("curation").hidden = !every.length;
  if (!every.length) return;
  const keyOf = ({ cell, step }) => `${folderOf(cell, "")}/${step}`;
  const found = every.find((one) => keyOf(one) === state.judgment) ?? every.at(-1);
  const { cell, step, threshold, side, total, rejected } = found;

  fillSelect(
    $("judgment"),
    every.map((one) => [keyOf(one), `${nameOf(one.cell)}, ${one.step}`]),
    keyOf(found),
  );
  const present = groupNames.filter((group) => rejected.some(({ slot }) => places.get(slot)?.group === group));
  const group = present.includes(state.rejectedGroup) ? state.rejectedGroup : "";
  fillSelect($("rejected-group"), [["", "every group"], ...present.map((name) => [name, groupLabel(name)])], group);

  const listed = rejected.filter(({ slot }) => places.has(slot) && (!group || places.get(slot).group === group));
  const shown = state.allRejected ? listed : listed.slice(0, FEW_REJECTED);
  const scored = rejected.some(({ score }) => score !== null);
  const where = side ? `Their scores lie ${side} ${number(threshold)}.` : `The threshold is ${number(threshold)}.`;
  const limit = threshold === null || !rejected.length ? "" : ` ${where}`;
  $("rejected-note").textContent =
    `Of the ${count(total, "candidate")} for ${nameOf(cell)}, the step ${step} rejected ` +
    `${rejected.length.toLocaleString("en")}.${limit} Each is beside the real image of its slot` +
    (scored ? ", the farthest from its threshold first, with its score." : ".") +
    (listed.length ? "" : " None of them is among the images of this page.");
  const instead = (replacement) => {
    if (!replacement) return "left out";
    const place = places.get(replacement); // none where the page does not have that image
    return place ? `replaced by image ${place.index + 1}` : "replaced";
  };
  $("rejected").replaceChildren(
    ...shown.map(({ slot, set, file, score, replacement }) => {
      const value = score === null ? "" : number(score);
      const owner = value ? `rejected, score ${value}` : "rejected";
      const image = set && places.has(file) ? slotButton(set, file, owner) : "";
      const pair = [image, pictureOfSlot(realSet(), slot, "its real image")];
      const strong = element("strong", { textContent: value });
      return element("li", {}, element("div", { className: "row" }, ...pair), strong, instead(replacement));
    }),
  );
  setTabStop($("rejected"));
  $("more-rejected").hidden = listed.length <= FEW_REJECTED;
  const all = `Show all ${listed.length.toLocaleString("en")}`;
  $("more-rejected").textContent = state.allRejected ? `Show the first ${FEW_REJECTED}` : all;
}

// --- Start -----------------------------------------------------------------------------------------

function fillScored() {
  const found = new Set(
    scores.filter((row) => row.arm !== "floor" && metricKey(row) === state.metric).map((row) => row.group),
  );
  const known = ["all", ...facts.attributes.flatMap((name) => [...found].filter((one) => one.startsWith(`${name}=`)))];
  const options = known.filter((one) => found.has(one));
  if (!options.includes(state.scored)) state.scored = "all";
  fillSelect(
    $("scored"),
    options.map((one) => [one, scoredLabel(one)]),
    state.scored,
  );
}

/** Offer the metrics of the chosen feature space and of none; choose the first where the chosen one is not there. */
function fillMetrics() {
  const ofModels = scores.filter((row) => row.arm !== "floor" && ["", state.space].includes(row.features));
  const keys = [...new Set(ofModels.map(metricKey))];
  const order = Object.keys(facts.metrics);
  const metricOf = (key) => key.split("/")[2];
  const rank = (key) => (order.indexOf(metricOf(key)) + order.length) % order.length;
  const option = (key) => [key, facts.metrics[metricOf(key)]?.title ?? metricOf(key)];
  const kinds = Object.entries({ generated: "generated images", unseen: "unseen prompts" })
    .map(([images, title]) => [title, keys.filter((key) => key.startsWith(`${images}/`))])
    .map(([title, own]) => [title, own.toSorted((a, b) => rank(a) - rank(b)).map(option)])
    .filter(([, options]) => options.length);
  if (!keys.includes(state.metric)) state.metric = kinds[0]?.[1][0][0] ?? "";
  fillSelect($("metric"), kinds, state.metric);
}

function wire() {
  $("spaces").hidden = spaces.length < 2;
  fillSelect(
    $("space"),
    spaces.map((space) => [space, space]),
    state.space,
  );
  fillMetrics();
  fillScored();
  $("replicates").hidden = facts.replicates.length < 2;
  fillSelect(
    $("replicate"),
    facts.replicates.map((one) => [one, String(one)]),
    state.replicate,
  );
  fillSelect(
    $("arm"),
    armNames.map((name) => [name, `${name} (${percent(facts.arms[name].synthetic)})`]),
    state.arm,
  );

  const chooseMetric = (metric) => {
    state.metric = metric;
    fillMetrics();
    fillScored();
    chooseScored(state.scored, { metric: state.metric });
  };
  $("metric").onchange = (event) => chooseMetric(event.target.value);
  $("space").onchange = (event) => {
    const [images, features, metric] = state.metric.split("/");
    state.space = event.target.value;
    chooseMetric(`${images}/${features && state.space}/${metric}`);
  };
  $("scored").onchange = (event) => chooseScored(event.target.value);
  $("replicate").onchange = (event) => choose({ replicate: Number(event.target.value) });
  $("arm").onchange = (event) => {
    const arm = event.target.value;
    chooseCell(cellAt(arm, Math.min(Math.max(state.iteration, facts.arms[arm].first), facts.arms[arm].last)));
  };
  $("iteration").onchange = (event) => {
    choose({ iteration: Number(event.target.value) });
    say(nameOf(cellAt(state.arm, state.iteration)));
  };
  $("beside").onchange = (event) => choose({ beside: event.target.value });
  $("group").onchange = (event) => choose({ group: event.target.value });
  $("slot").onchange = (event) => choose({ slot: event.target.value });
  $("slot-before").onclick = () => follow(-1);
  $("slot-after").onclick = () => follow(1);
  $("all-arms").onclick = () => chooseDrawn(armNames);
  $("no-arms").onclick = () => chooseDrawn([]);
  $("judgment").onchange = (event) => choose({ judgment: event.target.value, allRejected: false });
  $("rejected-group").onchange = (event) => choose({ rejectedGroup: event.target.value, allRejected: false });
  $("more-rejected").onclick = () => choose({ allRejected: !state.allRejected });
  for (const container of [$("cells").tBodies[0], $("strip").tBodies[0], $("rejected")]) rove(container);
  previewOn($("cells"));
}

/** Preview the cell of the button that the pointer or the keyboard's focus is at. */
function previewOn(table) {
  const point = (event) => {
    const [arm, iteration] = event.target.closest("button")?.dataset.cell.split("/") ?? [state.arm, state.iteration];
    preview(arm, Number(iteration));
  };
  for (const kind of ["pointerover", "pointerleave", "focusin"]) table.addEventListener(kind, point);
}

function chooseScored(scored, changes = {}) {
  state.scored = scored;
  // Images of a group that the scores are not of would mislead.
  const group = !state.group || groupsScored().includes(state.group) ? state.group : groupsScored()[0];
  choose({ ...changes, scored, group });
}

function chooseDrawn(names) {
  choose({ drawn: new Set(names) });
  for (const box of $("cells").querySelectorAll("input")) box.checked = state.drawn.has(box.value);
}

/** Set the size of an image on the page: about 32 and 64 pixels, by whole factors where the images are smaller. */
function sizeTiles() {
  const size = (wanted) => (facts.edge <= wanted ? Math.floor(wanted / facts.edge) * facts.edge : wanted);
  document.body.style.setProperty("--small", `${size(32)}px`);
  document.body.style.setProperty("--large", `${size(64)}px`);
  document.body.style.setProperty("--tile", "var(--large)");
  document.body.classList.toggle("smooth", facts.edge > 64);
}

async function drawChart() {
  const specification = JSON.parse($("chart-specification").textContent);
  const data = { datasets: { scores: curves() } };
  // Vega warns of every layer that is empty for now, such as the floor of a metric that real images have no score of.
  const options = { actions: false, renderer: "svg", logLevel: 1 }; // errors only
  ({ view } = await vegaEmbed("#chart", { ...specification, ...data }, options));
  $("chart").view = view; // for whoever asks at the console, the tests among them
  $("chart").setAttribute("role", "img");
  const first = (value, name) => value?.[name]?.[0];
  view.addSignalListener("pointed", (_, value) =>
    first(value, "arm") ? preview(first(value, "arm"), first(value, "iteration")) : preview(state.arm, state.iteration),
  );
  view.addSignalListener("clicked", (_, value) => {
    if (first(value, "arm")) chooseCell({ arm: first(value, "arm"), iteration: first(value, "iteration") });
  });
  drawCurves();
  markCells();
}

/** Say in words what the experiment has, and what the page has of it. */
function describe() {
  const replicates = facts.replicates.length === 1 ? "one replicate" : count(facts.replicates.length, "replicate");
  $("lead").textContent =
    `${count(armNames.length, "arm")}, ${count(Object.keys(facts.cells).length, "cell")}, ${replicates}. ` +
    `Each cell has ${count(facts.images, "image")} of ${facts.size} × ${facts.size} pixels, one for each real image, ` +
    `and ${count(facts.unseen, "image")} of unseen prompts.`;

  const here = places.size;
  const reduced = facts.edge < facts.size ? ` and reduced to ${facts.edge} pixels` : "";
  const fewer = here < facts.images ? `; it has ${here} of each cell's ${facts.images}` : "";
  $("footer").textContent =
    `${facts.note} The images of this page are compressed (AVIF)${reduced}${fewer}. ` +
    "The exact ones are in each cell's generated.zip and unseen.zip.";
}

describe();
sizeTiles();
wire();
choose(state);
await drawChart();
document.body.dataset.ready = "";
