"""Who usually handles what, where, on a day: rules as data, and the changes to them that practice suggests."""
