"""Pages of citizens: to report, to follow one's report, to read what was reported. No account, no cookie of a session, no staff shell."""
