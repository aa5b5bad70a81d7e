"""The sandbox's content plan, made into posts of the hub through `planning.py`."""
