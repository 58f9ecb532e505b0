// @ts-check
// Shared memory and a fine clock where the host does not send the headers for them.

import { scriptUrl } from "./trusted.js";

const TRIED = "tare-isolation-was-tried";
// A service worker starts within this time, or the page goes on without it.
const LIMIT_MS = 5_000;

/**
 * Has a service worker isolate this page, which then loads once more. Resolves to whether one does.
 * @returns {Promise<boolean>}
 */
export async function isolateByServiceWorker() {
  // Insecure pages have no service workers.
  const workers = /** @type {ServiceWorkerContainer | undefined} */ (navigator.serviceWorker);
  if (!workers) return false;
  if (workers.controller) return crossOriginIsolated;
  if (crossOriginIsolated || sessionStorage.getItem(TRIED)) return false;
  try {
    const controlled = new Promise((resolve) => workers.addEventListener("controllerchange", resolve, { once: true }));
    await workers.register(scriptUrl("./service-worker.js"));
    const limit = new Promise((_, reject) => setTimeout(() => reject(new Error("it did not start")), LIMIT_MS));
    await Promise.race([controlled, limit]);
  } catch (error) {
    // The host or the user may not allow it: the page works without.
    console.info("no service worker isolates this page:", error);
    return false;
  }
  sessionStorage.setItem(TRIED, "yes");
  location.reload();
  // This page is about to be replaced.
  return new Promise(() => {});
}
