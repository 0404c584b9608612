"""Foreign tables: files read a piece at a time and in doubt of everything, cells as moments and numbers, rows as events."""
