// @ts-check
// Keeps records in this browser, so that no result is lost with its page.

const STORE = "records";

/** @returns {Promise<IDBDatabase>} */
const opened = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open("tare", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab holds it"));
  });

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>}
 */
const within = async (mode, work) => {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      // A full disk shows when the transaction ends.
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
};

// So many are kept.
const MOST = 20;

/** Keeps a record under its name, in place of an earlier state of it. @param {string} name @param {string} record */
export const keepRecord = async (name, record) => {
  await within("readwrite", (store) => store.put(record, name));
  const names = await within("readonly", (store) => store.getAllKeys());
  for (const oldest of names.slice(0, -MOST)) await within("readwrite", (store) => store.delete(oldest));
};

/** All records that are kept, oldest first. @returns {Promise<string[]>} */
export const keptRecords = () => within("readonly", (store) => store.getAll());

/** Forgets all records. */
export const forgetRecords = async () => void (await within("readwrite", (store) => store.clear()));
