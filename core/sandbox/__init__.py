"""A small social network of our own that speaks the Mastodon API: for the demo, for training and for fault tests.

Everybody in it is invented and every page says so. It stands alone: nothing else of ours is imported here, and only
`plan` (plain data: which channels there are, what is planned) and `serve` (start and stop it) are meant for others.
"""
