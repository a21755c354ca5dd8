"""Why a bundle makes an offer, and why it does not make another: contributions by removal, and the stages of a request.

`explainer.open_explainer` opens a bundle, `Explainer.explain` gives an `Explanation` (`result`).
"""
