// @ts-check
// The only ways from text to what may run, where the browser enforces it (Trusted Types): the page's policy names this one.

/**
 * @typedef {object} Policy
 * @property {(html: string) => string} createHTML
 * @property {(url: string) => string} createScriptURL
 */

/** @type {Policy} */
const rules = {
  // Reports come escaped from Rust, and their scripts would not run.
  createHTML: (html) => html,
  createScriptURL: (url) => {
    const { href, origin } = new URL(url, document.baseURI);
    if (origin !== location.origin) throw new TypeError(`not a script of this page: ${url}`);
    return href;
  },
};

/** @type {Policy} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("tare", rules) ?? rules;

/**
 * @param {Element} element
 * @param {string} html
 */
export function setHtml(element, html) {
  element.innerHTML = policy.createHTML(html);
}

/**
 * The address of a script of this page.
 * @param {string | URL} url
 */
export const scriptUrl = (url) => policy.createScriptURL(String(url));

/**
 * @param {string | URL} url
 */
export const startWorker = (url) => new Worker(scriptUrl(url), { type: "module" });
