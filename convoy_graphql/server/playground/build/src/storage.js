// The browser's storage under a name of our own: other tools that serve GraphiQL from localhost keep theirs.
const PREFIX = "convoy-graphql:";

export function openStorage() {
  const storage = localStorageOrMemory();
  const ours = () => Object.keys(storage).filter((key) => key.startsWith(PREFIX));
  return {
    getItem: (key) => storage.getItem(PREFIX + key),
    setItem: (key, value) => storage.setItem(PREFIX + key, value),
    removeItem: (key) => storage.removeItem(PREFIX + key),
    clear: () => ours().forEach((key) => storage.removeItem(key)),
    get length() {
      return ours().length;
    },
  };
}

// Reading `localStorage` throws where a visitor has turned site data off.
function localStorageOrMemory() {
  try {
    return window.localStorage;
  } catch {
    return {
      getItem(key) {
        return Object.hasOwn(this, key) ? this[key] : null;
      },
      setItem(key, value) {
        this[key] = value;
      },
      removeItem(key) {
        delete this[key];
      },
    };
  }
}
