// A small store in the browser, for what must be at hand without the network. Values are kept by
// name; keys that may not leave the device (WebCrypto) can be kept as they are.

export class Store {
  private readonly name: string;
  private opened: Promise<IDBDatabase> | null = null;

  constructor(name: string) {
    this.name = name;
  }

  async get<T>(key: string): Promise<T | undefined> {
    return (await this.run("readonly", (values) => values.get(key))) as T | undefined;
  }

  async put(key: string, value: unknown): Promise<void> {
    await this.run("readwrite", (values) => values.put(value, key));
  }

  async remove(key: string): Promise<void> {
    await this.run("readwrite", (values) => values.delete(key));
  }

  async clear(): Promise<void> {
    await this.run("readwrite", (values) => values.clear());
  }

  private async run(
    mode: IDBTransactionMode,
    work: (values: IDBObjectStore) => IDBRequest,
  ): Promise<unknown> {
    this.opened ??= open(this.name);
    const database = await this.opened;
    return new Promise((resolve, reject) => {
      const transaction = database.transaction("values", mode);
      const request = work(transaction.objectStore("values"));
      transaction.oncomplete = () => {
        resolve(request.result);
      };
      transaction.onabort = () => {
        reject(transaction.error ?? new Error("the store gave up"));
      };
    });
  }
}

function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("values");
    };
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new Error("the store does not open"));
    };
  });
}
