"""What the hub does, without a screen: queries are nouns, actions are verbs.

A function that only touches the database takes the caller's session first (`db.read()` or `db.write()`). One that talks
to a network takes none: it opens its own short transactions around the call, never one across it.
"""
