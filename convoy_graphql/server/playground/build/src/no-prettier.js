// Takes the place of prettier inside the worker: prettifying happens in the page, "Format Document" is left out of the menu.
export default {};
