"""What happened, from where a reader was: snapshots, cursors, and the read between them."""
