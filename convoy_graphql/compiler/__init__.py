"""From a GraphQL selection to one SQL statement that returns the answer's JSON.

A request goes through these modules in order:

- `selection`: the document's fields, merged and with fragments resolved, in terms of the model: a tree of `plan` records.
- `arguments`: the values that the request gives to the fields' arguments, apart from the form of what they ask.
- `render`: the tree and the forms of the arguments as one SELECT, its values as numbered places.
- `documents`: what is kept of a document between requests, and the way from a request to a statement with its parameters.

A query that cannot be planned is declined with a reason, as a value. The loaders answer it.
"""

from __future__ import annotations
