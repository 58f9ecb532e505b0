// Says what crossings cost inside of a worker, and then answers every message with an empty one.
import { costsInside } from "./boundary.js";

postMessage(await costsInside(self));
onmessage = () => postMessage(null);
