// Runs a model over and over where it is loaded, in a worker or on a page's main thread, for whoever watches the page meanwhile.
const engine = new URL(self.location.href).searchParams.get("engine");
const tell = self.document ? (told) => parent.postMessage(told, location.origin) : (told) => postMessage(told);

onmessage = async ({ data }) => {
  try {
    const { default: instantiate, occupy } = await import(`./${engine}.js`);
    await instantiate({ module_or_path: new URL(`./${engine}_bg.wasm`, import.meta.url) });
    // Time for frames and messages between two runs.
    const pause = () => new Promise((resolve) => setTimeout(resolve));
    const runs = await occupy(data, data.ms, () => tell({ loaded: true }), pause);
    tell({ runs });
  } catch (error) {
    tell({ failed: String(error?.message ?? error) });
  }
};
tell({ listening: true });
