"""Backends that make images from prompts."""
