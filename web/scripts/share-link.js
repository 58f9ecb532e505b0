// @ts-check
// Results as the text of a link: compressed, in characters that addresses may hold.

// Longer links do not get through everywhere.
const MOST_CHARACTERS = 30_000;
// No result of a link has more when it is unpacked, unless somebody means harm.
const MOST_BYTES = 10_000_000;

/** @param {string} text @returns {Promise<string>} */
export const packed = async (text) => {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const characters = Math.ceil((bytes.length * 4) / 3);
  if (characters > MOST_CHARACTERS) {
    throw new Error(`it would have ${characters} characters, and ${MOST_CHARACTERS} get through everywhere`);
  }
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

/** @param {string} text @returns {Promise<string>} */
export const unpacked = async (text) => {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const parts = [];
  let received = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    received += read.value.length;
    if (received > MOST_BYTES) throw new Error(`it holds more than ${MOST_BYTES} bytes`);
    parts.push(read.value);
  }
  return new Blob(parts).text();
};
