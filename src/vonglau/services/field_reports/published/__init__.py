"""What anybody may see of reports, kept in a narrow table of its own: `PublicReport`. Nothing in it needs to be hidden from anybody."""
