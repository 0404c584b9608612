"""What staff get of a report on its incident's page: the words, photos and contacts behind it, each first look on record."""
