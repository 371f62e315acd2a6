"""The rooms that talk to PostgreSQL."""
