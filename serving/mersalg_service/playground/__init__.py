"""A page on which a cart is filled and its offers looked at; the bundle answers in the browser."""
