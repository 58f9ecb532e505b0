// Sorts and filters the rows of a report, compares its cells with one that the reader chooses, and saves its pictures. Without it the report is whole.
"use strict";
(() => {
  const numberOf = (cell) => (cell?.dataset.n === undefined ? NaN : Number(cell.dataset.n));

  // Each row with the notes below it, which move with it.
  const bundles = (tbody) => {
    const all = [];
    for (const row of tbody.rows) {
      if (row.className === "notes" && all.length > 0) all.at(-1).push(row);
      else all.push([row]);
    }
    return all;
  };

  const make = (name, text = "", properties = {}) => Object.assign(document.createElement(name), { textContent: text }, properties);

  const compare = (a, b) => {
    const [x, y] = [numberOf(a), numberOf(b)];
    // Rows without a number come last.
    if (Number.isNaN(x) && Number.isNaN(y)) return a.textContent.localeCompare(b.textContent, "en", { numeric: true });
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    return x - y;
  };

  const sortable = (table) => {
    const [head, tbody] = [table.tHead?.rows[0], table.tBodies[0]];
    if (!head || !tbody || bundles(tbody).length < 3) return;
    for (const heading of head.cells) {
      const button = make("button", heading.textContent, { type: "button" });
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const isDescending = heading.getAttribute("aria-sort") === "ascending";
        for (const other of head.cells) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
        const column = heading.cellIndex;
        const sorted = bundles(tbody).sort(([a], [b]) => compare(a.cells[column], b.cells[column]));
        tbody.append(...(isDescending ? sorted.reverse() : sorted).flat());
      });
    }
  };

  // Hides what does not have all words of the text. Returns how much is shown, and of how much.
  const filter = (root, text) => {
    const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const counts = { shown: 0, all: 0 };
    const showIfMatching = (element, others = [], content = element.textContent) => {
      const isShown = words.every((word) => content.toLowerCase().includes(word));
      for (const one of [element, ...others]) one.hidden = !isShown;
      counts.all += 1;
      counts.shown += isShown ? 1 : 0;
    };
    for (const tbody of root.querySelectorAll("tbody")) for (const [row, ...notes] of bundles(tbody)) showIfMatching(row, notes);
    for (const item of root.querySelectorAll(".rows > li:not([aria-hidden])")) showIfMatching(item);
    for (const finding of root.querySelectorAll(".finding")) showIfMatching(finding);
    for (const figure of root.querySelectorAll("figure")) {
      const rows = [...figure.querySelectorAll(".rows > li:not([aria-hidden])")];
      if (rows.length > 0) figure.hidden = rows.every((row) => row.hidden);
      // Charts name in their titles what is drawn.
      else showIfMatching(figure, [], figure.querySelector("title")?.textContent ?? "");
    }
    return counts;
  };

  const filterable = (root) => {
    const place = root.querySelector("nav");
    if (!place) return;
    const input = make("input", "", { type: "search", placeholder: "model, engine or place" });
    const count = make("output");
    input.addEventListener("input", () => {
      const { shown, all } = filter(root, input.value);
      count.textContent = input.value.trim() === "" ? "" : shown === 0 ? " Nothing matches." : ` ${shown} of ${all} rows, pictures and findings match.`;
    });
    const label = make("label", "Show only ", { className: "filter" });
    label.append(input);
    const line = make("div");
    line.append(label, count);
    place.after(line);
  };

  // The interval is the widest that both medians allow.
  const comparable = (root) => {
    const table = root.querySelector("#cells table");
    const measured = table ? bundles(table.tBodies[0]).map(([row]) => row).filter((row) => row.querySelector("td[data-low]")) : [];
    if (measured.length < 2) return;
    const figures = (row) => {
      const interval = row.querySelector("td[data-low]");
      return [interval.previousElementSibling.dataset.n, interval.dataset.low, interval.dataset.high].map(Number);
    };
    const select = make("select");
    select.append(make("option", "nothing", { value: "-1" }));
    const nameOf = (row) => [...row.cells].slice(0, 3).map((cell) => cell.textContent).join(", ");
    measured.forEach((row, number) => select.append(make("option", nameOf(row), { value: String(number) })));
    const heading = make("th", "vs. the chosen one", { className: "number chosen", scope: "col" });
    const column = measured[0].querySelector("td[data-low]").cellIndex;
    select.addEventListener("change", () => {
      for (const old of table.querySelectorAll(".chosen")) old.remove();
      const base = measured[Number(select.value)];
      if (!base) return;
      const [value, low, high] = figures(base);
      table.tHead.rows[0].cells[column].after(heading);
      for (const [row] of bundles(table.tBodies[0])) {
        const cell = make("td", "-", { className: "number chosen" });
        if (measured.includes(row)) {
          const [own, ownLow, ownHigh] = figures(row);
          const ratios = [own / value, ownLow / high, ownHigh / low].map((ratio) => `${ratio.toPrecision(3)}x`);
          cell.textContent = row === base ? "1x" : `${ratios[0]} (${ratios[1]} to ${ratios[2]})`;
          cell.dataset.n = own / value;
        }
        row.cells[column].after(cell);
      }
    });
    const label = make("label", "Compare with ");
    label.append(select);
    table.parentElement.before(label);
  };

  const WIDTH = 720;
  const LINE = 20;

  const draw = (name, attributes = {}, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  // Rows of text and drawings as one drawing.
  const ofRows = (figure) => {
    const picture = draw("svg");
    let top = 0;
    for (const row of figure.querySelectorAll(".legend li, .rows > li")) {
      if (row.hidden) continue;
      const [label, value, drawing] = [".label", ".figure", "svg"].map((part) => row.querySelector(part));
      const isLegend = row.parentElement.className === "legend";
      const height = Number(drawing.getAttribute("height"));
      const copy = drawing.cloneNode(true);
      if (isLegend) picture.append(draw("text", { x: LINE, y: top + LINE - 6 }, row.textContent.trim()));
      if (label) {
        const text = label.textContent;
        picture.append(draw("text", { x: 0, y: top + LINE - 6 }, text));
        // Long figures stand below a long name.
        if (text.length + value.textContent.length > 90) top += LINE;
        picture.append(draw("text", { x: WIDTH, y: top + LINE - 6, "text-anchor": "end" }, value.textContent));
        top += LINE;
      }
      copy.setAttribute("y", isLegend ? top + 4 : top);
      copy.setAttribute("width", isLegend ? height : WIDTH);
      picture.append(copy);
      top += Math.max(height, isLegend ? LINE : 0) + 6;
    }
    picture.setAttribute("viewBox", `0 0 ${WIDTH} ${top}`);
    picture.prepend(draw("title", {}, figure.querySelector(".rows").ariaLabel ?? ""));
    return picture;
  };

  // A picture as a file of its own, in the colors that the reader sees.
  const pictureOf = (figure) => {
    const picture = figure.querySelector(".rows") ? ofRows(figure) : figure.querySelector("svg").cloneNode(true);
    const [, , width, height] = picture.getAttribute("viewBox").split(" ").map(Number);
    const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
    for (const [key, value] of Object.entries({ width, height, color: color("--ink") })) picture.setAttribute(key, value);
    const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
    const parts = rules.filter((rule) => rule.selectorText?.startsWith(".part-")).map((rule) => rule.cssText);
    const colors = ["native", "other"].map((name) => `.${name} { fill: ${color(`--${name}`)}; stroke: ${color(`--${name}`)}; }`);
    const text = "text { fill: currentColor; font: 13px system-ui, sans-serif; } .readout { visibility: hidden; }";
    picture.prepend(draw("style", {}, [text, ...colors, ...parts].join(" ")), draw("rect", { width: "100%", height: "100%", fill: color("--paper") }));
    return { width, height, text: new XMLSerializer().serializeToString(picture) };
  };

  const save = (blob, name) => {
    const link = make("a", "", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href));
  };

  const asSvg = (figure, name) => save(new Blob([pictureOf(figure).text], { type: "image/svg+xml" }), `${name}.svg`);

  const asPng = async (figure, name) => {
    const { width, height, text } = pictureOf(figure);
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    // Sharp on screens with small pixels.
    const canvas = make("canvas", "", { width: width * 2, height: height * 2 });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(blob, `${name}.png`));
  };

  const savable = (root) => {
    root.querySelectorAll("figure").forEach((figure, number) => {
      const name = `tare-${figure.closest("section")?.id ?? "picture"}-${number + 1}`;
      const line = make("span", " Save as ", { className: "save" });
      for (const [text, action] of [["SVG", asSvg], ["PNG", asPng]]) {
        const button = make("button", text, { type: "button" });
        button.addEventListener("click", () => action(figure, name));
        line.append(button, " ");
      }
      figure.querySelector("figcaption")?.append(line);
    });
  };

  // Opens what holds a part, and scrolls to it.
  const show = (target) => {
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    target?.scrollIntoView();
  };

  // Some browsers do not open what holds the target of a link.
  const reveal = () => {
    if (location.hash.length > 1) show(document.getElementById(location.hash.slice(1)));
  };

  // A link that holds a result keeps it when a reader follows the links within the report.
  const stay = (root) => {
    root.addEventListener("click", (event) => {
      const link = event.target.closest?.("a[href^='#']");
      if (!link || !location.hash.startsWith("#record=")) return;
      event.preventDefault();
      show(document.getElementById(link.hash.slice(1)));
    });
  };

  globalThis.tareReport = (root) => {
    root.querySelectorAll("table").forEach(sortable);
    filterable(root);
    comparable(root);
    savable(root);
    stay(root);
  };
  for (const report of document.querySelectorAll(".tare")) if (report.querySelector("nav")) globalThis.tareReport(report);
  addEventListener("hashchange", reveal);
  reveal();
})();
