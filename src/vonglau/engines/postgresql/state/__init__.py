"""Django's database backend for the state: PostgreSQL with one writer at a time, as on SQLite."""
