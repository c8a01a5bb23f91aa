"""What a round asks of whom, and where: the inputs of `push`, dealt out."""
