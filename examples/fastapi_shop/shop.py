"""A shop with offers at the cart and after payment: `uvicorn --factory shop:make_app`."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Cookie, FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader
from shop_database import ShopDatabase

import mersalg
from mersalg_service.experiment import ExposureLog, Trial, read_experiment
from mersalg_service.ledger import open_ledger, record_wish

HERE = Path(__file__).parent
TEMPLATES = Environment(loader=FileSystemLoader(HERE), autoescape=True)
Kept = Annotated[str, Cookie()]


def utc_now() -> datetime:
    """The time in UTC without a zone, as the orders have it."""
    return datetime.now(UTC).replace(tzinfo=None)


def make_app(now: Callable[[], datetime] = utc_now) -> FastAPI:
    """The shop; its database, bundle and record are named by the environment."""
    database = ShopDatabase(os.environ["DATABASE_URL"])
    recommender = mersalg.load(os.environ["BUNDLE"])
    record = ExposureLog(os.environ.get("EXPOSURES", "exposures.jsonl"))
    trial = Trial(read_experiment(HERE / "experiment.toml"), {"champion": recommender}, record)
    ledger = open_ledger(os.environ["DATABASE_URL"])
    products = database.products()
    app = FastAPI()

    def offers_for(customer: str, order: str, cart: list[str], moment: str) -> list[dict[str, Any]]:
        """What is offered beside a cart; a page never fails for it."""
        try:
            offers = trial.recommend(
                customer_id=customer or None, order_id=order, cart=cart, history=database.history(customer),
                moment=moment, at=now(),
            )  # fmt: skip
        except mersalg.MersalgError:
            logging.exception("no offers")
            return []
        sold = [offer for offer in offers if offer.product_id in products]
        return [{"product": products[o.product_id], "reason": o.reason.text(recommender.name)} for o in sold]

    def page(**known: Any) -> HTMLResponse:
        return HTMLResponse(TEMPLATES.get_template("page.html").render(known))

    def ids_of(cart: str) -> list[str]:
        return [product_id for product_id in cart.split("|") if product_id in products]

    def go(to: str = "/", **cookies: str) -> RedirectResponse:
        answer = RedirectResponse(to, status_code=303)
        for name, value in cookies.items():
            answer.set_cookie(name, value, httponly=True, samesite="strict")
        return answer

    @app.get("/")
    def show_cart(cart: Kept = "", order: Kept = "", customer: Kept = "") -> HTMLResponse:
        offers = offers_for(customer, order, ids_of(cart), "cart")
        chosen = [products[product_id] for product_id in ids_of(cart)]
        return page(title="Your cart", cart=chosen, offers=offers, products=products.values())

    @app.post("/cart")
    def add(product_id: str, cart: Kept = "", order: Kept = "") -> RedirectResponse:
        chosen = dict.fromkeys([*ids_of(cart), *ids_of(product_id)])
        return go(cart="|".join(chosen), order=order or secrets.token_hex(8))

    @app.post("/orders")
    def pay(cart: Kept = "", order: Kept = "", customer: Kept = "") -> RedirectResponse:
        database.buy(order, customer or None, ids_of(cart), now())
        return go(f"/orders/{order}" if cart else "/", cart="", order="")

    @app.get("/orders/{order}")
    def confirm(order: str, customer: Kept = "") -> HTMLResponse:
        offers = offers_for(customer, order, database.order(order), "order-confirmation")
        return page(title="Thank you", bought=[products[p] for p in database.order(order)], offers=offers)

    @app.post("/sign-in")
    def sign_in(customer: str) -> RedirectResponse:
        """Anybody as anybody: a real shop has accounts here."""
        return go(customer=customer)

    @app.post("/no-mails")
    def opt_out(customer: Kept = "") -> RedirectResponse:
        if customer:
            record_wish(ledger, customer, "opted-out", now())
            database.forget_mails(customer)
        return go()

    return app
