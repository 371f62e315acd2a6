"""`python -m convoy_graphql` is `convoy-graphql`."""

from __future__ import annotations

from convoy_graphql.cli import main

# A worker process imports this file again under another name.
if __name__ == "__main__":
    main(prog_name="convoy-graphql")
