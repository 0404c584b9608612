/** What waits on this phone to be sent, and what it has sent: in IndexedDB, so that neither a reload nor an empty battery loses it. */

export interface Waiting {
  /** The idempotency key: whatever happens on the way, the server keeps it once. */
  key: string;
  fields: [string, string][];
  photos: File[];
  title: string;
  at: number;
  /** Why the server did not take it as it is; "" while it only waits for a connection. */
  fault: string;
}

export interface Sent {
  key: string;
  reference: string;
  url: string;
  title: string;
  at: number;
}

const NAME = "vonglau-field-reports";

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      for (const store of ["waiting", "sent"]) asked.result.createObjectStore(store, { keyPath: "key" });
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error("no database"));
  });
}

/** One transaction; resolved when it is on the disk. */
async function within<T>(stores: string[], act: (at: (name: string) => IDBObjectStore) => IDBRequest<T> | null): Promise<T | null> {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(stores, "readwrite", { durability: "strict" });
      const request = act((name) => transaction.objectStore(name));
      transaction.oncomplete = () => resolve(request ? request.result : null);
      transaction.onerror = transaction.onabort = () => reject(transaction.error ?? new Error("not kept"));
    });
  } finally {
    database.close();
  }
}

const byAge = <T extends { at: number }>(rows: T[] | null): T[] => (rows ?? []).sort((one, other) => one.at - other.at);

export const put = (row: Waiting): Promise<unknown> => within(["waiting"], (at) => at("waiting").put(row));
export const drop = (key: string): Promise<unknown> => within(["waiting"], (at) => (at("waiting").delete(key), null));
export const waiting = async (): Promise<Waiting[]> => byAge(await within(["waiting"], (at) => at("waiting").getAll() as IDBRequest<Waiting[]>));
export const sent = async (): Promise<Sent[]> => byAge(await within(["sent"], (at) => at("sent").getAll() as IDBRequest<Sent[]>));
export const forget = (): Promise<unknown> => within(["sent"], (at) => (at("sent").clear(), null));

/** It arrived: out of the queue and into the list of what was sent, in one step. */
export const arrived = (row: Waiting, told: Sent): Promise<unknown> =>
  within(["waiting", "sent"], (at) => (at("waiting").delete(row.key), at("sent").put(told), null));
