// Watches how quickly the page reacts: while nothing runs, while a model runs in a worker, and while it runs on the main thread.

const WATCH_MS = 3000;
const MESSAGE_EVERY_MS = 10;
const PATIENCE_MS = 120000; // a model that hangs must not keep the record

const rounded = (ms) => Math.round(ms * 1e6);

// Collects the times between frames, and the delays of messages from a worker that nothing holds up.
function watch() {
  const source = `setInterval(() => postMessage(performance.timeOrigin + performance.now()), ${MESSAGE_EVERY_MS})`;
  const sender = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const seen = { frames_ns: [], delays_ns: [] };
  let watching = true;
  sender.onmessage = ({ data }) => {
    seen.delays_ns.push(rounded(Math.max(0, performance.timeOrigin + performance.now() - data)));
  };
  let last;
  const frame = (now) => {
    if (!watching) return;
    if (last !== undefined) seen.frames_ns.push(rounded(now - last));
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  return () => {
    watching = false;
    sender.terminate();
    return seen;
  };
}

// A worker, or a frame on the page's own thread, that answers messages. `data` is handed on to it.
function occupant(port, start, data) {
  return new Promise((resolve, reject) => {
    let end;
    const late = setTimeout(() => reject(new Error(`it took more than ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
    port.onerror = (error) => reject(new Error(error.message || "the engine could not be loaded"));
    port.onmessage = ({ data: told }) => {
      if (told.listening) start(data);
      else if (told.loaded) end = watch();
      else if (told.failed) reject(new Error(told.failed));
      else {
        clearTimeout(late);
        resolve({ runs: told.runs, ...end() });
      }
    };
  });
}

async function inWorker(engine, data) {
  const worker = new Worker(new URL(`./workers/occupant.js?engine=${engine}`, document.baseURI), { type: "module" });
  try {
    return await occupant(worker, (data) => worker.postMessage(data), data);
  } finally {
    worker.terminate();
  }
}

async function onMainThread(engine, data) {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.src = new URL(`./workers/occupant.html?engine=${engine}`, document.baseURI);
  // What the frame posts comes to this window.
  const port = {};
  const listen = (event) => event.source === frame.contentWindow && port.onmessage(event);
  addEventListener("message", listen);
  document.body.append(frame);
  try {
    return await occupant(port, (data) => frame.contentWindow.postMessage(data, location.origin), data);
  } finally {
    removeEventListener("message", listen);
    frame.remove(); // with the memory of its module
  }
}

// Resolves to JSON of what was seen in each situation. `data` is what a worker is asked with.
export async function responsiveness(engine, data) {
  const idle = watch();
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  const situations = [{ situation: "idle", runs: 0, ...idle() }];
  situations.push({ situation: "worker", ...(await inWorker(engine, { ...data, ms: WATCH_MS })) });
  situations.push({ situation: "main-thread", ...(await onMainThread(engine, { ...data, ms: WATCH_MS })) });
  return JSON.stringify(situations);
}
