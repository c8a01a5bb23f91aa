"""Questions about images: one file for each verb, from `questions import` to `questions report`."""
