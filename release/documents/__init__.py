"""The files of a release that say what it is: card, licence, citation, Croissant."""
