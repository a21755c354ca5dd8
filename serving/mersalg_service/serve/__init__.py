"""Offers over HTTP: `mersalg serve models/NAME`. Needs the extra `serve` (FastAPI, uvicorn, prometheus-client).

Where to read: command.py (start and stop), app.py (what is put together), live_bundle.py (which bundle answers),
routes.py and inference_v2.py (what is asked and answered), guards.py (keys and limits).
"""
