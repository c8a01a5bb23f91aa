"""What the configuration selects: models and what they cost, questions, sentences."""
