"""The columns of the view `events`, in words: what `vonglau history` lists and docs/reference/history.md shows."""

from typing import NamedTuple


class Column(NamedTuple):
    """A column of the view."""

    name: str
    type: str
    what: str


COLUMNS = (
    Column(
        "pos", "BIGINT", "Position in the log: the order in which events were stored. Unique, ascending, with gaps."
    ),
    Column("recorded", "TIMESTAMPTZ", "When it was stored."),
    Column("time", "TIMESTAMPTZ", "When it happened, as its sender says; the receipt where none was sent."),
    Column("local_day", "DATE", "The day of `time` in Viet Nam. Faster and safer than casting `time`."),
    Column("local_hour", "TINYINT", "The hour of `time` on Viet Nam's clock, 0 to 23."),
    Column("world", "VARCHAR", "live, or a drill's or recording's id. One world at a time unless all were asked for."),
    Column("source", "VARCHAR", "Who sent it (CloudEvents source)."),
    Column("id", "VARCHAR", "Its id within its source."),
    Column("type", "VARCHAR", "What kind of event; later versions of a payload end in .v2, .v3, …"),
    Column("subject", "VARCHAR", "What it is about: a sensor, a road section. NULL where none was sent."),
    Column("lon", "DOUBLE", "Longitude, WGS 84 degrees. NULL where unknown."),
    Column("lat", "DOUBLE", "Latitude, WGS 84 degrees."),
    Column(
        "ward", "VARCHAR", "Code of the ward it lies in, in the borders that held when it was sealed. NULL outside."
    ),
    Column("quantity", "VARCHAR", "What is measured, for types that declare it: speed, flow, …"),
    Column("value", "DOUBLE", "The measured number, in the sender's unit."),
    Column("data", "VARCHAR", "The payload as sent, JSON text: data ->> '$.unit'."),
    Column("extensions", "VARCHAR", "Other CloudEvents attributes, a JSON object, NULL when there are none."),
)
