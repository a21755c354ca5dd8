"""What is asked of every method: requests with what followed them."""
