"""CLIP4DM's own evaluation of the five sets that its paper reports, each measure twice.

`published`: as the code of its authors computes it, from the set's own labels and by comparing
words. `offsets`: from the release's labels, by the place of words in the sentence.
"""
