// The browser of single sentences. Everything from the release or a model is set as text.
"use strict";
(() => {
  const PER_PAGE = 20;
  const list = document.getElementById("list");
  const shown = document.getElementById("shown");
  const folder = list.dataset.folder;
  const waiting = new Map(); // name of a data file -> promise of its value
  const handlers = new Map();

  window.handOver = (name, value) => handlers.get(name)?.(value);

  function load(name) {
    if (!waiting.has(name)) {
      waiting.set(name, new Promise((resolve, reject) => {
        handlers.set(name, resolve);
        const script = document.createElement("script");
        script.src = `${folder}/${name}.js`;
        script.onload = () => script.remove();
        script.onerror = () => {
          waiting.delete(name);
          reject(new Error(`${folder}/${name}.js is missing: keep that folder beside this page.`));
        };
        document.head.append(script);
      }));
    }
    return waiting.get(name);
  }

  function unpacked(text, Kind) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Kind(bytes.buffer);
  }

  function element(kind, className, text) {
    const made = document.createElement(kind);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const number = (value) => value.toLocaleString("en");

  class Sentences {
    constructor(index, codes) {
      this.index = index;
      this.codes = Object.fromEntries(
        Object.entries(codes).map(([name, text]) => [name, unpacked(text, Int16Array)]));
    }

    isRight(place, score, detector) {
      const { threshold } = this.index.detectors[detector];
      if (threshold === null || score === null || Number.isNaN(score)) return null;
      // Compared as the scores are stored, in single precision.
      return (Math.fround(score) >= Math.fround(threshold)) === (this.codes.correct[place] === 1);
    }

    async chosen(wanted) {
      const scores = wanted.detector === "" ? null
        : unpacked(await load(`detector-${wanted.detector}`), Float32Array);
      const places = [];
      const is = (name, place) => wanted[name] === "" || this.codes[name][place] === Number(wanted[name]);
      for (let place = 0; place < this.index.sentences; place += 1) {
        if (!is("model", place) || !is("type", place) || !is("domain", place) || !is("correct", place)) continue;
        if (scores && wanted.outcome !== "") {
          const right = this.isRight(place, scores[place], Number(wanted.detector));
          if (wanted.outcome !== (right === null ? "none" : right ? "right" : "wrong")) continue;
        }
        places.push(place);
      }
      if (scores && wanted.order !== "") {
        const sign = wanted.order === "low" ? 1 : -1;
        const of = (place) => (Number.isNaN(scores[place]) ? Infinity : sign * scores[place]);
        places.sort((one, other) => of(one) - of(other) || one - other);
      }
      return places;
    }

    async rows(places) {
      const { chunk } = this.index;
      return Promise.all(places.map(async (place) =>
        (await load(`chunk-${Math.floor(place / chunk)}`))[place % chunk]));
    }

    article(place, [id, position, pieces, votes, picture, scores], detector) {
      const { index, codes } = this;
      const article = element("article", "example");
      const left = element("div");
      if (picture === null) {
        left.append(element("span", "absent", "The image is not in the release."));
      } else {
        const image = element("img");
        image.alt = "The image of this sentence";
        image.loading = "lazy";
        image.src = `${folder}/images/${picture}`;
        left.append(image);
      }
      const right = element("div");
      const verdict = codes.correct[place] === 1 ? "correct" : "incorrect";
      const head = element("p");
      const heading = element("h2", verdict, verdict);
      const domain = codes.domain[place] < 0 ? "" : `, ${index.domains[codes.domain[place]]}`;
      head.append(heading, ` by ${index.models[codes.model[place]]}, position ${position}${domain}`);
      const text = element("p", "text");
      for (const [words, types] of pieces) {
        if (types) {
          const mark = element("mark", "", words);
          mark.append(element("small", "", types));
          text.append(mark);
        } else text.append(words);
      }
      right.append(head, text);
      if (votes[0] !== null) {
        right.append(element("p", "", `Votes: ${votes[0]} correct, ${votes[1]} incorrect, ${votes[2]} unknown.`));
      }
      const items = element("ul", "scores");
      items.setAttribute("aria-label", "Scores of detectors");
      scores.forEach((score, which) => {
        const isRight = this.isRight(place, score, which);
        const said = isRight === null ? "" : isRight ? " right" : " wrong";
        const item = element("li", `${said.trim()}${String(which) === detector ? " chosen" : ""}`);
        const value = score === null ? "--" : String(Number(score.toPrecision(4)));
        item.append(element("span", "", index.detectors[which].name), element("span", "", value + said));
        items.append(item);
      });
      right.append(items, element("small", "id", id));
      article.append(left, right);
      return article;
    }
  }

  function select(form, name, title, options) {
    const label = element("label", "", title);
    const made = element("select");
    made.name = name;
    for (const [value, text] of options) {
      const option = element("option", "", text);
      option.value = value;
      made.append(option);
    }
    label.append(made);
    form.append(label);
    return made;
  }

  function filters(index) {
    const form = document.getElementById("filters");
    const named = (names, all) => [["", all], ...names.map((name, code) => [String(code), name])];
    const none = (names, all) => [...named(names, all), ["-1", "none given"]];
    select(form, "model", "Model", named(index.models, "all models"));
    select(form, "correct", "Verdict", [["", "both"], ["1", "correct"], ["0", "incorrect"]]);
    select(form, "type", "Type", none(index.types, "all types"));
    select(form, "domain", "Domain", none(index.domains, "all domains"));
    select(form, "detector", "Detector", named(index.detectors.map((d) => d.balanced === null
      ? d.name : `${d.name} (${(100 * d.balanced).toFixed(1)} % balanced)`), "all together"));
    const outcome = select(form, "outcome", "It is", [["", "right or wrong"], ["right", "right"],
      ["wrong", "wrong"], ["none", "without a score"]]);
    const order = select(form, "order", "Order", [["", "hardest first"], ["low", "its lowest score first"],
      ["high", "its highest score first"]]);
    const needsDetector = () => {
      outcome.disabled = order.disabled = form.elements.detector.value === "";
    };
    form.addEventListener("change", needsDetector);
    form.addEventListener("submit", (event) => event.preventDefault());
    return { form, needsDetector };
  }

  async function start() {
    const [index, codes] = await Promise.all([load("index"), load("codes")]);
    const sentences = new Sentences(index, codes);
    const { form, needsDetector } = filters(index);
    const buttons = (name) => [document.getElementById(name), document.getElementById(`${name}-below`)];
    let [places, page, turn] = [[], 0, 0];

    // Filters stand in the address, so that a view can be found again.
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      if (form.elements[name]) form.elements[name].value = value;
      if (form.elements[name] && form.elements[name].selectedIndex < 0) form.elements[name].value = "";
    }
    needsDetector();
    const wanted = () => {
      const found = Object.fromEntries([...form.elements].map((field) => [field.name, field.value]));
      return found.detector === "" ? { ...found, outcome: "", order: "" } : found;
    };

    async function show() {
      const now = (turn += 1);
      const first = page * PER_PAGE;
      const some = places.slice(first, first + PER_PAGE);
      const rows = await sentences.rows(some);
      if (now !== turn) return; // another choice was made meanwhile
      const { detector } = wanted();
      list.replaceChildren(...rows.map((row, k) => sentences.article(some[k], row, detector)));
      const of = places.length === index.sentences ? `${number(index.sentences)} sentences`
        : `${number(places.length)} that are so, among ${number(index.sentences)} sentences`;
      shown.textContent = some.length
        ? `${number(first + 1)} to ${number(first + some.length)} of ${of}` : "No sentence is like that.";
      for (const button of buttons("before")) button.disabled = page === 0;
      for (const button of buttons("after")) button.disabled = first + PER_PAGE >= places.length;
    }

    async function choose() {
      const chosen = wanted();
      const now = (turn += 1);
      const found = await sentences.chosen(chosen);
      if (now !== turn) return;
      [places, page] = [found, 0];
      const kept = Object.entries(chosen).filter(([, value]) => value !== "");
      history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
      await show();
    }

    const guarded = (task) => () => task().catch(tell);
    form.addEventListener("change", guarded(choose));
    for (const [name, step] of [["before", -1], ["after", 1]]) {
      for (const button of buttons(name)) {
        button.addEventListener("click", guarded(async () => {
          page += step;
          await show();
          shown.scrollIntoView({ block: "nearest" });
        }));
      }
    }
    await choose();
  }

  function tell(error) {
    shown.textContent = error.message;
  }

  start().catch(tell);
})();
