// Sends a file in blocks instead of as one form: several at once, each again when the network or the app fails. What
// is said comes from the page, so that it is in the reader's language.

const LANES = 3;
const ATTEMPTS = 7;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
const RATE_WINDOW_MS = 8_000;

class Refused extends Error {
  constructor(problem) {
    super([problem.message, problem.remedy].filter(Boolean).join(" "));
    this.problem = problem;
  }
}
class Unreachable extends Error {}
class Unreadable extends Error {}

const sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });

const isPassing = (status) => status === 0 || status === 408 || status === 429 || status >= 500;

// XMLHttpRequest, because fetch does not tell how much of a body has gone.
const post = (address, body, headers, signal, onProgress) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open("POST", address);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (onProgress) request.upload.addEventListener("progress", (event) => onProgress(event.loaded));
    request.addEventListener("loadend", () => {
      signal.removeEventListener("abort", abort);
      if (signal.aborted) return reject(signal.reason);
      resolve({ status: request.status, kind: request.getResponseHeader("content-type") ?? "", text: request.responseText });
    });
    signal.addEventListener("abort", abort);
    request.send(body);
  });

const page = document.getElementById("sending");
const form = document.getElementById("upload");
const besides = document.getElementById("declaring");
const parts = Object.fromEntries([...page.querySelectorAll("[data-part]")].map((each) => [each.dataset.part, each]));
const language = document.documentElement.lang;
const say = (name, values = {}) => {
  parts.state.textContent = page.dataset[name].replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
};

const inUnit = (value, unit, digits = 0, display = "short") =>
  new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: display, maximumFractionDigits: digits }).format(value);
const asSize = (bytes, per = "") => {
  const [unit, factor] = bytes >= 1e9 ? ["gigabyte", 1e9] : bytes >= 1e6 ? ["megabyte", 1e6] : ["kilobyte", 1e3];
  return inUnit(bytes / factor, unit + per, factor > 1e3 ? 1 : 0);
};
const asTime = (seconds) =>
  seconds < 60
    ? inUnit(Math.max(1, Math.ceil(seconds)), "second", 0, "long")
    : seconds < 3_600
      ? inUnit(Math.ceil(seconds / 60), "minute", 0, "long")
      : inUnit(seconds / 3_600, "hour", 1, "long");

class Upload {
  constructor(segment, file) {
    this.segment = segment;
    this.file = file;
    this.name = null;
    this.isFinished = false;
    this.done = new Set();
    this.underWay = new Map();
    this.samples = [];
  }

  // Goes on where it stopped, if it did.
  async run(signal) {
    this.samples = [];
    if (this.name === null) await this.begin(signal);
    say("going");
    await this.sendBlocks(signal);
    say("finishing");
    const { address } = await this.finish(signal);
    this.isFinished = true;
    return address;
  }

  async begin(signal) {
    const { segment, file } = this;
    const begun = await this.ask(form.dataset.begin, { segment, file_name: file.name, size_bytes: file.size }, signal);
    this.name = begun.name;
    this.blockBytes = begun.block_size_bytes;
    this.blocks = begun.blocks;
  }

