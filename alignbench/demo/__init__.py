"""`alignbench demo`: the whole road in one command, with real servers.

It uses only what anyone can use: the flows, the services, Label Studio's own sign-up form and
annotation API. Read `run.py` for the story.
"""
