"""`mersalg report`: what a bundle promises, keeps, costs and rests on, as one page that needs nothing else."""
