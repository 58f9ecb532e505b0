// @ts-check
// Posts what interop costs inside a worker, and then answers every message with an empty one.
import { costsInWorker } from "./interop.js";

self.postMessage(await costsInWorker(self.navigator));
self.onmessage = () => self.postMessage(null);
