"""`mersalg follow-up`: the batch for a mailing, out of orders, a bundle and a ledger.

In data flow: `orders.read_histories`, `batch.follow_up`, `command.write_batch`. Nothing is imported here, so that the
command's help needs no numpy.
"""
