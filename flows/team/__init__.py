"""The people of the rounds: their queues, how they do, and what their disagreement costs."""
