"""When one machine is outgrown: log and state in one PostgreSQL database."""
