"""The nouns of the city's sentence: event, alert, incident, indicator. Knows no service, no protocol, no page, no city."""
