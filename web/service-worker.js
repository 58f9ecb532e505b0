// @ts-check
/// <reference lib="webworker" />
// Adds the headers of cross-origin isolation where the host does not send them, and keeps the files of the page for visits without a network.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const FILES = "tare-files";

worker.addEventListener("install", () => void worker.skipWaiting());
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === worker.location.origin) {
    event.respondWith(answer(request));
  }
});

/** @param {Request} request @returns {Promise<Response>} */
const answer = async (request) => {
  const files = await caches.open(FILES);
  try {
    const response = await fetch(request);
    // The answer does not wait for it. A full disk only means that the next visit needs a network.
    if (response.status === 200) files.put(request, response.clone()).catch(() => {});
    return isolated(response);
  } catch (error) {
    const kept = await files.match(request, { ignoreSearch: true });
    if (kept) return isolated(kept);
    throw error;
  }
};

/** @param {Response} response */
const isolated = (response) => {
  const headers = new Headers(response.headers);
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-embedder-policy", "require-corp");
  // These have no body.
  const body = [204, 205, 304].includes(response.status) ? null : response.body;
  return new Response(body, { status: response.status, statusText: response.statusText, headers });
};
