"""Photos that citizens send: what may be shown of them, the sealed original, and where they were taken, if the sender agreed."""
