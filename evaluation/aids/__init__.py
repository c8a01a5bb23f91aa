"""What some analyses need beside sentences and scores: entailment, parts of speech, gold."""
