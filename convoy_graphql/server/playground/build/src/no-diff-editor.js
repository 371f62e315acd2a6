// Takes the place of Monaco's diff editors: the page opens none, and they are 200 KB.
export class DiffEditorWidget {}
export class MultiDiffEditorWidget {}
