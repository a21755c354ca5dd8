"""From a ranker's score to a probability, a threshold and its certificate."""
