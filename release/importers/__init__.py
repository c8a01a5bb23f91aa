"""Importers of published sets, one file each; each is a plug-in like anyone's."""
