"""What a job may take of time, memory and of a request's time: planned, kept, and what gave way told."""
