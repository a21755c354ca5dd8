"""What offers really add: a hold-out against arms that show offers, from orders and the exposure record."""
