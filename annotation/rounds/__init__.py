"""What a round asks, and what has been withdrawn from it.

`members` draws the sentences of a round, `gold` reads those whose answer is known, and `withdrawal`
takes out images and annotators.
"""