  async sendBlocks(signal) {
    const waiting = [...Array(this.blocks).keys()].filter((number) => !this.done.has(number));
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const lane = async () => {
      for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) await this.sendBlock(number, either);
    };
    try {
      await Promise.all(Array.from({ length: LANES }, lane));
    } catch (error) {
      stop.abort(error);
      throw error;
    } finally {
      this.underWay.clear();
      this.show();
    }
  }

  async sendBlock(number, signal) {
    const start = number * this.blockBytes;
    const data = await this.file
      .slice(start, Math.min(start + this.blockBytes, this.file.size))
      .arrayBuffer()
      .catch(() => {
        throw new Unreadable();
      });
    const headers = {
      "Content-Type": "application/octet-stream",
      "X-Upload-Name": encodeURIComponent(this.name),
      "X-Upload-Block": number,
    };
    await this.send(form.dataset.block, data, headers, signal, (sent) => {
      this.underWay.set(number, Math.min(sent, data.byteLength));
      this.show();
    });
    this.underWay.delete(number);
    this.done.add(number);
    this.show();
  }

  async finish(signal) {
    for (;;) {
      try {
        return await this.ask(form.dataset.finish, { name: this.name, blocks: this.blocks }, signal);
      } catch (error) {
        const missing = error instanceof Refused ? (error.problem.missing ?? []) : [];
        if (!missing.some((number) => this.done.delete(number))) throw error;
        missing.forEach((number) => this.done.delete(number));
        await this.sendBlocks(signal);
      }
    }
  }

  ask(address, fields, signal) {
    return this.send(address, new URLSearchParams(fields), {}, signal);
  }

  // Asks until there is an answer that will not get better.
  async send(address, body, headers, signal, onProgress) {
    const all = { ...headers, "X-CSRF-Token": form.elements.csrf.value, "HX-Request": "true" };
    for (let attempt = 1; ; attempt += 1) {
      const { status, kind, text } = await post(address, body, all, signal, onProgress);
      const said = kind.startsWith("application/json") ? JSON.parse(text) : null;
      if (status === 200 && said) {
        if (attempt > 1) say("going");
        return said;
      }
      if (!isPassing(status)) throw new Refused(said ?? { message: page.dataset[status === 401 ? "signedOut" : "refused"], isPassing: status === 401 });
      if (attempt === ATTEMPTS) throw new Unreachable();
      onProgress?.(0);
      say("waiting");
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
      await sleep(pause * (0.75 + Math.random() / 2), signal);
    }
  }

  get sentBytes() {
    const { size } = this.file;
    let sent = 0;
    for (const number of this.done) sent += Math.min(this.blockBytes, size - number * this.blockBytes);
    for (const [number, bytes] of this.underWay) if (!this.done.has(number)) sent += bytes;
    return sent;
  }

  show() {
    const now = performance.now();
    const sent = this.sentBytes;
    parts.bar.max = this.file.size;
    parts.bar.value = sent;
    this.samples.push([now, sent]);
    while (this.samples.length > 2 && now - this.samples[0][0] > RATE_WINDOW_MS) this.samples.shift();
    const [since, before] = this.samples[0];
    const rate = now > since ? Math.max(0, ((sent - before) / (now - since)) * 1_000) : 0;
    const figures = {
      sent: asSize(sent),
      size: asSize(this.file.size),
      rate: rate ? asSize(rate, "-per-second") : "–",
      left: rate ? asTime((this.file.size - sent) / rate) : "–",
    };
    parts.figures.textContent = page.dataset.figures.replace(/\{(\w+)\}/g, (all, key) => figures[key] ?? all);
  }
}

let upload = null;
let control = null;

const warn = (event) => event.preventDefault();
const setBusy = (isBusy) => {
  (isBusy ? window.addEventListener : window.removeEventListener)("beforeunload", warn);
};

// Back to the form, with what is wrong beside the field.
const showForm = (message = "", field = "") => {
  setBusy(false);
  upload = null;
  form.hidden = besides.hidden = false;
  page.hidden = message === "" || field !== "";
  parts.cancel.hidden = parts.continue.hidden = parts.bar.hidden = parts.figures.hidden = true;
  const input = field && form.elements[field];
  if (input) {
    const told = document.createElement("p");
    told.className = "wrong-text";
    told.id = `${field}-wrong`;
    told.textContent = message;
    input.after(told);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", `${field}-hint ${told.id}`);
    input.focus();
  } else {
    parts.state.textContent = message;
  }
};

const forgetErrors = () => {
  document.getElementById("errors")?.remove();
  for (const told of form.querySelectorAll(".wrong-text")) told.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.setAttribute("aria-describedby", `${input.name}-hint`);
  }
};

const go = async () => {
  control = new AbortController();
  parts.continue.hidden = true;
  parts.cancel.hidden = parts.bar.hidden = parts.figures.hidden = false;
  setBusy(true);
  try {
    const address = await upload.run(control.signal);
    setBusy(false);
    say("finished");
    window.location.assign(address);
  } catch (error) {
    stopped(error);
  }
};

const stopped = (error) => {
  if (control.signal.aborted) return showForm(page.dataset.cancelled);
  if (error instanceof Unreadable) return showForm(page.dataset.unreadable, "file");
  const canContinue = error instanceof Unreachable || error.problem?.isPassing;
  if (error instanceof Refused && !canContinue) return showForm(error.message, error.problem.field);
  if (!canContinue) {
    showForm(page.dataset.refused);
    throw error;
  }
  parts.state.textContent = error instanceof Unreachable ? page.dataset.broken : error.message;
  parts.continue.hidden = false;
  parts.continue.focus();
  return undefined;
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  forgetErrors();
  const file = form.elements.file.files[0];
  const most = Number(form.dataset.maxBytes);
  if (file.size === 0) return showForm(page.dataset.empty, "file");
  if (file.size > most) return showForm(page.dataset.tooLarge, "file");
  upload = new Upload(form.elements.segment.value.trim(), file);
  form.hidden = besides.hidden = true;
  page.hidden = false;
  parts.name.textContent = file.name;
  say("beginning");
  parts.bar.value = 0;
  parts.figures.textContent = "";
  document.getElementById("sending-title").scrollIntoView({ block: "nearest" });
  return go();
});

parts.continue.addEventListener("click", () => {
  say("beginning");
  go();
});
parts.cancel.addEventListener("click", () => {
  const wasRunning = parts.continue.hidden;
  control?.abort(new DOMException("cancelled", "AbortError"));
  if (!wasRunning) showForm(page.dataset.cancelled);
});
