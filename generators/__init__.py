"""Where images, prompts and captions come from.

`sources` offers images, `prompts` offers texts to make images from, `captioners` write captions;
each is a plug-in behind an entry point (see `schemas.registry`). `images.check_image` is the one
gate that every image passes before it is stored.
"""
