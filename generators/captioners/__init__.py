"""Backends that give captions for images."""
