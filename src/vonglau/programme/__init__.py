"""The national tier: localities, returns, indicator editions, inspections, pilots. Not begun; it reads services only through the
indicators they declare."""
