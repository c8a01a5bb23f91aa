"""What is found out of a loaded model by trying it, since its configuration does not say.

Each probe is a function over a loaded model or pipeline that returns its findings; none changes the
model for good. Loading uses some of them, a check of a model all.
"""
