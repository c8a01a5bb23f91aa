"""What an annotator is asked about at once, one module each.

`unit` says what a unit is to push and pull: what its task holds, the page it is answered on, and
how an answer is read into rows. `sentence` is the default; `every` finds a round's by name. To add
one, write its module and enter it in `every`. `given` is an answer whose author and task have been
checked, `marked_spans` and `offsets` prove where marked words lie.
"""
