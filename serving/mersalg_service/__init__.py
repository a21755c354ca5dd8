"""What a shop runs beside its own program: the HTTP service, the ledger, the batch of a mailing and trials.

`mersalg` is the loader that all of this stands on; its command gets `serve`, `follow-up` and `ledger` from here.
"""
