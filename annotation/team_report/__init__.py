"""What a manager of annotators is shown: how far a team is, how well it works, who needs help."""
